//! `data_requests`: what customers wanted to know, and the exports that answer them.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Error, Transaction};

/// Whose data an export holds.
#[derive(Debug)]
pub struct Whose<'a> {
    /// The customer's number, if the request tells it.
    pub customer_id: Option<i64>,
    /// The digest of the mail address, if the request tells one.
    pub email_sha256: Option<&'a [u8]>,
    /// The customers that are meant.
    pub customers: &'a [i64],
    /// The orders that are meant.
    pub orders: &'a [i64],
}

/// Writes the export of a request from what the views show now. One that was downloaded, or whose customer was erased,
/// stays as it is; then false is returned.
pub async fn answer(
    tx: &mut Transaction,
    shop_id: i64,
    id: i64,
    requested_at: DateTime<Utc>,
    whose: &Whose<'_>,
) -> Result<bool, Error> {
    let written = sqlx::query!(
        r#"
        insert into data_requests (shop_id, id, customer_id, email_sha256, requested_at, due_at, export)
        select $1::bigint, $2::bigint, $3::bigint, $4::bytea, $5::timestamptz, $5::timestamptz + interval '30 days',
               jsonb_build_object(
                   'shop', (select domain from shops where id = $1),
                   'request_id', $2::bigint,
                   'requested_at', $5::timestamptz,
                   'customers', coalesce((
                       select jsonb_agg(to_jsonb(c) - 'shop_id' || jsonb_build_object(
                           'addresses', coalesce((
                               select jsonb_agg(to_jsonb(a) - 'shop_id' order by a.id) from live.customer_addresses a
                               where a.shop_id = c.shop_id and a.customer_id = c.id
                           ), '[]'),
                           'metafields', coalesce((
                               select jsonb_agg(to_jsonb(m) - 'shop_id' order by m.id) from live.metafields m
                               where m.shop_id = c.shop_id and m.owner_type = 'Customer' and m.owner_id = c.id
                           ), '[]')
                       ) order by c.id)
                       from live.customers c where c.shop_id = $1 and c.id = any ($6::bigint[])
                   ), '[]'),
                   'orders', coalesce((
                       select jsonb_agg(to_jsonb(o) - 'shop_id' || jsonb_build_object(
                           'line_items', coalesce((
                               select jsonb_agg(to_jsonb(l) - 'shop_id' order by l.id) from live.order_line_items l
                               where l.shop_id = o.shop_id and l.order_id = o.id
                           ), '[]'),
                           'transactions', coalesce((
                               select jsonb_agg(to_jsonb(t) - 'shop_id' order by t.id) from live.order_transactions t
                               where t.shop_id = o.shop_id and t.order_id = o.id
                           ), '[]'),
                           'refunds', coalesce((
                               select jsonb_agg(to_jsonb(r) - 'shop_id' || jsonb_build_object('lines', coalesce((
                                   select jsonb_agg(to_jsonb(l) - 'shop_id' order by l.id) from live.refund_line_items l
                                   where l.shop_id = r.shop_id and l.order_id = r.order_id and l.refund_id = r.id
                               ), '[]')) order by r.id)
                               from live.refunds r where r.shop_id = o.shop_id and r.order_id = o.id
                           ), '[]'),
                           'fulfillments', coalesce((
                               select jsonb_agg(to_jsonb(f) - 'shop_id' order by f.id) from live.fulfillments f
                               where f.shop_id = o.shop_id and f.order_id = o.id
                           ), '[]'),
                           'metafields', coalesce((
                               select jsonb_agg(to_jsonb(m) - 'shop_id' order by m.id) from live.metafields m
                               where m.shop_id = o.shop_id and m.owner_type = 'Order' and m.owner_id = o.id
                           ), '[]')
                       ) order by o.id)
                       from live.orders o where o.shop_id = $1 and o.id = any ($7::bigint[])
                   ), '[]')
               )
        on conflict (shop_id, id) do update set export = excluded.export
        where data_requests.completed_at is null and data_requests.erased_at is null
        "#,
        shop_id,
        id,
        whose.customer_id,
        whose.email_sha256,
        requested_at,
        whose.customers,
        whose.orders,
    )
    .execute(&mut *tx)
    .await?;
    Ok(written.rows_affected() > 0)
}

/// Forgets the exports of customers that are erased. Returns how many there were.
pub async fn erase(
    tx: &mut Transaction,
    shop_id: i64,
    customers: &[i64],
    email_digests: &[Vec<u8>],
) -> Result<u64, Error> {
    let erased = sqlx::query!(
        r#"
        update data_requests set export = null, erased_at = now()
        where shop_id = $1 and erased_at is null and (customer_id = any ($2) or email_sha256 = any ($3))
        "#,
        shop_id,
        customers,
        email_digests,
    )
    .execute(&mut *tx)
    .await?;
    Ok(erased.rows_affected())
}

/// A request without its export.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Request {
    pub shop_domain: String,
    pub id: i64,
    pub customer_id: Option<i64>,
    pub requested_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
    pub erased_at: Option<DateTime<Utc>>,
}

/// The requests of one store or all, those due first that were not downloaded yet.
pub async fn list(tx: &mut Transaction, shop_domain: Option<&str>, limit: i64) -> Result<Vec<Request>, Error> {
    let requests = sqlx::query_as!(
        Request,
        r#"
        select s.domain as shop_domain, d.id, d.customer_id, d.requested_at, d.due_at, d.completed_at, d.erased_at
        from data_requests d join shops s on s.id = d.shop_id
        where $1::text is null or s.domain = $1
        order by (d.completed_at is not null or d.erased_at is not null), d.due_at, d.shop_id, d.id
        limit $2
        "#,
        shop_domain,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(requests)
}

/// The export of a request, which counts as downloaded from now on. None for an unknown request, and within that none
/// if the customer was erased.
pub async fn download(tx: &mut Transaction, shop_domain: &str, id: i64) -> Result<Option<Option<Value>>, Error> {
    let row = sqlx::query!(
        r#"
        update data_requests d
        set completed_at = case when d.export is null then d.completed_at else coalesce(d.completed_at, now()) end
        from shops s
        where s.id = d.shop_id and s.domain = $1 and d.id = $2
        returning d.export
        "#,
        shop_domain,
        id,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row.map(|row| row.export))
}
