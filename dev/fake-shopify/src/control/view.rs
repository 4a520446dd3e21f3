//! What is in a shop, for whoever checks a mirror against it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::deliver::ShopQuery;
use super::{Failure, shop};
use crate::catalogue::{Table, lines};
use crate::shop::State;

/// The canonical lines of a table, JSONL by ascending key; a key of two ids is a list.
pub async fn rows(
    Extract(state): Extract<Arc<State>>,
    Path(table): Path<String>,
    Query(query): Query<ShopQuery>,
) -> Result<Response, Failure> {
    let shop = shop(&state, query.shop.as_deref())?;
    let missing = || {
        Failure(
            StatusCode::NOT_FOUND,
            format!(
                "no table {table}; there are {}",
                Table::ALL.map(|(name, _)| name).join(", ")
            ),
        )
    };
    let table = Table::parse(&table).ok_or_else(missing)?;
    let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
    let mut text = String::new();
    for (key, line) in lines(&catalogue, table) {
        writeln!(text, "{}", json!({"id": key, "line": line})).expect("writing to a string cannot fail");
    }
    Ok(([(CONTENT_TYPE, "application/jsonl")], text).into_response())
}

#[derive(Deserialize)]
pub struct Choice {
    shop: Option<String>,
    first: Option<usize>,
    /// Only products with more variants than this.
    more_variants_than: Option<usize>,
}

/// Ids to make edits with.
pub async fn products(
    Extract(state): Extract<Arc<State>>,
    Query(query): Query<Choice>,
) -> Result<Json<Value>, Failure> {
    let shop = shop(&state, query.shop.as_deref())?;
    let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
    let list: Vec<Value> = catalogue
        .products
        .values()
        .filter(|product| product.variants.len() > query.more_variants_than.unwrap_or(0))
        .take(query.first.unwrap_or(10))
        .map(|product| {
            let variants: Vec<i64> = product.variants.iter().map(|variant| variant.id).collect();
            json!({"id": product.id, "title": product.title, "variant_ids": variants})
        })
        .collect();
    Ok(Json(json!({"products": list})))
}

/// Counts.
pub async fn stats(
    Extract(state): Extract<Arc<State>>,
    Query(query): Query<ShopQuery>,
) -> Result<Json<Value>, Failure> {
    let shop = shop(&state, query.shop.as_deref())?;
    let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
    Ok(Json(json!({
        "shop": shop.domain,
        "products": catalogue.products.len(),
        "product_variants": catalogue.variant_count(),
        "customers": catalogue.customers.len(),
        "orders": catalogue.orders.len(),
        "visible_orders": catalogue.visible_orders().count(),
        "collections": catalogue.collections.len(),
        "subscriptions": shop.subscriptions.all().len(),
        "bulk_operations": shop.bulk.all().iter().map(|it| json!({"id": it.id, "status": it.status, "objects": it.objects})).collect::<Vec<_>>(),
    })))
}
