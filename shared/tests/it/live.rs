//! What users see: the views of schema `live`, as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};

/// A row: its columns as JSON writes them, so that amounts keep every digit.
pub type Row = BTreeMap<String, String>;

/// The rows of a table or view: all columns but the store and `synced_at`, which is our clock.
async fn rows_of(pool: &PgPool, from: &str) -> Vec<Row> {
    let query = format!(
        "select (select jsonb_object_agg(key, value::text) from jsonb_each(to_jsonb(v) - 'shop_id' - 'synced_at')) \
         from {from} v order by to_jsonb(v) - 'synced_at' - 'raw'"
    );
    let rows: Vec<Value> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|row| serde_json::from_value(row).unwrap())
        .collect()
}

/// Every view but `shops`, with its rows.
pub async fn views(pool: &PgPool) -> BTreeMap<String, Vec<Row>> {
    let names: Vec<String> =
        sqlx::query_scalar("select viewname::text from pg_views where schemaname = 'live' and viewname <> 'shops'")
            .fetch_all(pool)
            .await
            .unwrap();
    let mut views = BTreeMap::new();
    for name in names {
        let rows = rows_of(pool, &format!("live.{name}")).await;
        views.insert(name, rows);
    }
    views
}

/// All that is known: what users see, a column a line, then what they do not see yet or no more, and what was told in
/// full. A `raw` that is one of `bodies` is not repeated.
pub async fn shown(pool: &PgPool, bodies: &[Value]) -> String {
    let mut text = String::new();
    let mut views = views(pool).await;
    if views["customers"].is_empty() {
        // The parts of a customer who is not here yet.
        for part in [
            "customer_tags",
            "customer_purchases",
            "customer_email_consents",
            "customer_sms_consents",
        ] {
            views.insert(format!("{part}, unseen"), rows_of(pool, part).await);
        }
    }
    for (view, rows) in views {
        for row in rows {
            writeln!(text, "{view}").unwrap();
            let (nulls, values): (Vec<_>, Vec<_>) = row.into_iter().partition(|(_, value)| value == "null");
            for (column, value) in values {
                let is_body = |value: &str| bodies.contains(&serde_json::from_str(value).unwrap());
                match column == "raw" && is_body(&value) {
                    true => writeln!(text, "  raw: as it came").unwrap(),
                    false => writeln!(text, "  {column}: {value}").unwrap(),
                }
            }
            if !nulls.is_empty() {
                let nulls: Vec<String> = nulls.into_iter().map(|(column, _)| column).collect();
                writeln!(text, "  null: {}", nulls.join(", ")).unwrap();
            }
        }
    }
    for table in shared::store::tables() {
        let key = table.keys.join(" || '/' || ");
        let query = format!(
            "select {key} || '' from {} where deleted_at is not null order by 1",
            table.name
        );
        let gone: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(pool).await.unwrap();
        for key in gone {
            writeln!(text, "gone: {} {key}", table.name).unwrap();
        }
    }
    let told = "select 'told in full: ' || members || ' of ' || owner_id || ': ' || ids::text || e'\n' from member_sets \
                order by members, owner_id";
    let told: Vec<String> = sqlx::query_scalar(told).fetch_all(pool).await.unwrap();
    text + &told.concat()
}

/// Empties everything but the store itself.
pub async fn clear(pool: &PgPool) {
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = 'public' and tablename not in \
         ('shops', 'shop_credentials', '_sqlx_migrations')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let statement = format!("truncate {} cascade", tables.join(", "));
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await.unwrap();
    let installed = "update shops set installed_at = '2022-01-01', uninstalled_at = null, scopes = default";
    sqlx::raw_sql(installed).execute(pool).await.unwrap();
}
