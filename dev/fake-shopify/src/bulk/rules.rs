//! What a bulk query may contain, with Shopify's messages where they are recorded.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};

use crate::graphql::{is_connection, schema};

/// Query text beyond this is refused.
const TEXT_LIMIT: usize = 65_535;
const CONNECTION_LIMIT: usize = 5;
const DEPTH_LIMIT: usize = 2;

/// The reason a query is refused, or the query's one root field.
pub fn check(text: &str) -> Result<std::sync::Arc<apollo_compiler::validation::Valid<ExecutableDocument>>, String> {
    if text.len() > TEXT_LIMIT {
        return Err(format!("Bulk queries cannot be longer than {TEXT_LIMIT} bytes."));
    }
    let document = schema::document(text).map_err(|errors| {
        let first = errors
            .first()
            .and_then(|error| error["message"].as_str())
            .unwrap_or_default();
        format!("Invalid bulk query: {first}")
    })?;
    let operation = document
        .operations
        .iter()
        .next()
        .ok_or("Invalid bulk query: syntax error, unexpected end of file")?;
    if document.operations.len() > 1 || !operation.is_query() {
        return Err("Invalid operation type. Only `query` operations are supported.".to_owned());
    }
    if !operation.variables.is_empty() {
        return Err("Invalid bulk query: variables are not supported.".to_owned());
    }
    root(operation, &document)?;
    Ok(document)
}

fn root(operation: &Operation, document: &ExecutableDocument) -> Result<(), String> {
    let fields: Vec<&Field> = operation.root_fields(document).map(|field| &**field).collect();
    if let Some(field) = fields
        .iter()
        .find(|field| matches!(field.name.as_str(), "node" | "nodes"))
    {
        return Err(format!(
            "Bulk queries cannot contain a top level `{}` field.",
            field.name
        ));
    }
    if fields.len() != 1 {
        return Err("Bulk queries must contain a single top level field.".to_owned());
    }
    let mut walk = Walk {
        document,
        connections: 0,
    };
    walk.field(
        fields[0],
        &Above {
            depth: 0,
            in_list: false,
            node_has_id: None,
        },
    )?;
    match walk.connections {
        0 => Err("Bulk queries must contain at least one connection.".to_owned()),
        1..=CONNECTION_LIMIT => Ok(()),
        _ => Err("Bulk queries cannot contain more than 5 connections.".to_owned()),
    }
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    connections: usize,
}

/// What surrounds a field.
struct Above {
    depth: usize,
    in_list: bool,
    /// Inside a `node`: whether it selects a plain `id`.
    node_has_id: Option<bool>,
}

impl Walk<'_> {
    fn field(&mut self, field: &Field, above: &Above) -> Result<(), String> {
        if !is_connection(field, schema::schema()) {
            let below = Above {
                in_list: above.in_list || field.ty().is_list(),
                ..*above
            };
            return self.set(&field.selection_set, &below);
        }
        self.connections += 1;
        if above.in_list {
            return Err(
                "Queries that contain a connection field within a list field are not currently supported.".to_owned(),
            );
        }
        if above.depth > DEPTH_LIMIT {
            return Err("Bulk queries cannot contain connections with a nesting depth greater than 2.".to_owned());
        }
        if above.node_has_id == Some(false) {
            return Err(format!(
                "The parent 'node' field for a nested connection must select the 'id' field without an alias and must be \
                 of 'ID' return type. Connection fields without 'id': {}.",
                field.name
            ));
        }
        for edges in selected(&field.selection_set, self.document) {
            match edges.name.as_str() {
                "edges" => {}
                "pageInfo" | "__typename" => continue,
                _ => {
                    return Err(
                        "All connection fields in a bulk query must select their contents using 'edges' > 'node'."
                            .to_owned(),
                    );
                }
            }
            for node in selected(&edges.selection_set, self.document) {
                let plain_id = |field: &&Field| field.name == "id" && field.alias.is_none();
                let has_id = selected(&node.selection_set, self.document).iter().any(plain_id);
                let below = Above {
                    depth: above.depth + 1,
                    in_list: false,
                    node_has_id: Some(has_id),
                };
                self.set(&node.selection_set, &below)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, set: &SelectionSet, above: &Above) -> Result<(), String> {
        for field in selected(set, self.document) {
            self.field(field, above)?;
        }
        Ok(())
    }
}

/// The fields of a set, fragments spread.
fn selected<'d>(set: &'d SelectionSet, document: &'d ExecutableDocument) -> Vec<&'d Field> {
    let mut fields = Vec::new();
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => fields.push(&**field),
            Selection::InlineFragment(fragment) => fields.extend(selected(&fragment.selection_set, document)),
            Selection::FragmentSpread(spread) => {
                fields.extend(selected(
                    &document.fragments[&spread.fragment_name].selection_set,
                    document,
                ));
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        check(text).err().unwrap_or_default()
    }

    #[test]
    fn each_rule_has_its_message() {
        let variants = |inside: &str| format!("{{ products {{ edges {{ node {{ {inside} }} }} }} }}");
        assert_eq!(
            message("{ shop { id } }"),
            "Bulk queries must contain at least one connection."
        );
        assert_eq!(
            message(
                "mutation { bulkOperationCancel(id: \"gid://shopify/BulkOperation/1\") { userErrors { message } } }"
            ),
            "Invalid operation type. Only `query` operations are supported."
        );
        assert_eq!(
            message("{ node(id: \"x\") { id } }"),
            "Bulk queries cannot contain a top level `node` field."
        );
        assert!(message("{ products { nodes { id } } }").starts_with("All connection fields in a bulk query"));
        assert!(
            message(&variants("variants { edges { node { id } } }"))
                .ends_with("Connection fields without 'id': variants.")
        );
        assert!(message(&variants("id: handle variants { edges { node { id } } }")).contains("without an alias"));
        let deep = "id variants { edges { node { id metafields { edges { node { id reference { ... on Product { id collections { edges { node { id } } } } } } } } } } }";
        assert_eq!(
            message(&variants(deep)),
            "Bulk queries cannot contain connections with a nesting depth greater than 2."
        );
        let many = "id a: variants { edges { node { id } } } b: variants { edges { node { id } } } c: variants { edges { node { id } } } d: variants { edges { node { id } } } e: variants { edges { node { id } } }";
        assert_eq!(
            message(&variants(many)),
            "Bulk queries cannot contain more than 5 connections."
        );
        let listed =
            "{ orders { edges { node { id refunds { id refundLineItems(first: 1) { edges { node { id } } } } } } } }";
        assert!(message(listed).starts_with("Queries that contain a connection field within a list field"));
        assert_eq!(
            message("{ products {"),
            "Invalid bulk query: syntax error, unexpected end of file"
        );
        assert_eq!(
            message(&variants("titel")),
            "Invalid bulk query: Field 'titel' doesn't exist on type 'Product'"
        );
        assert_eq!(message(&variants("id variants { edges { node { id } } }")), "");
    }
}
