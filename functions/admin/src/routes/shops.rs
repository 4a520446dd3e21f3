//! `shops.*`: the stores that are mirrored.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::mirror::resource::profile;
use shared::shopify;
use shared::store::{self, admin_audit, credentials, redaction_sweeps, shops};

use super::super::Context;
use super::super::trpc::{Code, Error, input};
use super::shopify::parse_shop;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    shop: String,
    access_token: String,
}

/// Adds a store with a token that has been seen to work, or gives a known one a new token.
pub(crate) async fn add(context: &Context, value: Value) -> Result<Value, Error> {
    let request: Add = input(value)?;
    let domain = parse_shop(&request.shop)?;
    let shop = context
        .client
        .shop(&domain, &request.access_token)
        .await
        .map_err(|error| match error {
            shopify::Error::Unauthorized { .. } => {
                Error::new(Code::BadRequest, format!("{domain} does not accept this access token"))
            }
            shopify::Error::Refused { reason } => Error::new(Code::BadRequest, format!("{domain} refused: {reason}")),
            other => Error::unavailable("Shopify", &other),
        })?;
    let shop = shop.data;
    if shop.myshopify_domain != domain.as_str() {
        let message = format!("the access token is for {}, not for {domain}", shop.myshopify_domain);
        return Err(Error::new(Code::BadRequest, message));
    }
    let profile = profile(shop);
    let recorded = async {
        let mut tx = context.store.begin().await?;
        if redaction_sweeps::is_under_way(&mut tx, domain.as_str()).await? {
            return Ok(None);
        }
        let id = shops::add(&mut tx, domain.as_str(), &profile).await?;
        credentials::keep(&mut tx, id, &request.access_token).await?;
        admin_audit::record(&mut tx, "shops.add", Some(domain.as_str()), &json!({})).await?;
        store::commit(tx).await?;
        Ok::<_, store::Error>(Some(id))
    };
    let shop_id = recorded
        .await
        .map_err(|error| Error::unavailable("Postgres", &error))?
        .ok_or_else(|| {
            let message = format!("what was known of {domain} is still being erased: try again in a minute");
            Error::new(Code::Conflict, message)
        })?;
    tracing::info!(shop.domain = %domain, "store added");
    Ok(json!({ "shopId": shop_id, "shop": domain }))
}
