//! After a complete import, what its file lacks is gone; what was seen in it or after it was begun is not.

use std::time::Duration;

use serde_json::json;
use shared::mirror::sweep::{self, Outcome};
use shared::store::{commit, erasure, redactions, shops};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::import_support::{Import, shopify};
use crate::mirror_support::{at, product, rows, store_with_shop};
use crate::scene::{Scene, child, gid, node};
use crate::sweep_support::{bare_products, counts, metafield, whole_product};

const PRODUCTS: &str = "select id::text from live.products order by id";
const VARIANTS: &str = "select id::text from live.product_variants order by id";
const METAFIELDS: &str = "select owner_type || ' ' || id from live.metafields order by id";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_the_file_lacks_dies_with_its_parts(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let both = [whole_product(1), whole_product(2)].concat();
    scene.read("products", &both, 10.0).await;
    let membership = |id: i64| {
        child(
            json!({ "__typename": "Product", "id": gid("Product", id) }),
            "Collection",
            5,
        )
    };
    scene
        .read(
            "collections",
            &[node("Collection", 5, 1.0, json!({})), membership(1), membership(2)],
            11.0,
        )
        .await;
    scene
        .read(
            "variant_metafields",
            &[child(metafield(210), "ProductVariant", 20)],
            12.0,
        )
        .await;

    // Of the first product a variant is gone, of the second all is.
    let mut file = whole_product(1);
    file.remove(2);
    let report = scene.import_and_sweep("products", &file, 100.0).await;
    assert_eq!((report.state.as_str(), report.note.as_deref()), ("done", None));
    assert_eq!(scene.rows(PRODUCTS).await, ["1"]);
    assert_eq!(scene.rows(VARIANTS).await, ["10"]);
    for view in ["product_options", "product_media", "metafields"] {
        assert_eq!(
            scene.rows(&format!("select id::text from live.{view}")).await,
            ["10"],
            "{view}"
        );
    }
    // Also what no file of products lists.
    assert_eq!(
        scene
            .rows("select product_id::text from live.collection_products")
            .await,
        ["1"]
    );
    let tombstone = "select (deleted_at = to_timestamp(1780000100))::text || ' ' || source from products where id = 2";
    assert_eq!(scene.rows(tombstone).await, ["true bulk"]);
    assert_eq!([0, 3].map(|place| counts(&report, place)), [(1, 1, 0), (3, 3, 0)]);
    // The lists are forgotten with the sweep.
    let lists = "select 'missing' from sync_missing union all \
        select 'seen' from sync_seen join sync_operations using (job_id, operation) where sweep is not null";
    assert!(scene.rows(lists).await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_changed_or_came_since_the_import_was_begun_lives(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..6), 10.0).await;
    // While the file is written, and in the very second in which that began.
    scene
        .deliver("products/update", product(2, "changed", 100.0, &[], &[]), 101.5)
        .await;
    scene
        .deliver("products/create", product(6, "new", 100.0, &[], &[]), 100.0)
        .await;
    scene
        .deliver("products/update", product(3, "seen again", 1.0, &[], &[]), 100.0)
        .await;
    let report = scene.import_and_sweep("products", &bare_products(1..2), 100.0).await;
    // The third is undecidable until it is fetched, which is wanted: so it is not lost meanwhile.
    assert_eq!(scene.wanted().await, [gid("Product", 3)]);
    assert_eq!(counts(&report, 0), (3, 2, 1));
    assert_eq!(scene.rows(PRODUCTS).await, ["1", "2", "3", "6"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_changes_nothing_is_seen_all_the_same(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..4), 10.0).await;
    scene
        .deliver("products/update", product(2, "newer", 50.0, &[], &[]), 51.0)
        .await;
    let before = scene.rows("select xmin::text from products order by id").await;
    // The first is as it was, the second older than what is known, the third is lacking.
    let report = scene.import_and_sweep("products", &bare_products(1..3), 100.0).await;
    assert_eq!(counts(&report, 0), (1, 1, 0));
    assert_eq!(scene.rows(PRODUCTS).await, ["1", "2"]);
    assert_eq!(
        scene.rows("select xmin::text from products order by id limit 2").await,
        before[..2]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_late_delivery_does_not_bring_a_swept_row_back_and_a_later_one_does(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene
        .read("products", &[whole_product(1), whole_product(2)].concat(), 10.0)
        .await;
    scene.import_and_sweep("products", &whole_product(1), 100.0).await;
    let late = product(2, "late", 90.0, &[(20, "9.00")], &[20]);
    assert_eq!(scene.deliver("products/update", late, 99.0).await, "stale");
    assert_eq!(
        (scene.rows(PRODUCTS).await, scene.rows(VARIANTS).await.len()),
        (vec!["1".to_owned()], 2)
    );
    let later = product(2, "later", 110.0, &[(20, "9.00")], &[20]);
    assert_eq!(scene.deliver("products/update", later, 111.0).await, "applied");
    assert_eq!(scene.rows(PRODUCTS).await, ["1", "2"]);
    assert_eq!(scene.rows(VARIANTS).await, ["10", "11", "20"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_operation_sweeps_the_metafields_of_its_own_owners_only(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let file = [
        node("Product", 1, 1.0, json!({})),
        child(node("ProductVariant", 11, 1.0, json!({})), "Product", 1),
        child(metafield(101), "Product", 1),
        child(metafield(102), "Product", 1),
    ];
    scene.read("products", &file, 10.0).await;
    let of_variants = [
        child(metafield(111), "ProductVariant", 11),
        child(metafield(112), "ProductVariant", 11),
    ];
    scene.read("variant_metafields", &of_variants, 11.0).await;
    let of_collections = [
        node("Collection", 5, 1.0, json!({})),
        child(metafield(121), "Collection", 5),
    ];
    scene.read("collections", &of_collections, 12.0).await;

    scene.import_and_sweep("products", &file[..3], 100.0).await;
    assert_eq!(
        scene.rows(METAFIELDS).await,
        [
            "Product 101",
            "ProductVariant 111",
            "ProductVariant 112",
            "Collection 121"
        ]
    );
    let report = scene
        .import_and_sweep("variant_metafields", &of_variants[..1], 101.0)
        .await;
    assert_eq!((report.tables.len(), counts(&report, 0)), (1, (1, 1, 0)));
    assert_eq!(
        scene.rows(METAFIELDS).await,
        ["Product 101", "ProductVariant 111", "Collection 121"]
    );
    assert_eq!(
        scene.rows(VARIANTS).await,
        ["11"],
        "a file of metafields lists no variants"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn rows_that_two_numbers_tell_apart_are_held_against_both(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let level = |item: i64, place: i64, active: bool| {
        let with = json!({ "location": { "id": gid("Location", place) }, "isActive": active,
            "quantities": [{ "name": "available", "quantity": 1 }] });
        child(
            node("InventoryLevel", item * 100 + place, 1.0, with),
            "InventoryItem",
            item,
        )
    };
    let items = || (1..3).map(|item| node("InventoryItem", item, 1.0, json!({})));
    let levels = [
        level(1, 7, true),
        level(1, 8, true),
        level(2, 7, true),
        level(2, 8, true),
    ];
    let before: Vec<_> = items().chain(levels).collect();
    scene.read("inventory", &before, 10.0).await;
    // One level is lacking, one is there and not active, which is to say that it is gone.
    let after: Vec<_> = items()
        .chain([level(1, 8, true), level(2, 7, true), level(2, 8, false)])
        .collect();
    let report = scene.import_and_sweep("inventory", &after, 100.0).await;
    assert_eq!([0, 1].map(|place| counts(&report, place)), [(0, 0, 0), (2, 2, 0)]);
    let left = "select inventory_item_id || ' ' || location_id from live.inventory_levels order by 1";
    assert_eq!(scene.rows(left).await, ["1 8", "2 7"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn who_was_erased_stays_erased(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let customers: Vec<_> = (1..4)
        .map(|id| node("Customer", id, 1.0, json!({ "firstName": "Jane" })))
        .collect();
    scene.read("customers", &customers, 10.0).await;
    let mut tx = scene.store.begin().await.unwrap();
    redactions::lock(&mut tx, scene.shop_id).await.unwrap();
    redactions::record(&mut tx, scene.shop_id, redactions::Kind::Customer, &[2], at(50.0))
        .await
        .unwrap();
    erasure::bury_customers(&mut tx, scene.shop_id, &[2]).await.unwrap();
    commit(tx).await.unwrap();
    let before = scene
        .rows("select to_jsonb(c)::text from customers c where id = 2")
        .await;
    let report = scene.import_and_sweep("customers", &customers[..1], 100.0).await;
    assert_eq!(counts(&report, 0), (1, 1, 0));
    assert_eq!(
        scene
            .rows("select to_jsonb(c)::text from customers c where id = 2")
            .await,
        before
    );
    assert!(before[0].contains("infinity"), "{before:?}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_store_that_was_erased_is_not_swept(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..4), 10.0).await;
    let import = scene.read("products", &bare_products(1..2), 100.0).await;
    scene.decide(&import).await;
    let mut tx = scene.store.begin().await.unwrap();
    redactions::lock(&mut tx, scene.shop_id).await.unwrap();
    let long_after = chrono::Utc::now() + chrono::Duration::days(1);
    assert!(shops::redact(&mut tx, scene.shop_id, long_after).await.unwrap());
    commit(tx).await.unwrap();
    scene.sweep(&import).await;
    assert_eq!(scene.rows(PRODUCTS).await.len(), 3);
    assert_eq!(scene.report(&import).await.state, "superseded");
    assert!(scene.rows("select id::text from sync_missing").await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_row_is_seen_exactly_once_whatever_is_delivered_twice_or_stops(pool: PgPool) {
    let server = shopify(400).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 3).await;
    // Two workers at once, of which one gives way; each stops after a batch; then all is delivered once more.
    let now = Instant::now();
    for chunk in [0, 1, 2] {
        let (one, two) = tokio::join!(import.apply_until(chunk, now), import.apply_until(chunk, now));
        assert!(one.is_ok() || two.is_ok());
        for _ in 0..2 {
            import.apply(chunk).await.unwrap();
        }
    }
    assert_eq!(import.read().await, import.counted);
    assert_eq!(
        rows(&pool, "select bool_and(lines = seen_lines)::text from sync_chunks").await,
        ["true"]
    );
    for (table, file) in [
        ("products", "select id from products"),
        ("product_options", "select id from product_options"),
        ("product_variants", "select id from product_variants"),
        ("product_media", "select id from product_media"),
        ("metafields", "select id from metafields"),
    ] {
        let query = format!(
            "select ((select array_agg(id order by id) from (select unnest(ids) as id from sync_seen \
             where table_name = '{table}') s) = (select array_agg(id order by id) from ({file}) f))::text"
        );
        let same: String = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(same, "true", "{table}");
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_sweep_that_stops_goes_on_and_counts_each_row_once(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..12_001), 10.0).await;
    let import = scene.read("products", &bare_products(1..9_901), 100.0).await;
    scene.decide(&import).await;
    // Each stops after one slice, as if it had crashed; two at once take turns.
    let file = scene.file(&import);
    let (one, two) = tokio::join!(
        sweep::run(&scene.store, &file, Instant::now()),
        sweep::run(&scene.store, &file, Instant::now())
    );
    assert_eq!((one.unwrap(), two.unwrap()), (Outcome::Paused, Outcome::Paused));
    assert_eq!(scene.rows("select count(*)::text from live.products").await, ["10000"]);
    let report = scene.report(&import).await;
    assert_eq!(
        (report.state.as_str(), counts(&report, 0)),
        ("running", (2_100, 2_000, 0))
    );
    // Meanwhile one that is still on the list is seen.
    scene
        .deliver("products/update", product(12_000, "seen", 90.0, &[], &[]), 150.0)
        .await;
    let later = Instant::now() + Duration::from_secs(60);
    let (one, two) = tokio::join!(
        sweep::run(&scene.store, &file, later),
        sweep::run(&scene.store, &file, later)
    );
    assert_eq!((one.unwrap(), two.unwrap()), (Outcome::Done, Outcome::Done));
    let report = scene.report(&import).await;
    assert_eq!((report.state.as_str(), counts(&report, 0)), ("done", (2_100, 2_099, 1)));
    assert_eq!(scene.rows("select count(*)::text from live.products").await, ["9901"]);
    assert!(scene.rows("select id::text from sync_missing").await.is_empty());
}
