//! `shops`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Error, Transaction};

/// A store's description of itself.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Profile {
    pub shopify_id: i64,
    pub name: String,
    pub email: Option<String>,
    pub currency_code: String,
    pub iana_timezone: String,
    pub plan: String,
    pub created_at: DateTime<Utc>,
}

/// Adds a store, or installs a known one again. Returns our number for it.
pub async fn add(tx: &mut Transaction, domain: &str, profile: &Profile) -> Result<i64, Error> {
    let row = sqlx::query!(
        r#"
        insert into shops (domain, shopify_id, name, email, currency_code, iana_timezone, plan, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (domain) do update
        set shopify_id = excluded.shopify_id, name = excluded.name, email = excluded.email,
            currency_code = excluded.currency_code, iana_timezone = excluded.iana_timezone, plan = excluded.plan,
            created_at = excluded.created_at, uninstalled_at = null, redacted_at = null,
            installed_at = case when shops.uninstalled_at is null then shops.installed_at else now() end
        returning id
        "#,
        domain,
        profile.shopify_id,
        profile.name,
        profile.email,
        profile.currency_code,
        profile.iana_timezone,
        profile.plan,
        profile.created_at,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row.id)
}

/// Records how a store described itself at `observed_at`, unless something later is known.
pub async fn update(
    tx: &mut Transaction,
    shop_id: i64,
    profile: &Profile,
    observed_at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update shops
        set shopify_id = $2, name = $3, email = $4, currency_code = $5, iana_timezone = $6, plan = $7, created_at = $8,
            profile_observed_at = $9
        where id = $1 and redacted_at is null and (profile_observed_at is null or profile_observed_at < $9)
        "#,
        shop_id,
        profile.shopify_id,
        profile.name,
        profile.email,
        profile.currency_code,
        profile.iana_timezone,
        profile.plan,
        profile.created_at,
        observed_at,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Records the scopes that a store grants since `granted_at` (Shopify's clock). False if something later is known.
pub async fn grant(
    tx: &mut Transaction,
    shop_id: i64,
    scopes: &[String],
    granted_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let changed = sqlx::query!(
        r#"
        update shops set scopes = $2, scopes_granted_at = $3
        where id = $1 and (scopes_granted_at is null or scopes_granted_at < $3)
        "#,
        shop_id,
        scopes,
        granted_at,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(changed > 0)
}

/// A store that is mirrored.
#[derive(Debug, Clone)]
pub struct Mirrored {
    /// Our number for it.
    pub id: i64,
    /// Its domain.
    pub domain: String,
}

/// The stores that are mirrored, or the one called `domain` if it is.
pub async fn mirrored(tx: &mut Transaction, domain: Option<&str>) -> Result<Vec<Mirrored>, Error> {
    let rows = sqlx::query_as!(
        Mirrored,
        r#"
        select s.id, s.domain from shops s join shop_credentials c on c.shop_id = s.id
        where s.redacted_at is null and ($1::text is null or s.domain = $1) order by s.id
        "#,
        domain,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows)
}

/// Our numbers for the stores among `domains` that are known here.
pub async fn ids(tx: &mut Transaction, domains: &[String]) -> Result<HashMap<String, i64>, Error> {
    let rows = sqlx::query!("select id, domain from shops where domain = any ($1)", domains)
        .fetch_all(&mut *tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.domain, row.id)).collect())
}

/// Records that a store removed the app at `uninstalled_at` (Shopify's clock) and forgets its token. An uninstall
/// that happened before the present installation changes nothing; then false is returned.
pub async fn uninstall(tx: &mut Transaction, shop_id: i64, uninstalled_at: DateTime<Utc>) -> Result<bool, Error> {
    let changed = sqlx::query!(
        "update shops set uninstalled_at = $2 where id = $1 and uninstalled_at is null and installed_at < $2",
        shop_id,
        uninstalled_at,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected()
        > 0;
    if changed {
        super::credentials::forget(tx, shop_id).await?;
    }
    Ok(changed)
}

/// Records that everything of a store is erased because of a request at `redacted_at` (Shopify's clock), and forgets how
/// it described itself, its token, and that anything of it is being imported. A request from before the present
/// installation, or a second one, changes nothing; then false is returned.
pub async fn redact(tx: &mut Transaction, shop_id: i64, redacted_at: DateTime<Utc>) -> Result<bool, Error> {
    let changed = sqlx::query!(
        r#"
        update shops
        set redacted_at = $2, uninstalled_at = coalesce(uninstalled_at, $2), name = null, email = null,
            currency_code = null, iana_timezone = null, plan = null, created_at = null, profile_observed_at = null,
            scopes = null, scopes_granted_at = null
        where id = $1 and redacted_at is null and installed_at < $2
        "#,
        shop_id,
        redacted_at,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected()
        > 0;
    if changed {
        super::credentials::forget(tx, shop_id).await?;
        sqlx::query!(
            "update sync_jobs set status = 'canceled', finished_at = now() where shop_id = $1 and status in ('queued', 'running')",
            shop_id,
        )
        .execute(&mut *tx)
        .await?;
        super::sync_sweeps::supersede(tx, shop_id, None).await?;
    }
    Ok(changed)
}

/// Records whether Shopify refuses what is personal in this store's customers and orders. Then null is not null.
pub async fn refuses_personal(tx: &mut Transaction, shop_id: i64, refuses: bool) -> Result<(), Error> {
    sqlx::query!(
        "update shops set refuses_personal = $2 where id = $1 and refuses_personal <> $2",
        shop_id,
        refuses,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Of these stores, those of which Shopify refuses what is personal.
pub async fn refusing(tx: &mut Transaction, shop_ids: &[i64]) -> Result<Vec<i64>, Error> {
    let rows = sqlx::query!(
        "select id from shops where id = any ($1) and refuses_personal",
        shop_ids
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
