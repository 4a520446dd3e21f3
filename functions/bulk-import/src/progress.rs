//! Progress: looks how far the chunks are, and sends again what got stuck.

use shared::store::{self, sync_chunks};

use super::{Answer, Error, Last, Run, fan_out, finish, renew};

/// A chunk that has not advanced for this long has lost its message, or its worker.
const STALLED_AFTER_SECONDS: f64 = 120.0;
/// A chunk that was sent this often and still does not advance is dead.
const MOST_SENDS: i32 = 6;
/// Rounds in one execution: each leaves some fifty of its 25,000 events.
const MOST_ROUNDS: u32 = 300;
/// Seconds between two rounds in which nothing moves, at most.
const LONGEST_WAIT: u32 = 20;

/// The first round of draining after the fan-out.
pub(crate) fn first_round(run: &Run<'_>) -> Answer {
    drain(run, 0, &Last::default(), 0)
}

/// Says whether the chunks are done, and if not, drains once more.
pub(crate) async fn run(run: &Run<'_>, last: &Last) -> Result<Answer, Error> {
    let (mut tx, operation) = run.lock().await?;
    match operation.phase.as_str() {
        _ if operation.job_status == "canceled" => return Ok(Answer::Finish),
        "draining" => {}
        // It was submitted again.
        "starting" | "running" => return Ok(Answer::Wait { seconds: 1, polls: 0 }),
        _ => return Ok(Answer::Finish),
    }
    let sums = sync_chunks::sums(&mut tx, run.job_id, run.operation).await?;
    if sums.done == sums.chunks {
        return Ok(Answer::Finish);
    }
    if sums.first_error.is_some() && renew::is_gone(run, &operation).await? {
        let then = drain(run, 1, &Last { idle: 0, ..*last }, sums.lines);
        return renew::run(run, tx, &operation, then).await;
    }
    let stalled = sync_chunks::take_stalled(&mut tx, run.job_id, run.operation, STALLED_AFTER_SECONDS).await?;
    if let Some(dead) = stalled.iter().find(|chunk| chunk.sends > MOST_SENDS) {
        let why = sums
            .first_error
            .as_deref()
            .unwrap_or("no drain reported an error: look at the drain's log");
        let sentence = format!(
            "part {} of the result does not advance: {why}; start the import again",
            dead.chunk
        );
        finish::fail(run, &mut tx, &sentence).await?;
        store::commit(tx).await?;
        return Ok(Answer::Finish);
    }
    if last.rounds >= MOST_ROUNDS {
        return run.continue_elsewhere(tx).await;
    }
    let shop = run.shop(&mut tx).await?;
    store::commit(tx).await?;
    let again: Vec<i32> = stalled.iter().map(|chunk| chunk.chunk).collect();
    if !again.is_empty() {
        tracing::warn!(import.id = %run.job_id, operation = run.operation, chunks = again.len(), "stalled chunks are sent again");
        fan_out::send(run, &shop, &again).await?;
    }
    let idle = if sums.lines == last.lines { last.idle + 1 } else { 0 };
    let seconds = (1 << idle.min(5)).min(LONGEST_WAIT);
    Ok(drain(run, seconds, &Last { idle, ..*last }, sums.lines))
}

fn drain(run: &Run<'_>, seconds: u32, last: &Last, lines: i64) -> Answer {
    Answer::Drain {
        seconds,
        queue: run.definition.queue,
        drains: run.context.drains,
        rounds: last.rounds + 1,
        idle: last.idle,
        lines,
    }
}
