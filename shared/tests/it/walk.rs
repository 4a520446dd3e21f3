//! What comparing a store's lists with its mirror promises.

use fake_shopify::Config;
use shared::message::{Page, Reach, Resource};
use shared::mirror::resource;
use shared::mirror::walk::{Outcome, step};
use shared::shopify::Gid;
use shared::store::drift;
use shared::store::part_differences::Part;
use shared::store::walks;
use shared::walk::{WALKS, find};
use sqlx::PgPool;
use uuid::Uuid;

use crate::import_support::shop;
use crate::live::clear;
use crate::walk_scene::{Scene, some};

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_nobody_told_us_of_is_found_and_the_mirror_equal_again(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    scene.changes(300).await;
    scene.walk_all(Reach::Changes).await;
    assert!(scene.fetch_wanted().await > 20);
    scene.walk_all(Reach::All).await;
    scene.fetch_wanted().await;
    scene.is_equal().await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_equal_mirror_has_no_drift_and_wants_nothing(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    scene.walk_all(Reach::Changes).await;
    scene.walk_all(Reach::All).await;
    assert_eq!(scene.fetch_wanted().await, 0);
    let mut tx = scene.store.begin().await.unwrap();
    let lists = drift::last(&mut tx, None).await.unwrap();
    assert_eq!(lists.len(), WALKS.len());
    let parts: Vec<&Part> = lists.iter().flat_map(|list| &list.parts).collect();
    let tables: Vec<&str> = parts.iter().map(|part| part.table.as_str()).collect();
    assert_eq!(
        tables,
        [
            "collection_products",
            "customer_email_consents",
            "customer_purchases",
            "customer_sms_consents",
            "inventory_levels"
        ]
    );
    for part in parts {
        assert_eq!(part.differences(), 0, "{part:?}");
        assert_eq!(
            (part.listed, &part.listed_sum),
            (part.mirrored, &part.mirrored_sum),
            "{part:?}"
        );
        assert!(part.listed > 0, "{part:?}");
    }
    for drift in lists {
        assert_eq!(drift.differences(), 0, "{drift:?}");
        assert_eq!(
            (drift.listed, &drift.listed_sum),
            (drift.mirrored, &drift.mirrored_sum),
            "{drift:?}"
        );
        assert!(drift.listed > 0);
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn missing_stale_and_gone_rows_are_told_apart(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    let ids = scene.rows("select id::text from products order by id").await;
    let [missing, stale, deleted, gone] = [0, 10, 20, 39].map(|place| ids[place].parse::<i64>().unwrap());
    scene
        .execute(&format!("delete from products where id = {missing}"))
        .await;
    scene
        .execute(&format!(
            "update products set source_updated_at = source_updated_at - interval '1 s' where id = {stale}"
        ))
        .await;
    // A tombstone of what is there, and a row of what never was, behind the last of the list.
    scene
        .execute(&format!(
            "update products set deleted_at = observed_at where id = {deleted}"
        ))
        .await;
    scene
        .execute(&format!(
            "create temp table copy as select * from products where id = {gone}; \
             update copy set id = id + 1; insert into products select * from copy"
        ))
        .await;
    let totals = scene.walk("products", Reach::All).await;
    assert_eq!(
        (totals.listed, totals.missing, totals.stale, totals.gone),
        (40, 2, 1, 1)
    );
    let mut wanted: Vec<String> = [missing, stale, deleted, gone + 1]
        .map(|id| format!("gid://shopify/Product/{id}"))
        .into();
    wanted.sort();
    assert_eq!(scene.rows("select gid from pending_fetches order by gid").await, wanted);
    scene.fetch_wanted().await;
    assert_eq!(scene.walk("products", Reach::All).await.differences(), 0);
    scene.is_equal().await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_a_store_may_hide_is_not_gone_and_what_was_erased_is_not_missing(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    scene
        .execute(
            "create temp table copy as select * from orders order by id limit 1; \
             update copy set id = id - 1, created_at = now() - interval '61 days'; insert into orders select * from copy",
        )
        .await;
    assert_eq!(scene.walk("orders", Reach::All).await.differences(), 0);
    scene
        .execute("update orders set created_at = now() - interval '58 days' where id = (select min(id) from orders)")
        .await;
    assert_eq!(scene.walk("orders", Reach::All).await.gone, 1);
    assert!(scene.fetch_wanted().await > 0);
    assert_eq!(scene.walk("orders", Reach::All).await.differences(), 0);
    scene
        .execute(
            "insert into redactions (shop_id, kind, id, redacted_at) \
             select shop_id, 'Customer', id, now() from customers order by id limit 1; \
             delete from customers c using redactions r where r.id = c.id",
        )
        .await;
    assert_eq!(scene.walk("customers", Reach::All).await.differences(), 0);
    assert_eq!(scene.fetch_wanted().await, 0);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_old_order_that_is_gone_is_so_only_for_an_app_that_sees_old_orders(pool: PgPool) {
    for sees_all in [false, true] {
        let mut config = some();
        if sees_all {
            config.scopes.push("read_all_orders".to_owned());
        }
        let scene = Scene::new(pool.clone(), config).await;
        scene.fetch_wanted().await;
        scene
            .execute(
                "insert into orders select (jsonb_populate_record(o, jsonb_build_object( \
                     'id', id - 1, 'created_at', now() - interval '100 days'))).* from orders o order by id limit 1",
            )
            .await;
        let resource = Resource {
            shop: shop(),
            gid: Gid::parse(&scene.rows("select 'gid://shopify/Order/' || min(id) from orders").await[0]).unwrap(),
        };
        assert_eq!(scene.walk("orders", Reach::All).await.gone, i64::from(sees_all));
        resource::apply(&scene.store, &scene.client, &resource).await.unwrap();
        let old = "select count(*)::text from live.orders where id = (select min(id) from orders)";
        assert_eq!(scene.rows(old).await, [if sees_all { "0" } else { "1" }]);
        clear(&scene.pool).await;
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_page_that_two_workers_read_is_counted_once(pool: PgPool) {
    let config = Config {
        products: 600,
        ..Config::default()
    };
    let scene = Scene::new(pool, config).await;
    let page = scene.begin(find("products").unwrap(), Reach::All).await.unwrap();
    loop {
        let step = || step(&scene.store, &scene.client, &page);
        let outcomes = tokio::join!(step(), step(), step());
        if [outcomes.0, outcomes.1, outcomes.2]
            .into_iter()
            .any(|walked| matches!(walked.unwrap().outcome, Outcome::Done(_)))
        {
            break;
        }
    }
    let told = "select listed || ' ' || mirrored || ' ' || pages from walks where list = 'products' and reach = 'all'";
    assert_eq!(scene.rows(told).await, ["600 600 3"]);
    assert_eq!(
        step(&scene.store, &scene.client, &page).await.unwrap().outcome,
        Outcome::Ended
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_walk_that_got_stuck_goes_on_where_it_was_and_one_of_another_run_does_nothing(pool: PgPool) {
    let config = Config {
        products: 600,
        ..Config::default()
    };
    let scene = Scene::new(pool, config).await;
    let walk = find("products").unwrap();
    let page = scene.begin(walk, Reach::All).await.unwrap();
    step(&scene.store, &scene.client, &page).await.unwrap();
    // It runs, and is not begun again.
    assert!(scene.begin(walk, Reach::All).await.is_none());
    scene
        .execute("update walks set progressed_at = now() - interval '1 h', sent_at = now() - interval '1 h'")
        .await;
    let again = scene.begin(walk, Reach::All).await.unwrap();
    assert_eq!(again.run, page.run);
    // Sent once, it is given time.
    assert!(scene.begin(walk, Reach::All).await.is_none());
    let other = Page {
        run: Uuid::now_v7(),
        ..page.clone()
    };
    assert_eq!(
        step(&scene.store, &scene.client, &other).await.unwrap().outcome,
        Outcome::Ended
    );
    let totals = scene.go_through(&again).await;
    assert_eq!((totals.listed, totals.differences()), (600, 0));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_differs_too_much_ends_a_walk_and_is_left_to_an_import(pool: PgPool) {
    let config = Config {
        products: 1_200,
        ..Config::default()
    };
    let scene = Scene::new(pool, config).await;
    scene
        .execute("truncate product_variants; truncate pending_fetches")
        .await;
    let totals = scene.walk("variants", Reach::All).await;
    assert!((2_000..2_500).contains(&totals.missing), "{totals:?}");
    assert_eq!(
        scene.rows("select status from walks where list = 'variants'").await,
        ["overrun"]
    );
    let mut tx = scene.store.begin().await.unwrap();
    assert_eq!(walks::overrun(&mut tx, scene.shop_id).await.unwrap(), ["variants"]);
    walks::handed_over(&mut tx, scene.shop_id, &["variants".to_owned()])
        .await
        .unwrap();
    assert!(walks::overrun(&mut tx, scene.shop_id).await.unwrap().is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_store_that_was_never_imported_is_not_compared(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.execute("delete from sync_jobs").await;
    for reach in [Reach::Changes, Reach::All] {
        assert!(scene.begin(find("products").unwrap(), reach).await.is_none());
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_watermark_moves_only_when_every_page_is_compared(pool: PgPool) {
    let config = Config {
        products: 600,
        ..Config::default()
    };
    let scene = Scene::new(pool, config).await;
    // Everything changed since then.
    scene
        .execute("update sync_operations set bulk_created_at = '2000-01-01'")
        .await;
    let page = scene.begin(find("products").unwrap(), Reach::Changes).await.unwrap();
    let watermark = "select coalesce(watermark::text, 'none') from walks where reach = 'changes'";
    for _ in 0..2 {
        let walked = step(&scene.store, &scene.client, &page).await.unwrap();
        assert_eq!(walked.outcome, Outcome::More);
        assert_eq!(scene.rows(watermark).await, ["none"]);
    }
    let walked = step(&scene.store, &scene.client, &page).await.unwrap();
    assert!(matches!(walked.outcome, Outcome::Done(totals) if totals.listed == 600));
    let moved =
        "select (watermark = bound and bound > now() - interval '1 min')::text from walks where reach = 'changes'";
    assert_eq!(scene.rows(moved).await, ["true"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_was_seen_within_the_second_of_its_change_is_fetched_to_be_sure(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    // Another change in the same second would be missed: nobody told us of it, and its time is the same.
    scene
        .execute(
            "update products set title = 'seen too soon', observed_at = source_updated_at + interval '900 ms' \
             where ctid = (select min(ctid) from products)",
        )
        .await;
    assert_eq!(scene.walk("products", Reach::Changes).await.differences(), 0);
    assert_eq!(scene.fetch_wanted().await, 0);
    assert_eq!(scene.walk("products", Reach::All).await.differences(), 0);
    assert_eq!(
        scene
            .rows("select unsettled::text from walks where reach = 'all'")
            .await,
        ["1"]
    );
    assert!(scene.fetch_wanted().await > 0);
    assert!(
        scene
            .rows("select title from products where title = 'seen too soon'")
            .await
            .is_empty()
    );
    scene.walk("products", Reach::All).await;
    assert_eq!(scene.fetch_wanted().await, 0);
}
