//! Errors in the words of Shopify's GraphQL server. All of them travel with HTTP 200.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::parser::LineColumn;
use apollo_compiler::validation::DiagnosticList;
use serde_json::{Value as Json, json};

/// The entries of `errors` for a document that does not validate.
pub fn validation(found: &DiagnosticList, partial: &ExecutableDocument) -> Vec<Json> {
    let operation = match partial.operations.iter().next() {
        Some(operation) => {
            let kind = operation.operation_type.name();
            operation
                .name
                .as_ref()
                .map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
        }
        None => "query".to_owned(),
    };
    // A text that does not parse is told as that alone; what else it breaks follows from it.
    let broken: Vec<_> = found
        .iter()
        .filter(|diagnostic| diagnostic.error.unstable_error_name().is_none())
        .map(|diagnostic| diagnostic.to_json())
        .collect();
    if let Some(first) = broken.first() {
        let end = broken.iter().find(|error| error.message.contains("EOF"));
        let message = end.map_or(first.message.as_str(), |_| "syntax error, unexpected end of file");
        return vec![json!({"message": message, "locations": places(&end.unwrap_or(first).locations)})];
    }
    // Where an unknown field was the only one selected, nothing else is said of its parent.
    let named = |name: &str| {
        found
            .iter()
            .any(|diagnostic| diagnostic.error.unstable_error_name() == Some(name))
    };
    let unknown = named("UndefinedField");
    found
        .iter()
        .filter(|diagnostic| !unknown || diagnostic.error.unstable_error_name() != Some("MissingSubselection"))
        .map(|diagnostic| {
            let plain = diagnostic.unstable_to_json_compat();
            let locations = places(&plain.locations);
            let (message, extensions) = translate(diagnostic.error.unstable_error_name(), &plain.message);
            json!({"message": message, "locations": locations, "path": [operation], "extensions": extensions})
        })
        .collect()
}

fn places(locations: &[LineColumn]) -> Vec<Json> {
    locations
        .iter()
        .map(|at| json!({"line": at.line, "column": at.column}))
        .collect()
}

fn translate(name: Option<&str>, message: &str) -> (String, Json) {
    let quoted: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
    match (name, quoted.as_slice()) {
        (Some("UndefinedField"), [field, type_name]) => (
            format!("Field '{field}' doesn't exist on type '{type_name}'"),
            json!({"code": "undefinedField", "typeName": type_name, "fieldName": field}),
        ),
        (Some("UndefinedArgument"), [argument, coordinate]) => {
            let field = coordinate.rsplit('.').next().unwrap_or(coordinate);
            (
                format!("Field '{field}' doesn't accept argument '{argument}'"),
                json!({"code": "argumentNotAccepted", "name": field, "typeName": "Field", "argumentName": argument}),
            )
        }
        (Some("RequiredArgument"), [field, argument, ..]) => (
            format!("Field '{field}' is missing required arguments: {argument}"),
            json!({"code": "missingRequiredArguments", "className": "Field", "name": field, "arguments": argument}),
        ),
        (Some("UndefinedVariable"), [variable]) => {
            let variable = variable.trim_start_matches('$');
            (
                format!("Variable ${variable} is used by the operation but not declared"),
                json!({"code": "variableNotDefined", "variableName": variable}),
            )
        }
        (Some("UnusedVariable"), [variable]) => {
            let variable = variable.trim_start_matches('$');
            (
                format!("Variable ${variable} is declared by the operation but not used"),
                json!({"code": "variableNotUsed", "variableName": variable}),
            )
        }
        (Some(other), _) => (message.to_owned(), json!({"code": other})),
        (None, _) => (message.to_owned(), Json::Null),
    }
}

/// A variable whose value does not fit.
pub fn variable(message: &str) -> Json {
    json!({"message": message, "extensions": {"code": "INVALID_VARIABLE"}})
}

/// The request as a whole is wrong.
pub fn bad_request(message: &str) -> Json {
    json!({"message": message, "extensions": {"code": "BAD_REQUEST"}})
}

/// The bucket is empty.
pub fn throttled() -> Json {
    json!({
        "message": "Throttled",
        "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"},
    })
}

/// The query asks for more than one query may.
pub fn max_cost(cost: f64, limit: f64) -> Json {
    json!({
        "message": format!("Query cost is {cost}, which exceeds the single query max cost limit ({limit})."),
        "extensions": {
            "code": "MAX_COST_EXCEEDED",
            "cost": cost,
            "maxCost": limit,
            "documentation": "https://shopify.dev/api/usage/rate-limits",
        },
    })
}
