//! `QueryRoot` and `Mutation`: the goods by way of the catalogue's registry, the rest here.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value as Json;

use super::page;
use super::value::{Args, Connection, FieldError, Fields, Leaf, Object, Place, Resolved, Value, gid_number};
use crate::bulk;
use crate::catalogue::{self, Catalogue, Warning};
use crate::shop::{Shop, State};
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
                Value::List(
                    ids.into_iter()
                        .map(|id| self.node(id.as_str().unwrap_or_default()))
                        .collect(),
                )
            }
            "bulkOperation" => {
                let id = gid_number(args.text("id").unwrap_or_default(), "BulkOperation");
                Value::nullable(id.and_then(|id| self.shop.bulk.get(id)))
            }
            "currentBulkOperation" => Value::nullable(self.shop.bulk.all().pop()),
            "bulkOperations" => return bulk_operations(self.shop, args, &mut self.warnings.borrow_mut()),
            "webhookSubscriptions" => return subscriptions(self.shop, args),
            "currentAppInstallation" => installation(self.shop),
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

fn installation(shop: &Shop) -> Value<'_> {
    struct Installation<'s>(&'s Shop);
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
                "accessScopes" => Ok(Value::List(self.0.scopes.iter().map(scope).collect())),
                _ => Err(FieldError::unresolved("AppInstallation", name)),
            }
        }
    }
    Value::object(Installation(shop))
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

/// What can be done.
pub struct MutationRoot<'r> {
    /// The server.
    pub state: &'r Arc<State>,
    /// The shop it is done to.
    pub shop: &'r Arc<Shop>,
}

impl Object for MutationRoot<'_> {
    fn type_name(&self) -> &'static str {
        "Mutation"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        match name {
            "bulkOperationRunQuery" => Ok(self.bulk_run(args)),
            "bulkOperationCancel" => Ok(self.bulk_cancel(args)),
            "webhookSubscriptionCreate" => Ok(self.subscribe(args)),
            "webhookSubscriptionDelete" => Ok(self.unsubscribe(args)),
            _ => Err(FieldError::unresolved("Mutation", name)),
        }
    }
}

impl<'r> MutationRoot<'r> {
    fn bulk_run(&self, args: &Args) -> Value<'r> {
        let grouped = args.flag("groupObjects").unwrap_or(false);
        let started = bulk::start(self.state, self.shop, args.text("query").unwrap_or_default(), grouped);
        let (operation, errors) = match started {
            Ok(operation) => (Some(operation), Vec::new()),
            Err(refusal) => {
                let field: Vec<&str> = refusal.field.into_iter().collect();
                (None, vec![UserError::new(&field, &refusal.message).code(refusal.code)])
            }
        };
        payload("BulkOperationRunQueryPayload", "bulkOperation", operation, errors)
    }

    fn bulk_cancel(&self, args: &Args) -> Value<'r> {
        let id = gid_number(args.text("id").unwrap_or_default(), "BulkOperation");
        let (operation, errors) = match id.and_then(|id| self.shop.bulk.cancel(id)) {
            Some(Ok(operation)) => (Some(operation), Vec::new()),
            Some(Err(over)) => {
                let message = format!(
                    "A bulk operation cannot be canceled when it is {}",
                    over.status.to_lowercase()
                );
                (Some(over), vec![UserError::new(&[], &message)])
            }
            None => (None, vec![UserError::new(&["id"], "Bulk operation does not exist")]),
        };
        payload("BulkOperationCancelPayload", "bulkOperation", operation, errors)
    }

    fn subscribe(&self, args: &Args) -> Value<'r> {
        let given = args.given.get("webhookSubscription").cloned().unwrap_or_default();
        let url = given["uri"]
            .as_str()
            .or(given["callbackUrl"].as_str())
            .unwrap_or_default();
        let topic = webhook::to_header(args.text("topic").unwrap_or_default());
        let version = &self.state.config.api_version;
        // Shopify refuses http addresses; a fake on this machine has no others to serve, except far ones.
        let local = url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost");
        let added = if url.is_empty() {
            Err("Address can't be blank")
        } else if url.len() > 65_535 {
            Err("Address is too big (maximum is 64 KB)")
        } else if url.starts_with("http://") && !local {
            Err("Address protocol http:// is not supported")
        } else {
            self.shop
                .subscriptions
                .add(&topic, url, given["name"].as_str(), true, version)
        };
        let (subscription, errors) = match added {
            Ok(subscription) => (Some(subscription), Vec::new()),
            Err(message) => (
                None,
                vec![UserError::new(&["webhookSubscription", "callbackUrl"], message)],
            ),
        };
        payload(
            "WebhookSubscriptionCreatePayload",
            "webhookSubscription",
            subscription,
            errors,
        )
    }

    fn unsubscribe(&self, args: &Args) -> Value<'r> {
        let gid = args.text("id").unwrap_or_default().to_owned();
        let removed = gid_number(&gid, "WebhookSubscription").is_some_and(|id| self.shop.subscriptions.remove(id));
        let errors = match removed {
            true => Vec::new(),
            false => vec![UserError::new(&["id"], "Webhook subscription does not exist")],
        };
        let id = removed.then_some(gid);
        Value::object(Payload {
            type_name: "WebhookSubscriptionDeletePayload",
            field: "deletedWebhookSubscriptionId",
            object: None::<webhook::Subscription>,
            id,
            errors,
        })
    }
}

fn payload<'r, T: Object + 'r>(
    type_name: &'static str,
    field: &'static str,
    object: Option<T>,
    errors: Vec<UserError>,
) -> Value<'r> {
    Value::object(Payload {
        type_name,
        field,
        object,
        id: None,
        errors,
    })
}

/// The answer of a mutation.
struct Payload<T> {
    type_name: &'static str,
    field: &'static str,
    object: Option<T>,
    id: Option<String>,
    errors: Vec<UserError>,
}

impl<T: Object> Object for Payload<T> {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        Ok(match name {
            "userErrors" => Value::List(self.errors.iter().map(Value::object).collect()),
            field if field == self.field => match &self.id {
                Some(id) => Value::Str(id),
                None => Value::nullable(self.object.as_ref()),
            },
            _ => return Err(FieldError::unresolved(self.type_name, name)),
        })
    }
}

struct UserError {
    field: Vec<String>,
    message: String,
    code: Option<&'static str>,
}

impl UserError {
    fn new(field: &[&str], message: &str) -> Self {
        Self {
            field: field.iter().map(|part| (*part).to_owned()).collect(),
            message: message.to_owned(),
            code: None,
        }
    }

    fn code(self, code: &'static str) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }
}

impl Object for UserError {
    fn type_name(&self) -> &'static str {
        "UserError"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        Ok(match name {
            "field" if self.field.is_empty() => Value::Null,
            "field" => Value::List(self.field.iter().map(|part| Value::Str(part)).collect()),
            "message" => Value::Str(&self.message),
            "code" => self.code.map_or(Value::Null, Value::Str),
            _ => return Err(FieldError::unresolved("UserError", name)),
        })
    }
}
