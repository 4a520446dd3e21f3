//! How long it took, from what the database recorded.

use std::fs;

use anyhow::Result;
use sqlx::PgConnection;

use super::progress::grouped;
use crate::functions::PREFIX;
use crate::stack::Stack;

/// The import: in all, and how fast its chunks were applied.
pub(super) async fn import(mirror: &mut PgConnection, job: &str) -> Result<()> {
    let seconds: f64 = sqlx::query_scalar(
        "select extract(epoch from finished_at - requested_at)::float8 from sync_jobs where id = $1::uuid",
    )
    .bind(job)
    .fetch_one(&mut *mirror)
    .await?;
    let (lines, bytes, draining): (i64, i64, f64) = sqlx::query_as(
        "select coalesce(sum(lines), 0)::bigint, coalesce(sum(bytes), 0)::bigint, \
         coalesce(extract(epoch from max(progressed_at) - min(first_received_at)), 0)::float8 \
         from sync_chunks where job_id = $1::uuid",
    )
    .bind(job)
    .fetch_one(&mut *mirror)
    .await?;
    let lines = u64::try_from(lines)?;
    let rate = lines as f64 / draining.max(0.001);
    println!(
        "  import: {seconds:.1} s from the request to completed; {} lines ({:.0} MB) applied in {draining:.1} s, {} lines/s",
        grouped(lines),
        bytes as f64 / 1e6,
        grouped(rate as u64)
    );
    Ok(())
}

/// The webhooks: from the change in the store to the committed row, and from their arrival.
pub(super) async fn webhooks(mirror: &mut PgConnection) -> Result<()> {
    for (what, from) in [
        ("the change in the store", "triggered_at"),
        ("its arrival", "received_at"),
    ] {
        let sql = format!(
            "select percentile_cont(array[0.5, 0.99, 1]) within group \
             (order by extract(epoch from processed_at - {from})::float8) \
             from webhook_logs where processed_at is not null and {from} is not null"
        );
        // The column is one of the two above.
        let times: Option<Vec<f64>> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut *mirror)
            .await?;
        if let Some([half, most, all]) = times.as_deref() {
            println!("  webhooks: p50 {half:.3} s, p99 {most:.3} s, max {all:.3} s from {what} to the committed row");
        }
    }
    let by_status: Vec<(String, i64)> =
        sqlx::query_as("select status, count(*) from webhook_logs group by 1 order by 2 desc")
            .fetch_all(&mut *mirror)
            .await?;
    let told: Vec<String> = by_status
        .iter()
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    println!("  webhooks: {}", told.join(", "));
    Ok(())
}

/// The most memory that any process of a drain has held.
pub(super) fn memory(stack: &Stack, queue: &str) {
    let processes = stack.runtime.processes(&format!("{PREFIX}drain-{queue}"));
    let peak = processes
        .iter()
        .flat_map(|(_, functions)| functions)
        .filter_map(|pid| peak_kib(*pid))
        .max();
    if let Some(peak) = peak {
        println!(
            "  memory: {:.0} MiB at most in a drain of {queue}",
            f64::from(peak) / 1_024.0
        );
    }
}

/// The largest resident set of a process so far, in KiB.
fn peak_kib(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
