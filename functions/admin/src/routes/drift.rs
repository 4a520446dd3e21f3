//! `sync.compare` and `sync.drift`: whether the mirror is equal to the store, as numbers.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::carrier::carry;
use shared::message::Body;
use shared::mirror::walk::{Wanted, begin};
use shared::store::drift::{self, Drift};
use shared::store::part_differences::Part;
use shared::store::{self, admin_audit, credentials};
use shared::walk;

use super::super::Context;
use super::super::trpc::{Error, input};
use super::shopify::{parse_shop, unknown_shop};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compare {
    shop: String,
}

/// Has every id of a store compared with the mirror, now. Drains do it; `sync.drift` tells the result.
pub(crate) async fn compare(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Compare = input(value)?;
    let shop = parse_shop(&request.shop)?;
    let recorded = async {
        let mut tx = context.store.begin().await?;
        let Some((shop_id, _)) = credentials::token(&mut tx, shop.as_str()).await? else {
            return Ok(None);
        };
        admin_audit::record(&mut tx, "sync.compare", Some(shop.as_str()), &json!({})).await?;
        store::commit(tx).await?;
        Ok::<_, store::Error>(Some(shop_id))
    };
    let shop_id = recorded
        .await
        .map_err(|error| Error::unavailable("Postgres", &error))?
        .ok_or_else(|| unknown_shop(&shop))?;
    let wanted = Wanted {
        changes: false,
        all_after_seconds: 0.0,
    };
    let begun = begin(&context.store, shop_id, &shop, wanted).await;
    let pages = begun.map_err(|error| Error::unavailable("Postgres", &error))?;
    let mut lists = Vec::with_capacity(pages.len());
    for (queue, page) in pages {
        lists.push(page.list.clone());
        let sent = async { context.queue(queue)?.send(&carry(&Body::Page(page))).await };
        sent.await.map_err(|error| Error::unavailable("Redis", &error))?;
    }
    tracing::info!(shop.domain = %shop, lists = lists.len(), "comparison requested");
    Ok(json!({ "lists": lists }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    shop: Option<String>,
}

/// What the last comparison of each list found, of one store or of all.
pub(crate) async fn drift(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Of = input(value)?;
    let shop = request.shop.as_deref().map(parse_shop).transpose()?;
    let read = async {
        let mut tx = context.store.begin().await?;
        drift::last(&mut tx, shop.as_ref().map(|shop| shop.as_str())).await
    };
    let drift = read.await.map_err(|error| Error::unavailable("Postgres", &error))?;
    Ok(json!({ "drift": drift.iter().map(show).collect::<Vec<_>>() }))
}

fn show(drift: &Drift) -> Value {
    json!({
        "shop": drift.shop_domain,
        "list": drift.list,
        "table": walk::find(&drift.list).map(|walk| (walk.table)().name),
        "comparedAt": drift.compared_at,
        "differences": drift.differences(),
        "missing": drift.missing,
        "stale": drift.stale,
        "gone": drift.gone,
        "store": { "count": drift.listed, "checksum": drift.listed_sum },
        "mirror": { "count": drift.mirrored, "checksum": drift.mirrored_sum },
        "parts": drift.parts.iter().map(show_part).collect::<Vec<_>>(),
    })
}

fn show_part(part: &Part) -> Value {
    json!({
        "table": part.table,
        "differences": part.differences(),
        "missing": part.missing,
        "stale": part.stale,
        "gone": part.gone,
        "store": { "count": part.listed, "checksum": part.listed_sum },
        "mirror": { "count": part.mirrored, "checksum": part.mirrored_sum },
    })
}
