//! `privacy.*`: what customers asked to know, for the merchant to answer.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::store::data_requests::{self, Request};
use shared::store::{self, admin_audit};

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::shopify::parse_shop;

/// Requests in one answer.
const MOST_REQUESTS: i64 = 500;

#[derive(Deserialize)]
struct Requests {
    shop: Option<String>,
}

/// Requests of one store or all, those that are due next first.
pub(crate) async fn requests(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Requests = input(value)?;
    let shop = request.shop.as_deref().map(parse_shop).transpose()?;
    let read = async {
        let mut tx = context.store.begin().await?;
        data_requests::list(&mut tx, shop.as_ref().map(|shop| shop.as_str()), MOST_REQUESTS).await
    };
    let requests = read.await.map_err(|error| Error::unavailable("Postgres", &error))?;
    Ok(requests.iter().map(describe).collect())
}

fn describe(request: &Request) -> Value {
    let state = match (request.erased_at, request.completed_at) {
        (Some(_), _) => "erased",
        (None, Some(_)) => "downloaded",
        (None, None) => "open",
    };
    json!({
        "shop": request.shop_domain,
        // Numbers of Shopify are larger than those that JavaScript can hold.
        "requestId": request.id.to_string(),
        "customerId": request.customer_id.map(|id| id.to_string()),
        "state": state,
        "requestedAt": request.requested_at,
        "dueAt": request.due_at,
        "downloadedAt": request.completed_at,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    shop: String,
    request_id: RequestId,
}

/// A number, or its text.
#[derive(Deserialize)]
#[serde(untagged)]
enum RequestId {
    Number(i64),
    Text(String),
}

/// The export that answers a request. From now on it counts as downloaded.
pub(crate) async fn export(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Export = input(value)?;
    let shop = parse_shop(&request.shop)?;
    let id = match &request.request_id {
        RequestId::Number(id) => *id,
        RequestId::Text(text) => text.parse().map_err(|_| {
            let message = "the input is not right: `requestId`: expected the number of a request";
            Error::new(Code::BadRequest, message)
        })?,
    };
    let read = async {
        let mut tx = context.store.begin().await?;
        let export = data_requests::download(&mut tx, shop.as_str(), id).await?;
        if let Some(Some(_)) = export {
            let detail = json!({ "requestId": id });
            admin_audit::record(&mut tx, "privacy.export", Some(shop.as_str()), &detail).await?;
        }
        store::commit(tx).await?;
        Ok::<_, store::Error>(export)
    };
    match read.await.map_err(|error| Error::unavailable("Postgres", &error))? {
        Some(Some(export)) => Ok(export),
        Some(None) => {
            let message = format!("the customer of request {id} was erased, and the export with it");
            Err(Error::new(Code::NotFound, message))
        }
        None => {
            let message = format!("{shop} has no request {id}");
            Err(Error::new(Code::NotFound, message))
        }
    }
}
