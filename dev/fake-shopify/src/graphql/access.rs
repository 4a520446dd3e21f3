//! What an app may not see: types whose scope it was not granted, and protected fields it was not approved for.
//!
//! Either is `null` with an `ACCESS_DENIED` among the `errors`, beside whatever else could be answered.

use std::collections::BTreeSet;

use super::value::{FieldError, Value};

/// Types and the scopes of which one is enough; a scope to write includes the one to read.
const SCOPES: [(&str, &[&str]); 8] = [
    ("Product", &["read_products"]),
    ("ProductVariant", &["read_products"]),
    ("Collection", &["read_products"]),
    ("InventoryItem", &["read_inventory", "read_products"]),
    ("InventoryLevel", &["read_inventory"]),
    ("Location", &["read_locations", "read_inventory"]),
    ("Customer", &["read_customers"]),
    ("Order", &["read_orders"]),
];

/// What is closed to an app. Nothing, by default.
#[derive(Clone, Debug, Default)]
pub struct Access {
    refused: BTreeSet<String>,
    closed: Vec<(&'static str, &'static str)>,
}

impl Access {
    /// What is closed to an app with these scopes, refused these `Type.field` names.
    pub fn new(scopes: &[String], refused: &BTreeSet<String>) -> Self {
        let granted = |scope: &str| {
            let write = scope.replacen("read_", "write_", 1);
            scopes.iter().any(|it| it == scope || *it == write)
        };
        let closed = SCOPES.iter().filter(|(_, any)| !any.iter().any(|scope| granted(scope)));
        Self {
            refused: refused.clone(),
            closed: closed.map(|(type_name, any)| (*type_name, any[0])).collect(),
        }
    }

    /// Why a field is not even looked up.
    pub fn field(&self, type_name: &str, field: &str) -> Option<FieldError> {
        // The set is empty in nearly all shops; a name is only put together if it is not.
        let refused = !self.refused.is_empty() && self.refused.contains(&format!("{type_name}.{field}"));
        if refused {
            return Some(FieldError::refused(field));
        }
        let kind = field.strip_suffix("sCount").filter(|_| type_name == "QueryRoot")?;
        self.scope(|type_name| type_name.eq_ignore_ascii_case(kind), field)
    }

    /// Why what a field gives is not shown.
    pub fn value(&self, field: &str, value: &Value<'_>) -> Option<FieldError> {
        if self.closed.is_empty() {
            return None;
        }
        let found = match value {
            Value::Object(object) => object.type_name(),
            Value::Connection(connection) => connection.node_type,
            Value::List(items) => match items.first() {
                Some(Value::Object(object)) => object.type_name(),
                _ => return None,
            },
            _ => return None,
        };
        self.scope(|type_name| type_name == found, field)
    }

    fn scope(&self, wanted: impl Fn(&str) -> bool, field: &str) -> Option<FieldError> {
        let (_, scope) = self.closed.iter().find(|(type_name, _)| wanted(type_name))?;
        Some(FieldError::no_scope(field, scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scope_of_several_or_the_one_to_write_is_enough() {
        let closed = |scopes: &[&str]| -> Vec<&'static str> {
            let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let access = Access::new(&scopes, &BTreeSet::new());
            access.closed.into_iter().map(|(type_name, _)| type_name).collect()
        };
        assert_eq!(
            closed(&["write_products", "read_inventory"]),
            ["Customer", "Order"],
            "locations open with the inventory"
        );
        assert_eq!(
            closed(&["read_products", "read_orders"]),
            ["InventoryLevel", "Location", "Customer"]
        );
    }
}
