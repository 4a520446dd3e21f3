//! `QueryRoot`: the goods by way of the catalogue's registry, operations and subscriptions here.

use std::cell::RefCell;

use serde_json::Value as Json;

use super::page;
use super::value::{Args, Connection, FieldError, Fields, Leaf, Object, Place, Resolved, Value, gid_number};
use crate::bulk;
use crate::catalogue::{self, Catalogue, Warning};
use crate::shop::Shop;
use crate::webhook;

/// What can be queried.
pub struct QueryRoot<'r> {
    shop: &'r Shop,
    catalogue: &'r Catalogue,
    warnings: RefCell<Vec<Warning>>,
}

impl<'r> QueryRoot<'r> {
    /// The root over a catalogue that is held still meanwhile.
    pub fn new(shop: &'r Shop, catalogue: &'r Catalogue) -> Self {
        Self {
            shop,
            catalogue,
            warnings: RefCell::default(),
        }
    }

    /// Entries of `extensions.search`.
    pub fn warnings(self) -> Vec<Json> {
        self.warnings
            .into_inner()
            .into_iter()
            .map(|warning| warning.0)
            .collect()
    }

    fn node(&self, gid: &str) -> Value<'_> {
        if let Some(object) = catalogue::node(self.catalogue, gid) {
            return Value::Object(object);
        }
        match gid_number(gid, "BulkOperation") {
            Some(id) => Value::nullable(self.shop.bulk.get(id)),
            None => Value::Null,
        }
    }
}

impl Object for QueryRoot<'_> {
    fn type_name(&self) -> &'static str {
        "QueryRoot"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        if let Some(resolved) = catalogue::root_field(self.catalogue, name, args, &mut self.warnings.borrow_mut()) {
            return resolved;
        }
        Ok(match name {
            "node" => self.node(args.text("id").unwrap_or_default()),
            "nodes" => {
                let ids = args.list("ids").unwrap_or_default();
                if ids.len() > 250 {
                    return Err(FieldError {
                        message: format!(
                            "The input array size of {} is greater than the maximum allowed of 250.",
                            ids.len()
                        ),
                        code: "MAX_INPUT_SIZE_EXCEEDED",
                    });
                }
                // In a list null may also mean that there is no access.
                let access = self.catalogue.facts.access();
                let node = |id: &Json| {
                    let node = self.node(id.as_str().unwrap_or_default());
                    access.value(name, &node).map_or(node, |_| Value::Null)
                };
                Value::List(ids.into_iter().map(node).collect())
            }
            "bulkOperation" => {
                let id = gid_number(args.text("id").unwrap_or_default(), "BulkOperation");
                Value::nullable(id.and_then(|id| self.shop.bulk.get(id)))
            }
            "currentBulkOperation" => Value::nullable(self.shop.bulk.all().pop()),
            "bulkOperations" => return bulk_operations(self.shop, args, &mut self.warnings.borrow_mut()),
            "webhookSubscriptions" => return subscriptions(self.shop, args),
            "currentAppInstallation" => installation(self.catalogue),
            "publicApiVersions" => versions(),
            _ => return Err(FieldError::unresolved("QueryRoot", name)),
        })
    }
}

fn bulk_operations<'r>(shop: &Shop, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'r> {
    let fields = &["created_at", "id", "operation_type", "status"];
    let filter = catalogue::search(
        args.text("query").unwrap_or_default(),
        fields,
        "bulkOperations",
        warnings,
    )?;
    let operations: Vec<bulk::Operation> = shop
        .bulk
        .all()
        .into_iter()
        .filter(|operation| {
            filter.accepts(|field, term| match field {
                "created_at" => term.time(operation.created_at),
                "id" => term.number(operation.id),
                "operation_type" => term.text("query"),
                _ => term.text(operation.status),
            })
        })
        .collect();
    let by_time = args.text("sortKey") != Some("COMPLETED_AT");
    let value = |operation: &bulk::Operation| {
        if by_time {
            operation.created_at
        } else {
            operation.completed_at.unwrap_or(i64::MAX)
        }
    };
    let keys = operations
        .iter()
        .enumerate()
        .map(|(at, it)| {
            (
                Place {
                    value: value(it),
                    id: it.id,
                },
                at,
            )
        })
        .collect();
    Connection::page("BulkOperation", args, page::PAGE, keys, |at| {
        Box::new(operations[at].clone())
    })
}

fn subscriptions<'r>(shop: &Shop, args: &Args) -> Resolved<'r> {
    let topics: Option<Vec<&str>> = args
        .list("topics")
        .map(|topics| topics.into_iter().filter_map(Json::as_str).collect());
    let listed: Vec<webhook::Subscription> = shop
        .subscriptions
        .all()
        .into_iter()
        .filter(|it| it.by_api)
        .filter(|it| {
            topics
                .as_ref()
                .is_none_or(|topics| topics.contains(&webhook::to_enum(&it.topic).as_str()))
        })
        .collect();
    let keys = listed
        .iter()
        .enumerate()
        .map(|(at, it)| {
            (
                Place {
                    value: it.id,
                    id: it.id,
                },
                at,
            )
        })
        .collect();
    Connection::page("WebhookSubscription", args, page::PAGE, keys, |at| {
        Box::new(listed[at].clone())
    })
}

fn installation(catalogue: &Catalogue) -> Value<'_> {
    struct Installation<'s>(&'s Catalogue);
    impl Object for Installation<'_> {
        fn type_name(&self) -> &'static str {
            "AppInstallation"
        }
        fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
            let scope = |handle: &'s String| {
                Fields::value(
                    "AccessScope",
                    vec![("handle", Leaf::Str(handle)), ("description", Leaf::Str(handle))],
                )
            };
            match name {
                "id" => Ok(Value::Gid("AppInstallation", 690_000_000_001)),
                "accessScopes" => Ok(Value::List(self.0.facts.scopes.iter().map(scope).collect())),
                _ => Err(FieldError::unresolved("AppInstallation", name)),
            }
        }
    }
    Value::object(Installation(catalogue))
}

fn versions() -> Value<'static> {
    let versions = ["2026-01", "2026-04", "2026-07", "2026-10"].map(|handle| {
        Fields::value(
            "ApiVersion",
            vec![
                ("handle", Leaf::Str(handle)),
                ("displayName", Leaf::Str(handle)),
                ("supported", Leaf::Bool(true)),
            ],
        )
    });
    Value::List(versions.into())
}
