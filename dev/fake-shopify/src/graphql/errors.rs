//! Errors in the words of Shopify's GraphQL server. All of them travel with HTTP 200.

use apollo_compiler::ExecutableDocument;
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
    found
        .iter()
        .map(|diagnostic| {
            let plain = diagnostic.unstable_to_json_compat();
            let locations: Vec<Json> = plain
                .locations
                .iter()
                .map(|at| json!({"line": at.line, "column": at.column}))
                .collect();
            let (message, extensions) = translate(diagnostic.error.unstable_error_name(), &plain.message);
            let mut entry = json!({"message": message, "locations": locations});
            // A text that does not parse has no path.
            if let Some(extensions) = extensions {
                entry["path"] = json!([operation]);
                entry["extensions"] = extensions;
            }
            entry
        })
        .collect()
}

fn translate(name: Option<&str>, message: &str) -> (String, Option<Json>) {
    let quoted: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
    match (name, quoted.as_slice()) {
        (Some("UndefinedField"), [field, type_name]) => (
            format!("Field '{field}' doesn't exist on type '{type_name}'"),
            Some(json!({"code": "undefinedField", "typeName": type_name, "fieldName": field})),
        ),
        (Some("UndefinedArgument"), [argument, coordinate]) => {
            let field = coordinate.rsplit('.').next().unwrap_or(coordinate);
            (
                format!("Field '{field}' doesn't accept argument '{argument}'"),
                Some(
                    json!({"code": "argumentNotAccepted", "name": field, "typeName": "Field", "argumentName": argument}),
                ),
            )
        }
        (Some("RequiredArgument"), [field, argument, ..]) => (
            format!("Field '{field}' is missing required arguments: {argument}"),
            Some(
                json!({"code": "missingRequiredArguments", "className": "Field", "name": field, "arguments": argument}),
            ),
        ),
        (Some("UndefinedVariable"), [variable]) => {
            let variable = variable.trim_start_matches('$');
            (
                format!("Variable ${variable} is used by the operation but not declared"),
                Some(json!({"code": "variableNotDefined", "variableName": variable})),
            )
        }
        (Some("UnusedVariable"), [variable]) => {
            let variable = variable.trim_start_matches('$');
            (
                format!("Variable ${variable} is declared by the operation but not used"),
                Some(json!({"code": "variableNotUsed", "variableName": variable})),
            )
        }
        (Some(other), _) => (message.to_owned(), Some(json!({"code": other}))),
        (None, _) if message.contains("EOF") => ("syntax error, unexpected end of file".to_owned(), None),
        (None, _) => (message.to_owned(), None),
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
