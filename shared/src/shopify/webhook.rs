//! One delivery: is it Shopify's, and what does it say about itself?
//!
//! The signature covers the body alone, as the bytes came; headers are unsigned and only tell where to look. Nothing
//! here reads the body's JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use sha2::Sha256;

use super::{ShopDomain, Topic};

/// What the headers of a verified delivery say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The store it came from.
    pub shop: ShopDomain,
    /// What happened.
    pub topic: Topic,
    /// `X-Shopify-Webhook-Id`: names this delivery; a cheap filter for duplicates, never a proof.
    pub webhook_id: Option<String>,
    /// `X-Shopify-Event-Id`: names the merchant's action; several deliveries share it, so nothing is dropped by it.
    pub event_id: Option<String>,
    /// `X-Shopify-Triggered-At`, Shopify's clock.
    pub triggered_at: Option<DateTime<Utc>>,
    /// `X-Shopify-API-Version`: how the body was serialised.
    pub api_version: Option<String>,
}

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `X-Shopify-Hmac-Sha256`, or one that is no base64 of 32 bytes.
    #[error("the header X-Shopify-Hmac-Sha256 is missing or not a base64 SHA-256")]
    MissingSignature,
    /// No active secret made this signature.
    #[error("the signature matches no secret in SHOPIFY_WEBHOOK_SECRET")]
    WrongSignature,
    /// No `X-Shopify-Topic`.
    #[error("the header X-Shopify-Topic is missing")]
    MissingTopic,
    /// No `X-Shopify-Shop-Domain`.
    #[error("the header X-Shopify-Shop-Domain is missing")]
    MissingShop,
    /// A domain that is not a store's.
    #[error("the header X-Shopify-Shop-Domain is not a myshopify.com domain")]
    ForeignDomain,
}

impl Refusal {
    /// Whether the sender is unproven, as opposed to a proven sender with unusable headers.
    pub fn is_unauthenticated(self) -> bool {
        match self {
            Self::MissingSignature | Self::WrongSignature => true,
            Self::MissingTopic | Self::MissingShop | Self::ForeignDomain => false,
        }
    }
}

/// Checks the signature of `body` against every one of `secrets`, then reads the headers.
///
/// All secrets are tried, each in constant time: after a rotation Shopify keeps signing with the oldest secret that
/// is not revoked.
pub fn verify(secrets: &[String], headers: &HeaderMap, body: &[u8]) -> Result<Delivery, Refusal> {
    let signature = header(headers, "x-shopify-hmac-sha256")
        .and_then(|text| BASE64_STANDARD.decode(text).ok())
        .filter(|bytes| bytes.len() == 32)
        .ok_or(Refusal::MissingSignature)?;
    let mut genuine = false;
    for secret in secrets {
        genuine |= signature_of(secret, body).verify_slice(&signature).is_ok();
    }
    if !genuine {
        return Err(Refusal::WrongSignature);
    }
    let topic = header(headers, "x-shopify-topic").ok_or(Refusal::MissingTopic)?;
    let shop = header(headers, "x-shopify-shop-domain").ok_or(Refusal::MissingShop)?;
    Ok(Delivery {
        shop: ShopDomain::parse(shop).map_err(|_| Refusal::ForeignDomain)?,
        topic: Topic::parse(topic),
        webhook_id: header(headers, "x-shopify-webhook-id").map(str::to_owned),
        event_id: header(headers, "x-shopify-event-id").map(str::to_owned),
        triggered_at: header(headers, "x-shopify-triggered-at")
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|time| time.with_timezone(&Utc)),
        api_version: header(headers, "x-shopify-api-version").map(str::to_owned),
    })
}

/// The text of a header, if it is there and not blank.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)?
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

fn signature_of(secret: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    /// Digests computed by others (hmac_vectors.json), secret `hush`.
    const VECTORS: [(&str, &str); 2] = [
        (
            r#"{"id":788032119674292922}"#,
            "fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q=",
        ),
        (
            "{\"title\":\"Été & <b>café</b>\"}",
            "Ild5of0BuDW7c66ZcgnlnopVx8gYOY/yh5WIl7xMC5g=",
        ),
    ];

    fn signed(signature: &str) -> HeaderMap {
        headers(&[
            ("x-shopify-hmac-sha256", signature),
            ("x-shopify-topic", "products/update"),
            ("x-shopify-shop-domain", "snowdevil.myshopify.com"),
            ("x-shopify-triggered-at", "2025-07-10T16:15:47.123456789Z"),
        ])
    }

    #[test]
    fn known_signatures_verify() {
        for (body, signature) in VECTORS {
            let delivery = verify(&["hush".into()], &signed(signature), body.as_bytes()).unwrap();
            assert_eq!(delivery.shop.as_str(), "snowdevil.myshopify.com");
            assert_eq!(delivery.triggered_at.unwrap().timestamp_subsec_nanos(), 123_456_789);
        }
    }

    #[test]
    fn every_active_secret_is_tried() {
        let (body, signature) = VECTORS[0];
        let secrets = ["newest".to_owned(), "hush".to_owned()];
        assert!(verify(&secrets, &signed(signature), body.as_bytes()).is_ok());
    }

    #[test]
    fn one_changed_byte_is_refused() {
        let (_, signature) = VECTORS[0];
        let refusal = verify(&["hush".into()], &signed(signature), br#"{"id":788032119674292923}"#).unwrap_err();
        assert_eq!(refusal, Refusal::WrongSignature);
    }

    #[test]
    fn the_signature_is_judged_before_any_other_header() {
        let refused = |pairs: &[(&'static str, &str)]| verify(&["hush".into()], &headers(pairs), b"{}").unwrap_err();
        assert_eq!(refused(&[]), Refusal::MissingSignature);
        assert_eq!(refused(&[("x-shopify-hmac-sha256", "AAAA")]), Refusal::MissingSignature);
        assert_eq!(
            refused(&[("x-shopify-hmac-sha256", "not base64!")]),
            Refusal::MissingSignature
        );
    }

    #[test]
    fn a_genuine_delivery_without_topic_or_store_is_refused_as_malformed() {
        let (body, signature) = VECTORS[0];
        let mut without_topic = signed(signature);
        without_topic.remove("x-shopify-topic");
        let mut without_shop = signed(signature);
        without_shop.remove("x-shopify-shop-domain");
        let mut foreign = signed(signature);
        foreign.insert("x-shopify-shop-domain", "x.myshopify.com.evil.example".parse().unwrap());
        let refused = |headers| verify(&["hush".into()], &headers, body.as_bytes()).unwrap_err();
        assert_eq!(refused(without_topic), Refusal::MissingTopic);
        assert_eq!(refused(without_shop), Refusal::MissingShop);
        assert_eq!(refused(foreign), Refusal::ForeignDomain);
    }
}
