//! `shopify.confirmSweep`: lets a sweep be written that would delete too much unseen.

use std::time::Duration;

use serde_json::{Value, json};
use shared::import;
use shared::mirror::sweep;
use shared::shopify::{self, ShopDomain};
use shared::store::sync_sweep_reports::{self, Report};
use shared::store::sync_sweeps::File;
use shared::store::{self, Transaction, admin_audit, credentials, shops, sync_jobs, sync_operations};
use tokio::time::Instant;
use uuid::Uuid;

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::Job;
use super::shopify::{parse_shop, unknown_shop};

/// How long one call sweeps: API Gateway waits 30 seconds for an answer.
const LONGEST: Duration = Duration::from_secs(20);

/// Confirms every sweep of an import that is held, and writes it as far as the time allows. Called again, it goes on where
/// it stopped, and says the same once all is done.
pub(crate) async fn confirm(context: &Context, value: Value) -> Result<Value, Error> {
    let Job { job_id } = input(value)?;
    let unavailable = |error: store::Error| Error::unavailable("Postgres", &error);
    let mut tx = context.store.begin().await.map_err(unavailable)?;
    let shop = sync_jobs::shop_domain(&mut tx, job_id).await.map_err(unavailable)?;
    let shop = shop.ok_or_else(|| Error::new(Code::NotFound, format!("there is no import {job_id}")))?;
    let shop = parse_shop(&shop)?;
    let reports = sync_sweep_reports::reports(&mut tx, job_id)
        .await
        .map_err(unavailable)?;
    let open: Vec<&Report> = reports.iter().filter(|report| is_open(report)).collect();
    if open.is_empty() {
        return nothing_to_confirm(job_id, &reports);
    }
    let token = credentials::token(&mut tx, shop.as_str()).await.map_err(unavailable)?;
    let (shop_id, token) = token.ok_or_else(|| unknown_shop(&shop))?;
    drop(tx);

    let scopes = context.client.access_scopes(&shop, &token).await;
    let scopes = scopes.map_err(|error| match error {
        shopify::Error::Unauthorized { .. } => {
            let message = format!("{shop} does not accept the access token: add the store again with shops.add");
            Error::new(Code::BadRequest, message)
        }
        other => Error::unavailable("Shopify", &other),
    })?;
    let recorded = async {
        let mut tx = context.store.begin().await?;
        shops::grant(&mut tx, shop_id, &scopes.data, scopes.observed_at).await?;
        let files = record(&mut tx, &shop, job_id, &open, &scopes.data).await?;
        store::commit(tx).await?;
        Ok(files)
    };
    let files = recorded.await.map_err(unavailable)?;
    let deadline = Instant::now() + LONGEST;
    for file in &files {
        sweep::run(&context.store, file, deadline).await.map_err(unavailable)?;
    }
    let told = async {
        let mut tx = context.store.begin().await?;
        sync_sweep_reports::reports(&mut tx, job_id).await
    };
    let reports = told.await.map_err(unavailable)?;
    Ok(answer(job_id, &reports))
}

/// Records that somebody confirmed these sweeps. Returns the files of those that may be written.
async fn record<'r>(
    tx: &mut Transaction,
    shop: &ShopDomain,
    job_id: Uuid,
    open: &[&'r Report],
    granted: &[String],
) -> Result<Vec<File<'r>>, store::Error> {
    let mut files = Vec::new();
    for report in open {
        let (Some(definition), Some(operation)) = (
            import::find(&report.operation),
            sync_operations::lock(tx, job_id, &report.operation).await?,
        ) else {
            continue;
        };
        let Some(created_at) = operation.bulk_created_at else {
            continue;
        };
        let file = File {
            job_id,
            operation: &report.operation,
            shop_id: operation.shop_id,
            created_at,
        };
        if sweep::confirm(tx, &file, definition, granted).await? != sweep::Confirmed::Skipped {
            files.push(file);
        }
    }
    let operations: Vec<Value> = open.iter().map(|report| described(report)).collect();
    let detail = json!({ "jobId": job_id, "sweep": operations });
    admin_audit::record(tx, "shopify.confirmSweep", Some(shop.as_str()), &detail).await?;
    Ok(files)
}

/// Whether there is something to confirm, or a confirmed sweep to go on with. Any other that is running belongs to the
/// import itself.
fn is_open(report: &Report) -> bool {
    report.state == "held" || report.state == "running" && report.confirmed_at.is_some()
}

/// The same answer as before for what was confirmed before, and else why there is nothing.
fn nothing_to_confirm(job_id: Uuid, reports: &[Report]) -> Result<Value, Error> {
    if reports.iter().any(|report| report.confirmed_at.is_some()) {
        return Ok(answer(job_id, reports));
    }
    let said: Vec<String> = reports
        .iter()
        .map(|report| format!("the sweep of {} is {}", report.operation, report.state))
        .collect();
    let said = if said.is_empty() {
        "it has not come to a sweep".to_owned()
    } else {
        said.join(", ")
    };
    let message = format!("nothing of import {job_id} waits to be confirmed: {said}; sync.job tells more");
    Err(Error::new(Code::BadRequest, message))
}

fn answer(job_id: Uuid, reports: &[Report]) -> Value {
    let done = !reports.iter().any(is_open);
    json!({
        "jobId": job_id,
        "done": done,
        "next": (!done).then_some("there was more than one call can sweep: call shopify.confirmSweep again"),
        "sweep": describe(reports),
    })
}

/// The sweeps of an import, by operation, as `sync.job` shows them.
pub(super) fn describe(reports: &[Report]) -> Value {
    reports.iter().map(described).collect()
}

fn described(report: &Report) -> Value {
    let tables = report.tables.iter().map(|table| {
        json!({
            "table": table.table_name,
            "of": table.owner_type,
            "live": table.live,
            "missing": table.missing,
            "swept": table.swept,
            "spared": table.spared,
        })
    });
    json!({
        "operation": report.operation,
        "state": report.state,
        "note": report.note,
        "confirmedAt": report.confirmed_at,
        "tables": tables.collect::<Vec<Value>>(),
    })
}
