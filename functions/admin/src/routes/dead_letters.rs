//! `deadLetters.*`: messages that were given up, and how they come back.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::message::QueueName;
use shared::queue::{DeadMessage, Redrive, RedriveTask};

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::queue::{MOST_LOOKED_AT, Meant, Named, Search, audit, body, count, time};

/// Dead letters that are meant, the longest dead first. Looks at some hundred at a time; `nextCursor` goes on.
pub(crate) async fn search(context: &Context, value: Value) -> Result<Value, Error> {
    let search: Search = input(value)?;
    let filter = search.filter.filter()?;
    let found = async {
        let letters = context.queue(search.queue)?.dead_letter_queue();
        letters.search(&filter, search.cursor, MOST_LOOKED_AT).await
    };
    let page = found.await.map_err(|error| Error::unavailable("Redis", &error))?;
    Ok(json!({
        "deadLetters": page.items.iter().map(show).collect::<Vec<_>>(),
        "nextCursor": page.next,
    }))
}

fn show(letter: &DeadMessage) -> Value {
    json!({
        "id": letter.id,
        "reason": letter.reason,
        "deadAt": time(letter.dead_at),
        "sentAt": time(letter.sent_at),
        "receiveCount": letter.receive_count,
        "shop": letter.group,
        "body": body(&letter.body),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StartRedrive {
    queue: QueueName,
    #[serde(default)]
    filter: Meant,
    to: Option<QueueName>,
    per_second: Option<u32>,
    #[serde(default)]
    dry_run: bool,
}

/// Begins to send back what is meant; the drain of the queue does it. A dry run only counts.
pub(crate) async fn redrive(context: &Context, value: Value) -> Result<Value, Error> {
    let request: StartRedrive = input(value)?;
    if request.per_second == Some(0) {
        let message = "the input is not right: `perSecond`: expected at least 1";
        return Err(Error::new(Code::BadRequest, message));
    }
    let filter = request.filter.filter()?;
    let unavailable = |error| Error::unavailable("Redis", &error);
    let letters = context.queue(request.queue).map_err(unavailable)?.dead_letter_queue();
    if request.dry_run {
        let meant = letters.count(&filter).await.map_err(unavailable)?;
        return Ok(json!({ "dryRun": true, "meant": meant }));
    }
    let redrive = Redrive {
        filter,
        to: request.to.map(|name| name.as_str().to_owned()),
        per_second: request.per_second,
    };
    // What was searched for in the bodies may be somebody's mail address.
    let mut kept = redrive.clone();
    kept.filter
        .fields
        .values_mut()
        .for_each(|value| *value = "not kept".to_owned());
    let detail = json!({ "queue": request.queue, "redrive": kept });
    audit(context, "deadLetters.redrive", None, &detail).await?;
    match letters.start_redrive(redrive).await.map_err(unavailable)? {
        Some(task) => Ok(json!({ "redrive": task })),
        None => {
            let message = format!("a redrive of {} is running: wait for it, or cancel it", request.queue);
            Err(Error::new(Code::Conflict, message))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    queue: QueueName,
}

/// The last redrives of a queue, the newest first, and how far they are.
pub(crate) async fn redrives(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Of = input(value)?;
    let read = async { context.queue(request.queue)?.dead_letter_queue().redrives().await };
    let tasks: Vec<RedriveTask> = read.await.map_err(|error| Error::unavailable("Redis", &error))?;
    Ok(json!({ "redrives": tasks }))
}

/// Stops the redrive that is running. What has moved stays where it is.
pub(crate) async fn cancel_redrive(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Of = input(value)?;
    audit(
        context,
        "deadLetters.cancelRedrive",
        None,
        &json!({ "queue": request.queue }),
    )
    .await?;
    let stopped = async { context.queue(request.queue)?.dead_letter_queue().cancel_redrive().await };
    match stopped.await.map_err(|error| Error::unavailable("Redis", &error))? {
        Some(task) => Ok(json!({ "redrive": task })),
        None => {
            let message = format!("no redrive of {} is running", request.queue);
            Err(Error::new(Code::NotFound, message))
        }
    }
}

/// Deletes dead letters by their ids.
pub(crate) async fn delete(context: &Context, value: Value) -> Result<Value, Error> {
    let named: Named = input(value)?;
    let ids = named.ids()?;
    let detail = json!({ "queue": named.queue, "ids": named.ids });
    audit(context, "deadLetters.delete", None, &detail).await?;
    let done = async { context.queue(named.queue)?.dead_letter_queue().delete(&ids).await };
    let settled = done.await.map_err(|error| Error::unavailable("Redis", &error))?;
    Ok(json!({ "deleted": count(&settled) }))
}
