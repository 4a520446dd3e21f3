//! `redactions`: what was erased and must not come back.
//!
//! Whoever writes rows of a store holds back erasures first ([`hold`]); an erasure waits for those ([`lock`]). So a row
//! is either written before the erasure, which then finds it, or after it, and then the writer knows.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{Error, Key, Transaction};

/// How the stores stand whose rows are about to be written.
#[derive(Debug, Default)]
pub struct Held(HashMap<i64, (bool, bool)>);

impl Held {
    /// Whether everything of the store was erased and it has not installed the app again.
    pub fn is_erased(&self, shop_id: i64) -> bool {
        self.0.get(&shop_id).is_some_and(|(erased, _)| *erased)
    }

    /// Whether anything of the store was erased.
    pub fn has_redactions(&self, shop_id: i64) -> bool {
        self.0.get(&shop_id).is_some_and(|(_, redacted)| *redacted)
    }

    /// Whether anything of any of the stores was erased.
    pub fn any(&self) -> bool {
        self.0.values().any(|(_, redacted)| *redacted)
    }
}

/// Holds back erasures in these stores until the transaction ends. Comes before any row is locked.
pub async fn hold(tx: &mut Transaction, shop_ids: &[i64]) -> Result<Held, Error> {
    if shop_ids.is_empty() {
        return Ok(Held::default());
    }
    let rows = sqlx::query!(
        r#"select shop_id as "shop_id!", erased as "erased!", redacted as "redacted!" from hold_redactions($1)"#,
        shop_ids,
    )
    .fetch_all(&mut *tx)
    .await?;
    let stand = rows.into_iter().map(|row| (row.shop_id, (row.erased, row.redacted)));
    Ok(Held(stand.collect()))
}

/// Waits for all writers of a store and keeps new ones away until the transaction ends.
pub async fn lock(tx: &mut Transaction, shop_id: i64) -> Result<(), Error> {
    sqlx::query!(r#"select lock_redactions($1) as "locked!""#, shop_id)
        .fetch_one(&mut *tx)
        .await?;
    Ok(())
}

/// What stands for a mail address or a telephone number that is to be recognised and not to be known.
pub fn digest(shop_id: i64, text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(format!("{shop_id}:"));
    hash.update(text.as_bytes());
    hash.finalize().into()
}

/// What may have been erased, or what was: customers and orders by their keys, mail addresses by store and digest, each
/// with the time of the erasure.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "named after the kinds in the table")]
pub struct Asked {
    pub customers: BTreeSet<Key>,
    pub orders: BTreeSet<Key>,
    pub emails: BTreeSet<(i64, [u8; 32])>,
}

/// What of it was erased.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "named after the kinds in the table")]
pub struct Known {
    /// With the time of the erasure (Shopify's clock).
    pub customers: HashMap<Key, DateTime<Utc>>,
    pub orders: HashSet<Key>,
    /// With the time of the erasure: what is newer is not meant.
    pub emails: HashMap<(i64, [u8; 32]), DateTime<Utc>>,
}

/// Looks up what of this was erased.
pub async fn known(tx: &mut Transaction, asked: &Asked) -> Result<Known, Error> {
    let mut known = Known::default();
    if asked.customers.is_empty() && asked.orders.is_empty() && asked.emails.is_empty() {
        return Ok(known);
    }
    let named = || {
        let customers = asked.customers.iter().map(|key| ("Customer", key));
        customers.chain(asked.orders.iter().map(|key| ("Order", key)))
    };
    let shops: Vec<i64> = named().map(|(_, key)| key.shop_id).collect();
    let kinds: Vec<&str> = named().map(|(kind, _)| kind).collect();
    let ids: Vec<i64> = named().map(|(_, key)| key.id).collect();
    let email_shops: Vec<i64> = asked.emails.iter().map(|(shop_id, _)| *shop_id).collect();
    let emails: Vec<&[u8]> = asked.emails.iter().map(|(_, digest)| digest.as_slice()).collect();
    let rows = sqlx::query!(
        r#"
        select r.shop_id as "shop_id!", r.kind as "kind!", r.id, r.email_sha256, r.redacted_at as "redacted_at!"
        from unnest($1::bigint[], $2::text[], $3::bigint[]) as t (shop_id, kind, id)
        join redactions r on r.shop_id = t.shop_id and r.kind = t.kind and r.id = t.id
        union all
        select r.shop_id, r.kind, r.id, r.email_sha256, r.redacted_at
        from unnest($4::bigint[], $5::bytea[]) as t (shop_id, email_sha256)
        join redactions r on r.shop_id = t.shop_id and r.email_sha256 = t.email_sha256
        "#,
        &shops,
        &kinds as &[&str],
        &ids,
        &email_shops,
        &emails as &[&[u8]],
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in rows {
        match (row.kind.as_str(), row.id, row.email_sha256) {
            ("Customer", Some(id), _) => drop(known.customers.insert(Key::new(row.shop_id, id), row.redacted_at)),
            ("Order", Some(id), _) => drop(known.orders.insert(Key::new(row.shop_id, id))),
            (_, _, Some(digest)) => {
                if let Ok(digest) = digest.try_into() {
                    known.emails.insert((row.shop_id, digest), row.redacted_at);
                }
            }
            _ => {}
        }
    }
    Ok(known)
}

/// What an erasure records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the kinds in the table")]
pub enum Kind {
    Customer,
    Order,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "Customer",
            Self::Order => "Order",
        }
    }
}

/// Records that these were erased. Returns how many were not before.
pub async fn record(
    tx: &mut Transaction,
    shop_id: i64,
    kind: Kind,
    ids: &[i64],
    redacted_at: DateTime<Utc>,
) -> Result<u64, Error> {
    let recorded = sqlx::query!(
        r#"
        insert into redactions (shop_id, kind, id, redacted_at)
        select distinct $1::bigint, $2::text, id, $4::timestamptz from unnest($3::bigint[]) as t (id) order by id
        on conflict (shop_id, kind, id) do nothing
        "#,
        shop_id,
        kind.as_str(),
        ids,
        redacted_at,
    )
    .execute(&mut *tx)
    .await?;
    Ok(recorded.rows_affected())
}

/// The same for mail addresses, by their digests. One that is erased again is erased up to the later time.
pub async fn record_emails(
    tx: &mut Transaction,
    shop_id: i64,
    digests: &[Vec<u8>],
    redacted_at: DateTime<Utc>,
) -> Result<u64, Error> {
    let recorded = sqlx::query!(
        r#"
        insert into redactions (shop_id, kind, email_sha256, redacted_at)
        select distinct $1::bigint, 'CustomerEmail', email_sha256, $3::timestamptz
        from unnest($2::bytea[]) as t (email_sha256) order by email_sha256
        on conflict (shop_id, email_sha256) do update set redacted_at = excluded.redacted_at
        where redactions.redacted_at < excluded.redacted_at
        returning xmax = 0 as "is_new!"
        "#,
        shop_id,
        digests,
        redacted_at,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(recorded.iter().filter(|row| row.is_new).count() as u64)
}

/// A customer as the mirror knows it.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Person {
    pub id: i64,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// The customers that are meant: by number if one is given, else by mail address (in lower case), else by the digits of
/// the telephone number.
pub async fn find_customers(
    tx: &mut Transaction,
    shop_id: i64,
    id: Option<i64>,
    email: Option<&str>,
    phone: Option<&str>,
) -> Result<Vec<Person>, Error> {
    let people = sqlx::query_as!(
        Person,
        r#"
        select id, lower(email) as email, regexp_replace(phone, '\D', '', 'g') as phone from customers
        where shop_id = $1 and ($2::bigint is null or id = $2) and ($2::bigint is not null or lower(email) = $3)
        "#,
        shop_id,
        id,
        email,
    )
    .fetch_all(&mut *tx)
    .await?;
    if !people.is_empty() || id.is_some() || phone.is_none() {
        return Ok(people);
    }
    let people = sqlx::query_as!(
        Person,
        r#"
        select id, lower(email) as email, regexp_replace(phone, '\D', '', 'g') as phone from customers
        where shop_id = $1 and phone is not null and regexp_replace(phone, '\D', '', 'g') = $2
        "#,
        shop_id,
        phone,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(people)
}

/// Customers that are gone (deleted, or merged into another) and had one of these mail addresses or numbers.
pub async fn find_gone_customers(
    tx: &mut Transaction,
    shop_id: i64,
    emails: &[String],
    phones: &[String],
) -> Result<Vec<i64>, Error> {
    let rows = sqlx::query!(
        r#"
        select id from customers
        where shop_id = $1 and deleted_at < 'infinity'
          and (lower(email) = any ($2) or regexp_replace(phone, '\D', '', 'g') = any ($3))
        "#,
        shop_id,
        emails,
        phones,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The orders of these customers, and those up to a time that have one of these mail addresses.
pub async fn find_orders(
    tx: &mut Transaction,
    shop_id: i64,
    customers: &[i64],
    emails: &[String],
    until: DateTime<Utc>,
) -> Result<Vec<i64>, Error> {
    let rows = sqlx::query!(
        r#"
        select id from orders
        where shop_id = $1
          and (customer_id = any ($2) or lower(email) = any ($3) and (created_at is null or created_at <= $4))
        order by id
        "#,
        shop_id,
        customers,
        emails,
        until,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Forgets that these customers are to be fetched.
pub async fn forget_fetches(tx: &mut Transaction, shop_id: i64, gids: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "delete from pending_fetches where shop_id = $1 and gid = any ($2)",
        shop_id,
        gids
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
