//! `queue.*`: what is in the queues, and what people do about it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::message::QueueName;
use shared::queue::{Attributes, Filter, MessageId, Peeked, Settled, State};
use shared::store::{self, admin_audit};

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::shopify::parse_shop;

/// Messages that one search looks at.
pub(super) const MOST_LOOKED_AT: usize = 500;
/// Characters of a body in an answer; a whole one is for the logs of deliveries.
const BODY_SHOWN: usize = 2_000;

/// All queues: counts, ages, bytes, and whether they are paused.
pub(crate) async fn list(context: &Context, _: Value) -> Result<Value, Error> {
    let mut queues = Vec::new();
    for name in QueueName::ALL {
        let attributes = async { context.queue(name)?.attributes().await };
        let attributes = attributes.await.map_err(|error| Error::unavailable("Redis", &error))?;
        queues.push(describe(name, &attributes));
    }
    Ok(Value::Array(queues))
}

fn describe(name: QueueName, attributes: &Attributes) -> Value {
    json!({
        "queue": name.as_str(),
        "visible": attributes.visible,
        "inFlight": attributes.in_flight,
        "delayed": attributes.delayed,
        "oldestAgeSeconds": attributes.oldest_age.map(|age| age.as_secs_f64()),
        "bytes": attributes.bytes,
        "waitingShops": attributes.waiting_groups,
        "paused": attributes.paused,
        "pausedShops": attributes.paused_groups,
        "deadLetters": attributes.dead,
        "oldestDeadLetterAgeSeconds": attributes.oldest_dead_age.map(|age| age.as_secs_f64()),
        "deadLetterBytes": attributes.dead_bytes,
    })
}

/// Which messages a person means. Ages are of now; a [`Filter`] has times.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Meant {
    #[serde(skip_serializing_if = "Option::is_none")]
    shop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    older_than_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    younger_than_seconds: Option<u64>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    fields: std::collections::BTreeMap<String, String>,
}

impl Meant {
    pub(super) fn filter(self) -> Result<Filter, Error> {
        let now = chrono::Utc::now().timestamp_millis() as u64;
        let ago = |seconds: u64| now.saturating_sub(seconds.saturating_mul(1_000));
        let shop = self.shop.as_deref().map(parse_shop).transpose()?;
        let mut fields = self.fields;
        if let Some(pointer) = fields.keys().find(|pointer| !pointer.starts_with('/')) {
            let message = format!("the input is not right: `fields`: `{pointer}` is no JSON pointer, such as /topic");
            return Err(Error::new(Code::BadRequest, message));
        }
        fields.extend(self.topic.map(|topic| ("/topic".to_owned(), topic)));
        Ok(Filter {
            group: shop.map(|shop| shop.as_str().to_owned()),
            fields,
            error: self.error,
            sent_before: self.older_than_seconds.map(ago),
            sent_since: self.younger_than_seconds.map(ago),
            ..Filter::default()
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Search {
    pub queue: QueueName,
    #[serde(default)]
    pub filter: Meant,
    #[serde(default)]
    pub cursor: u64,
}

/// Messages that are meant, without receiving them. Looks at some hundred at a time; `nextCursor` goes on.
pub(crate) async fn search(context: &Context, value: Value) -> Result<Value, Error> {
    let search: Search = input(value)?;
    let filter = search.filter.filter()?;
    let found = async {
        context
            .queue(search.queue)?
            .search(&filter, search.cursor, MOST_LOOKED_AT)
            .await
    };
    let page = found.await.map_err(|error| Error::unavailable("Redis", &error))?;
    Ok(json!({
        "messages": page.items.iter().map(show).collect::<Vec<_>>(),
        "nextCursor": page.next,
    }))
}

fn show(message: &Peeked) -> Value {
    json!({
        "id": message.id,
        "state": match message.state {
            State::Visible => "visible",
            State::InFlight => "inFlight",
            State::Delayed => "delayed",
        },
        "visibleInSeconds": message.visible_in.as_secs_f64(),
        "receiveCount": message.receive_count,
        "lastError": message.last_error,
        "shop": message.group,
        "sentAt": time(message.sent_at),
        "body": body(&message.body),
    })
}

pub(super) fn time(ms: u64) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::from_timestamp_millis(i64::try_from(ms).ok()?)
}

pub(super) fn body(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(BODY_SHOWN).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    queue: QueueName,
    shop: Option<String>,
}

/// Stops receiving: of one store's messages, or of all.
pub(crate) async fn pause(context: &Context, value: Value) -> Result<Value, Error> {
    change_pause(context, value, true).await
}

/// Ends a pause.
pub(crate) async fn resume(context: &Context, value: Value) -> Result<Value, Error> {
    change_pause(context, value, false).await
}

async fn change_pause(context: &Context, value: Value, pause: bool) -> Result<Value, Error> {
    let request: Pause = input(value)?;
    let shop = request.shop.as_deref().map(parse_shop).transpose()?;
    let group = shop.as_ref().map(|shop| shop.as_str());
    let action = if pause { "queue.pause" } else { "queue.resume" };
    audit(context, action, group, &json!({ "queue": request.queue })).await?;
    let done = async {
        let queue = context.queue(request.queue)?;
        match pause {
            true => queue.pause(group).await,
            false => queue.resume(group).await,
        }
    };
    let changed = done.await.map_err(|error| Error::unavailable("Redis", &error))?;
    Ok(json!({ "queue": request.queue, "shop": group, "paused": pause, "changed": changed }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub queue: QueueName,
    pub ids: Vec<String>,
}

impl Named {
    pub(super) fn ids(&self) -> Result<Vec<MessageId>, Error> {
        let parse = |id: &String| {
            let message = format!("the input is not right: `ids`: `{id}` is not the id of a message");
            id.parse().map_err(|_| Error::new(Code::BadRequest, message))
        };
        self.ids.iter().map(parse).collect()
    }
}

/// Removes messages by their ids, wherever they are.
pub(crate) async fn cancel(context: &Context, value: Value) -> Result<Value, Error> {
    let named: Named = input(value)?;
    let ids = named.ids()?;
    audit(
        context,
        "queue.cancel",
        None,
        &json!({ "queue": named.queue, "ids": named.ids }),
    )
    .await?;
    let done = async { context.queue(named.queue)?.cancel(&ids).await };
    let settled = done.await.map_err(|error| Error::unavailable("Redis", &error))?;
    Ok(json!({ "cancelled": count(&settled) }))
}

pub(super) fn count(settled: &[Settled]) -> usize {
    settled.iter().filter(|settled| **settled == Settled::Done).count()
}

/// Records what a person did, before it is done.
pub(super) async fn audit(context: &Context, action: &str, shop: Option<&str>, detail: &Value) -> Result<(), Error> {
    let recorded = async {
        let mut tx = context.store.begin().await?;
        admin_audit::record(&mut tx, action, shop, detail).await?;
        store::commit(tx).await
    };
    recorded.await.map_err(|error| Error::unavailable("Postgres", &error))
}
