//! `shopify.syncResource`: one resource, fetched now and applied.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::carrier::carry;
use shared::message::{Body, QueueName, Resource};
use shared::shopify::{Gid, fetchable_kinds};
use shared::store::pending_fetches::{self, Want};
use shared::store::{self, admin_audit, credentials};

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::shopify::{parse_shop, unknown_shop};

#[derive(Deserialize)]
struct SyncResource {
    shop: String,
    id: String,
}

/// Wants the fetch and sends its message. The want is recorded first: a message that gets lost is sent again.
pub(crate) async fn sync(context: &Context, value: Value) -> Result<Value, Error> {
    let request: SyncResource = input(value)?;
    let shop = parse_shop(&request.shop)?;
    let gid = Gid::parse(&request.id)
        .map_err(|error| Error::new(Code::BadRequest, format!("`{}` is {error}", request.id)))?;
    let Some(queue) = QueueName::of_resource(&gid) else {
        let kinds: Vec<&str> = fetchable_kinds().collect();
        let message = format!("`{}` cannot be fetched: kinds are {}", gid.kind(), kinds.join(", "));
        return Err(Error::new(Code::BadRequest, message));
    };
    let recorded = async {
        let mut tx = context.store.begin().await?;
        let Some((shop_id, _)) = credentials::token(&mut tx, shop.as_str()).await? else {
            return Ok(false);
        };
        let want = Want {
            shop_id,
            gid: gid.as_str().to_owned(),
            // Whenever it is made, this fetch is late enough.
            wanted_at: DateTime::UNIX_EPOCH,
            reason: "asked for by shopify.syncResource",
        };
        pending_fetches::want(&mut tx, &[want]).await?;
        let detail = json!({ "id": gid.as_str() });
        admin_audit::record(&mut tx, "shopify.syncResource", Some(shop.as_str()), &detail).await?;
        store::commit(tx).await?;
        Ok::<_, store::Error>(true)
    };
    if !recorded.await.map_err(|error| Error::unavailable("Postgres", &error))? {
        return Err(unknown_shop(&shop));
    }
    let body = Resource {
        shop: shop.clone(),
        gid: gid.clone(),
    };
    let send = carry(&Body::Resource(body));
    let sent = async { context.queue(queue)?.send(&send).await };
    sent.await.map_err(|error| Error::unavailable("Redis", &error))?;
    tracing::info!(shop.domain = %shop, resource.id = %gid, queue.name = %queue, "fetch requested");
    Ok(json!({ "id": gid.as_str(), "queue": queue.as_str() }))
}
