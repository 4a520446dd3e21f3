//! `sync.*`: how far the imports are.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::store::sync_jobs::{self, Progress};
use shared::store::{self, sync_sweep_reports};

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::{Job, sweep};

/// How far one import is.
pub(crate) async fn job(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Job = input(value)?;
    let read = async {
        let mut tx = context.store.begin().await?;
        let progress = sync_jobs::progress(&mut tx, request.job_id).await?;
        let sweeps = sync_sweep_reports::reports(&mut tx, request.job_id).await?;
        Ok::<_, store::Error>((progress, sweeps))
    };
    let (progress, sweeps) = read.await.map_err(|error| Error::unavailable("Postgres", &error))?;
    let progress =
        progress.ok_or_else(|| Error::new(Code::NotFound, format!("there is no import {}", request.job_id)))?;
    let mut told = describe(&progress, Utc::now());
    told["sweep"] = sweep::describe(&sweeps);
    Ok(told)
}

fn describe(job: &Progress, now: DateTime<Utc>) -> Value {
    let rate = rows_per_second(job, now);
    let left = (job.total_lines - job.lines).max(0);
    let eta = rate
        .filter(|rate| *rate > 0.0 && job.finished_at.is_none())
        .map(|rate| (left as f64 / rate).ceil());
    json!({
        "jobId": job.id,
        "shop": job.shop_domain,
        "kinds": job.kinds,
        "status": job.status,
        "phase": job.phase.as_deref().unwrap_or("queued"),
        "lines": job.lines,
        "totalLines": job.total_lines,
        "chunks": job.chunks,
        "chunksDone": job.chunks_done,
        "applied": job.applied,
        "stale": job.stale,
        "rejected": job.rejected,
        "rowsPerSecond": rate.map(f64::round),
        "etaSeconds": eta,
        "error": job.error,
        "requestedAt": job.requested_at,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
    })
}

/// Lines a second from the first chunk received to the last commit, or to now while the import runs.
fn rows_per_second(job: &Progress, now: DateTime<Utc>) -> Option<f64> {
    let until = if job.finished_at.is_some() || job.chunks_done == job.chunks {
        job.progressed_at?
    } else {
        now
    };
    let seconds = (until - job.first_received_at?).as_seconds_f64();
    (seconds > 0.0).then(|| job.lines as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn progress() -> Progress {
        Progress {
            id: uuid::Uuid::nil(),
            shop_domain: "a.myshopify.com".to_owned(),
            kinds: vec!["products".to_owned()],
            status: "running".to_owned(),
            error: None,
            requested_at: at(0),
            started_at: Some(at(1)),
            finished_at: None,
            phase: Some("draining".to_owned()),
            total_lines: 1_000,
            lines: 200,
            applied: 200,
            stale: 0,
            rejected: 0,
            chunks: 4,
            chunks_done: 1,
            first_received_at: Some(at(10)),
            progressed_at: Some(at(13)),
        }
    }

    #[test]
    fn the_rate_and_the_time_left_follow_from_the_first_chunk() {
        let told = describe(&progress(), at(14));
        assert_eq!(
            (&told["rowsPerSecond"], &told["etaSeconds"]),
            (&json!(50.0), &json!(16.0))
        );
    }

    #[test]
    fn a_finished_import_keeps_its_rate_and_has_no_time_left() {
        let done = Progress {
            finished_at: Some(at(20)),
            chunks_done: 4,
            lines: 900,
            ..progress()
        };
        let told = describe(&done, at(1_000));
        assert_eq!(
            (&told["rowsPerSecond"], &told["etaSeconds"]),
            (&json!(300.0), &Value::Null)
        );
    }

    #[test]
    fn an_import_that_waits_has_no_rate() {
        let waiting = Progress {
            first_received_at: None,
            progressed_at: None,
            phase: None,
            chunks: 0,
            chunks_done: 0,
            ..progress()
        };
        let told = describe(&waiting, at(1_000));
        assert_eq!(
            (&told["rowsPerSecond"], &told["phase"]),
            (&Value::Null, &json!("queued"))
        );
    }
}
