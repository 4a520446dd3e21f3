//! Makes the subscriptions to webhooks that are missing, if that is wanted.

use shared::shopify::{SUBSCRIBABLE, ShopDomain, Subscribed, topic_name};
use shared::store::credentials;
use shared::store::shops::Mirrored;

use super::{Context, Error, Report};

/// Subscribes to every topic of the mirror that Shopify does not tell our address of. What it refuses (a scope that the
/// app does not have) is logged and does not keep the others from it.
pub(crate) async fn restore(context: &Context, shop: &Mirrored, report: &mut Report) -> Result<(), Error> {
    let Some(uri) = &context.subscription_url else {
        return Ok(());
    };
    let domain = ShopDomain::parse(&shop.domain).map_err(|_| Error::Domain)?;
    let mut tx = context.store.begin().await?;
    let token = credentials::token(&mut tx, &shop.domain).await?;
    drop(tx);
    let Some((_, token)) = token else {
        return Ok(());
    };
    let known = context.client.subscribed(&domain, &token, uri).await?;
    let mut refused = Vec::new();
    for topic in SUBSCRIBABLE {
        let name = topic_name(topic);
        if known.contains(&name) {
            continue;
        }
        match context.client.subscribe(&domain, &token, &name, uri).await? {
            Subscribed::Created => {
                report.subscribed += 1;
                tracing::warn!(shop.domain = %domain, topic, "a subscription was missing and is made");
            }
            Subscribed::Known => {}
            Subscribed::Refused(reason) => refused.push(format!("{topic} ({reason})")),
        }
    }
    if !refused.is_empty() {
        tracing::warn!(shop.domain = %domain, refused = refused.join(", "), "Shopify refuses subscriptions: grant the app the scopes they need");
    }
    Ok(())
}
