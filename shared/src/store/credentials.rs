//! `shop_credentials`: the only place where an access token is read or written.

use super::{Error, Transaction};

/// Keeps the token of a store, replacing an earlier one.
pub async fn keep(tx: &mut Transaction, shop_id: i64, access_token: &str) -> Result<(), Error> {
    sqlx::query!(
        r#"
        insert into shop_credentials (shop_id, access_token) values ($1, $2)
        on conflict (shop_id) do update set access_token = excluded.access_token, updated_at = now()
        "#,
        shop_id,
        access_token,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The token of a store; none if it is unknown or has removed the app.
pub async fn token(tx: &mut Transaction, domain: &str) -> Result<Option<(i64, String)>, Error> {
    let row = sqlx::query!(
        r#"
        select s.id, c.access_token from shops s join shop_credentials c on c.shop_id = s.id where s.domain = $1
        "#,
        domain,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row.map(|row| (row.id, row.access_token)))
}

/// Forgets the token of a store: it died with the uninstall.
pub(super) async fn forget(tx: &mut Transaction, shop_id: i64) -> Result<(), Error> {
    sqlx::query!("delete from shop_credentials where shop_id = $1", shop_id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}
