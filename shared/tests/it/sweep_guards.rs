//! When a file tells nothing about what it lacks, and when somebody must look first.

use serde_json::{Value, json};
use shared::mirror::sweep::Confirmed;
use shared::store::sync_sweeps::State;
use shared::store::{commit, shops, sync_jobs};
use sqlx::PgPool;
use uuid::Uuid;

use crate::mirror_support::{at, product, whole};
use crate::scene::{Scene, child, gid, node};
use crate::sweep_support::{EVERY_SCOPE, bare_products, counts, scopes};

const PRODUCTS: &str = "select count(*)::text from live.products";

fn order(id: i64) -> Vec<Value> {
    let line = json!({ "__typename": "LineItem", "id": gid("LineItem", id * 10), "title": "x", "quantity": 1 });
    vec![
        node(
            "Order",
            id,
            1.0,
            json!({ "refunds": [{ "id": gid("Refund", id * 10) }] }),
        ),
        child(line, "Order", id),
    ]
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn orders_are_swept_only_if_the_app_saw_all_of_them(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("orders", &[order(1), order(2)].concat(), 10.0).await;
    let refund = json!({ "id": 20, "order_id": 2, "created_at": whole(at(11.0)), "refund_line_items": [{ "id": 21 }] });
    scene.deliver("refunds/create", refund, 11.5).await;
    let (all, recent) = (scopes(&EVERY_SCOPE), scopes(&["read_orders", "read_products"]));
    let file = order(1);
    // A scope that came or went while the file was being written was not there all the time.
    for (at_start, now) in [(&recent, &recent), (&recent, &all), (&all, &recent)] {
        let import = scene.read("orders", &file, 100.0).await;
        assert_eq!(scene.decide_by(&import, Some(at_start), Ok(now)).await, State::Skipped);
        scene.sweep(&import).await;
        let report = scene.report(&import).await;
        assert!(report.note.unwrap().contains("without the scope read_all_orders"));
        assert_eq!(
            scene.rows("select id::text from live.orders order by id").await,
            ["1", "2"]
        );
    }
    let report = scene.import_and_sweep("orders", &file, 200.0).await;
    assert_eq!(report.state, "done");
    for (view, left) in [("orders", "1"), ("order_line_items", "10"), ("refunds", "10")] {
        assert_eq!(
            scene.rows(&format!("select id::text from live.{view}")).await,
            [left],
            "{view}"
        );
    }
    assert!(
        scene
            .rows("select id::text from live.refund_line_items")
            .await
            .is_empty()
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn nothing_is_swept_where_nobody_knows_what_the_app_could_see_or_saw(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..4), 10.0).await;
    let file = bare_products(1..2);
    let all = scopes(&EVERY_SCOPE);
    let import = scene.read("products", &file, 100.0).await;
    assert_eq!(scene.decide_by(&import, None, Ok(&all)).await, State::Skipped);
    // A version of ours that kept nothing of what it saw read a part of the file.
    let import = scene.read("products", &file, 101.0).await;
    sqlx::raw_sql("update sync_chunks set seen_lines = 0")
        .execute(&scene.pool)
        .await
        .unwrap();
    assert_eq!(scene.decide(&import).await, State::Skipped);
    assert!(scene.report(&import).await.note.unwrap().contains("another version"));
    scene.sweep(&import).await;
    assert_eq!(scene.rows(PRODUCTS).await, ["3"]);
    assert!(scene.rows("select id::text from sync_missing").await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn without_an_answer_about_scopes_the_sweep_waits_and_a_lost_scope_ends_it(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("orders", &[order(1), order(2)].concat(), 10.0).await;
    let import = scene.read("orders", &order(1), 100.0).await;
    let all = scopes(&EVERY_SCOPE);
    assert_eq!(
        scene.decide_by(&import, Some(&all), Err("HTTP status 403")).await,
        State::Held
    );
    let note = scene.report(&import).await.note.unwrap();
    assert!(
        note.contains("did not say which scopes") && note.contains("403") && note.contains("shopify.confirmSweep"),
        "{note}"
    );
    assert_eq!(
        scene.confirm(&import, &scopes(&["read_orders"])).await,
        Confirmed::Skipped
    );
    scene.sweep(&import).await;
    assert_eq!(scene.confirm(&import, &all).await, Confirmed::NotHeld);
    assert_eq!(scene.rows("select id::text from live.orders").await.len(), 2);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn too_much_waits_until_it_is_confirmed_and_what_is_seen_meanwhile_is_spared(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..201), 10.0).await;
    let import = scene.read("products", &bare_products(1..101), 100.0).await;
    assert_eq!(scene.decide(&import).await, State::Held);
    scene.sweep(&import).await;
    assert_eq!(scene.rows(PRODUCTS).await, ["200"]);
    let note = scene.report(&import).await.note.unwrap();
    assert!(
        note.contains("100 of 200 products (50 %)") && note.contains("shopify.confirmSweep"),
        "{note}"
    );
    scene
        .deliver("products/update", product(150, "alive", 120.0, &[], &[]), 121.0)
        .await;
    scene.deliver("products/delete", json!({ "id": 151 }), 122.0).await;
    let all = scopes(&EVERY_SCOPE);
    assert_eq!(scene.confirm(&import, &all).await, Confirmed::Yes);
    assert_eq!(scene.confirm(&import, &all).await, Confirmed::NotHeld);
    scene.sweep(&import).await;
    let report = scene.report(&import).await;
    assert_eq!((report.state.as_str(), counts(&report, 0)), ("done", (100, 99, 1)));
    assert_eq!(scene.rows(PRODUCTS).await, ["101"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_store_without_anything_is_swept_only_if_confirmed(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..3), 10.0).await;
    let import = scene.read("products", &[], 100.0).await;
    assert_eq!(scene.decide(&import).await, State::Held);
    let note = scene.report(&import).await.note.unwrap();
    assert!(note.contains("Shopify shows no products at all"), "{note}");
    assert_eq!(scene.confirm(&import, &scopes(&EVERY_SCOPE)).await, Confirmed::Yes);
    scene.sweep(&import).await;
    assert_eq!(scene.rows(PRODUCTS).await, ["0"]);
    // Of nothing, nothing is missing.
    let report = scene.import_and_sweep("products", &[], 200.0).await;
    assert_eq!((report.state.as_str(), counts(&report, 0)), ("done", (0, 0, 0)));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_later_import_of_the_kind_takes_the_place_of_a_sweep_that_waits(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.read("products", &bare_products(1..201), 10.0).await;
    let held = scene.read("products", &bare_products(1..101), 100.0).await;
    scene.decide(&held).await;
    // Another kind changes nothing about it.
    let mut tx = scene.store.begin().await.unwrap();
    let other = |name: &str| [name.to_owned()];
    sync_jobs::create(
        &mut tx,
        Uuid::now_v7(),
        scene.shop_id,
        &other("orders"),
        &other("orders"),
    )
    .await
    .unwrap();
    commit(tx).await.unwrap();
    assert_eq!(scene.report(&held).await.state, "held");
    // The later file has all again, and writes none of it: the older list would name what exists.
    let later = scene.read("products", &bare_products(1..201), 200.0).await;
    assert_eq!(scene.confirm(&held, &scopes(&EVERY_SCOPE)).await, Confirmed::NotHeld);
    scene.sweep(&held).await;
    assert_eq!(scene.report(&held).await.state, "superseded");
    assert!(scene.rows("select id::text from sync_missing").await.is_empty());
    scene.decide(&later).await;
    scene.sweep(&later).await;
    assert_eq!(scene.rows(PRODUCTS).await, ["200"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn parts_of_persons_that_shopify_may_hide_are_not_taken_for_gone(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let customer = |id: i64| node("Customer", id, 1.0, json!({ "firstName": "Jane" }));
    let address = |id: i64| {
        let address = json!({ "__typename": "MailingAddress", "id": gid("MailingAddress", id * 10), "city": "Ottawa" });
        child(address, "Customer", id)
    };
    let before = [customer(1), address(1), customer(2), address(2)];
    scene.read("customers", &before, 10.0).await;
    // No address at all: they may be hidden, so somebody looks.
    let import = scene.read("customers", &[customer(1), customer(2)], 100.0).await;
    assert_eq!(scene.decide(&import).await, State::Held);
    assert!(
        scene
            .report(&import)
            .await
            .note
            .unwrap()
            .contains("no customer addresses at all")
    );
    // Known to be hidden: only those of a customer who is gone go.
    let mut tx = scene.store.begin().await.unwrap();
    shops::refuses_personal(&mut tx, scene.shop_id, true).await.unwrap();
    commit(tx).await.unwrap();
    let report = scene.import_and_sweep("customers", &[customer(1)], 200.0).await;
    assert_eq!(report.state, "done");
    assert_eq!(scene.rows("select id::text from live.customer_addresses").await, ["10"]);
}
