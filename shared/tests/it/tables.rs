//! The descriptions of the mirrored tables agree with the schema.

use std::collections::BTreeMap;

use shared::store::tables;
use sqlx::{AssertSqlSafe, Executor, PgPool, SqlSafeStr};

/// The columns that the database gives every mirrored table.
const COMMON: [&str; 7] = [
    "shop_id",
    "source_updated_at",
    "observed_at",
    "deleted_at",
    "synced_at",
    "source",
    "raw",
];

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn every_statement_of_every_table_can_be_prepared(pool: PgPool) {
    let mut connection = pool.acquire().await.unwrap();
    for table in tables() {
        for statement in table.all_statements() {
            let prepared = connection.prepare(AssertSqlSafe(statement).into_sql_str()).await;
            if let Err(error) = prepared {
                panic!("{}: {error}\n{statement}", table.name);
            }
        }
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_table_has_the_columns_that_its_description_says_and_no_other(pool: PgPool) {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) from pg_attribute a \
         join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'public' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let mut schema: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (table, column, kind) in columns {
        schema.entry(table).or_default().insert(column, kind);
    }
    for table in tables() {
        let mut found = schema
            .remove(table.name)
            .unwrap_or_else(|| panic!("no table {}", table.name));
        for common in COMMON {
            assert!(found.remove(common).is_some(), "{}.{common}", table.name);
        }
        for key in table.keys {
            assert_eq!(found.remove(*key).as_deref(), Some("bigint"), "{}.{key}", table.name);
        }
        for column in table.columns {
            let kind = match column.pg {
                "timestamptz" => "timestamp with time zone",
                other => other,
            };
            assert_eq!(
                found.remove(column.name).as_deref(),
                Some(kind),
                "{}.{}",
                table.name,
                column.name
            );
        }
        assert!(
            found.is_empty(),
            "{} has columns that nobody writes: {found:?}",
            table.name
        );
    }
    // What is not mirrored has no columns of the mirror; a mirrored table without a description would.
    for (table, columns) in schema {
        assert!(
            table == "mirrored" || !columns.contains_key("source_updated_at"),
            "{table} looks mirrored and has no description"
        );
    }
}
