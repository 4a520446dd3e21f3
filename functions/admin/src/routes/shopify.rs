//! `shopify.*`: what is asked of Shopify.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::carrier::carry;
use shared::import::{self, KINDS};
use shared::message::{Body, Import, QueueName};
use shared::shopify::ShopDomain;
use shared::store::sync_jobs::{self, UnderWay};
use shared::store::{self, admin_audit, credentials};
use uuid::Uuid;

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::Job;

#[derive(Deserialize)]
struct BulkImport {
    shop: String,
    kinds: Option<Vec<String>>,
}

/// Starts an import, or finds the one that is under way.
///
/// A kind that is being imported is not imported twice: if all that are asked for are under way, their import is the
/// answer, and else a new one takes the others. The job is recorded before its message is sent. Should the message be
/// lost, the same call sends it again: an execution is named after its job, so that starting it twice is starting it
/// once.
pub(crate) async fn bulk_import(context: &Context, value: Value) -> Result<Value, Error> {
    let request: BulkImport = input(value)?;
    let shop = parse_shop(&request.shop)?;
    let kinds = kinds(request.kinds)?;
    let (job, created) = record(context, &shop, kinds)
        .await
        .map_err(|error| Error::unavailable("Postgres", &error))?
        .ok_or_else(|| unknown_shop(&shop))?;
    let import = Import {
        shop: shop.clone(),
        job_id: job.id,
        operations: job.operations,
        part: 0,
    };
    let send = carry(&Body::Import(import));
    let sent = async { context.queue(QueueName::BulkImport)?.send(&send).await };
    sent.await.map_err(|error| Error::unavailable("Redis", &error))?;
    tracing::info!(shop.domain = %shop, import.id = %job.id, created, "import requested");
    Ok(json!({ "jobId": job.id, "kinds": job.kinds, "created": created }))
}

/// Records the import, or finds it; the flag tells whether it is new. None for a store that is not known.
async fn record(
    context: &Context,
    shop: &ShopDomain,
    asked: Vec<String>,
) -> Result<Option<(UnderWay, bool)>, store::Error> {
    let mut tx = context.store.begin().await?;
    let Some((shop_id, _)) = credentials::token(&mut tx, shop.as_str()).await? else {
        return Ok(None);
    };
    let id = Uuid::now_v7();
    let (job, created) = sync_jobs::request(&mut tx, id, shop_id, &asked, import::operations_of).await?;
    let detail = json!({ "jobId": job.id, "kinds": job.kinds, "created": created });
    admin_audit::record(&mut tx, "shopify.bulkImport", Some(shop.as_str()), &detail).await?;
    store::commit(tx).await?;
    Ok(Some((job, created)))
}

/// Cancels an import that is under way. Rows that were read stay; the next step of each of its executions stops the
/// operation at Shopify and ends.
pub(crate) async fn cancel_import(context: &Context, value: Value) -> Result<Value, Error> {
    let Job { job_id } = input(value)?;
    let unavailable = |error: store::Error| Error::unavailable("Postgres", &error);
    let mut tx = context.store.begin().await.map_err(unavailable)?;
    let job = sync_jobs::progress(&mut tx, job_id).await.map_err(unavailable)?;
    let job = job.ok_or_else(|| Error::new(Code::NotFound, format!("there is no import {job_id}")))?;
    let canceled = async {
        let canceled = sync_jobs::cancel(&mut tx, job_id).await?;
        if canceled {
            let detail = json!({ "jobId": job_id, "kinds": job.kinds });
            admin_audit::record(&mut tx, "shopify.cancelImport", Some(&job.shop_domain), &detail).await?;
            store::commit(tx).await?;
            return Ok(None);
        }
        Ok(sync_jobs::progress(&mut tx, job_id).await?.map(|job| job.status))
    };
    if let Some(ended) = canceled.await.map_err(unavailable)? {
        let message = format!("import {job_id} has ended already: it is {ended}");
        return Err(Error::new(Code::BadRequest, message));
    }
    tracing::info!(shop.domain = job.shop_domain, import.id = %job_id, "import canceled");
    Ok(json!({ "jobId": job_id, "shop": job.shop_domain, "kinds": job.kinds, "status": "canceled", "was": job.status }))
}

/// The kinds asked for, each once and in order; all of them if none are named.
fn kinds(asked: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    let mut kinds = asked.unwrap_or_else(|| KINDS.map(str::to_owned).to_vec());
    kinds.sort();
    kinds.dedup();
    if let Some(unknown) = kinds.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
        let message = format!("`{unknown}` cannot be imported: kinds are {}", KINDS.join(", "));
        return Err(Error::new(Code::BadRequest, message));
    }
    if kinds.is_empty() {
        return Err(Error::new(
            Code::BadRequest,
            format!("no kinds: leave `kinds` out, or name some of {}", KINDS.join(", ")),
        ));
    }
    Ok(kinds)
}

pub(super) fn parse_shop(text: &str) -> Result<ShopDomain, Error> {
    ShopDomain::parse(text).map_err(|error| Error::new(Code::BadRequest, format!("`{text}` is {error}")))
}

pub(super) fn unknown_shop(shop: &ShopDomain) -> Error {
    Error::new(
        Code::NotFound,
        format!("{shop} is not known here, or it removed the app: add it with shops.add"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_named_with_the_known_ones() {
        assert!(kinds(Some(vec!["products".into(), "products".into()])).is_ok_and(|kinds| kinds == ["products"]));
        assert!(kinds(None).is_ok_and(|kinds| kinds == KINDS));
        assert!(kinds(Some(vec!["sonnets".into()])).is_err());
        assert!(kinds(Some(Vec::new())).is_err());
    }
}
