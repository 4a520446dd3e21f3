//! `Mutation`: bulk operations are started and cancelled, subscriptions made and removed.

use std::sync::Arc;

use super::value::{Args, FieldError, Object, Resolved, Value, gid_number};
use crate::bulk;
use crate::shop::{Shop, State};
use crate::webhook;

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
