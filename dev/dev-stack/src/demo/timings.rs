//! How long it took, from what the database recorded.

use anyhow::Result;
use sqlx::PgConnection;

use super::progress::grouped;

/// The import: in all, and how fast its chunks were applied.
pub(super) async fn import(mirror: &mut PgConnection, job: &str) -> Result<()> {
    let seconds: f64 = sqlx::query_scalar(
        "select extract(epoch from finished_at - requested_at)::float8 from sync_jobs where id = $1::uuid",
    )
    .bind(job)
    .fetch_one(&mut *mirror)
    .await?;
    let (lines, draining): (i64, f64) = sqlx::query_as(
        "select coalesce(sum(lines), 0)::bigint, \
         coalesce(extract(epoch from max(progressed_at) - min(first_received_at)), 0)::float8 \
         from sync_chunks where job_id = $1::uuid",
    )
    .bind(job)
    .fetch_one(&mut *mirror)
    .await?;
    let lines = u64::try_from(lines)?;
    let rate = lines as f64 / draining.max(0.001);
    println!(
        "  import: {seconds:.1} s from the request to completed; {} rows applied in {draining:.1} s, {} rows/s",
        grouped(lines),
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
