//! What comparing a store's lists with its mirror promises.

use fake_shopify::{Config, Server, Traffic};
use shared::import::OPERATIONS;
use shared::message::{Page, Reach, Resource};
use shared::mirror::resource;
use shared::mirror::walk::{Outcome, Totals, step};
use shared::shopify::{Client, Gid};
use shared::store::walks::{self, Name};
use shared::store::{Store, commit, drift, sync_operations};
use shared::walk::{WALKS, Walk, find};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::documents::{fetch_all, seen};
use crate::import_support::{Import, client, shop, shopify_with};
use crate::live::clear;
use crate::mirror_support::store_with_shop;

/// A store that was imported once, and then left alone.
struct Scene {
    pool: PgPool,
    store: Store,
    shop_id: i64,
    server: Server,
    client: Client,
}

impl Scene {
    async fn new(pool: PgPool, config: Config) -> Self {
        let server = shopify_with(config).await;
        let (store, shop_id) = store_with_shop(pool.clone()).await;
        for operation in &OPERATIONS {
            let import = Import::of_operation(&store, shop_id, &server, operation.name).await;
            import.apply(0).await.unwrap();
            let mut tx = store.begin().await.unwrap();
            sync_operations::finish(&mut tx, import.job_id, operation.name, "completed", None)
                .await
                .unwrap();
            commit(tx).await.unwrap();
        }
        let client = client(&server);
        Self {
            pool,
            store,
            shop_id,
            server,
            client,
        }
    }

    /// Changes that nobody tells us of.
    async fn changes(&self, events: usize) {
        let traffic = Traffic {
            events,
            seed: 7,
            deletes: 0.1,
            ..Traffic::default()
        };
        self.server.traffic(&traffic).await;
    }

    async fn begin(&self, walk: &Walk, reach: Reach) -> Option<Page> {
        let mut tx = self.store.begin().await.unwrap();
        let name = Name {
            shop_id: self.shop_id,
            list: walk.name,
            reach: reach.as_str(),
            run: Uuid::now_v7(),
        };
        let run = walks::begin(&mut tx, name, walk.operation, 0.0, 600.0).await.unwrap();
        commit(tx).await.unwrap();
        Some(Page {
            shop: shop(),
            list: walk.name.to_owned(),
            reach,
            run: run?,
        })
    }

    async fn walk(&self, name: &str, reach: Reach) -> Totals {
        let page = self.begin(find(name).unwrap(), reach).await.expect("a walk is due");
        self.go_through(&page).await
    }

    async fn go_through(&self, page: &Page) -> Totals {
        loop {
            match step(&self.store, &self.client, page).await.unwrap().outcome {
                Outcome::More => {}
                Outcome::Done(totals) => return totals,
                Outcome::Ended => panic!("the walk had ended"),
            }
        }
    }

    async fn walk_all(&self, reach: Reach) {
        for walk in &WALKS {
            self.walk(walk.name, reach).await;
        }
    }

    /// Makes the fetches that are wanted. Returns how many there were.
    async fn fetch_wanted(&self) -> usize {
        let mut fetched = 0;
        loop {
            let wanted = self.rows("select gid from pending_fetches order by gid").await;
            if wanted.is_empty() {
                return fetched;
            }
            for gid in wanted {
                let resource = Resource {
                    shop: shop(),
                    gid: Gid::parse(&gid).unwrap(),
                };
                resource::apply(&self.store, &self.client, &resource).await.unwrap();
                fetched += 1;
            }
        }
    }

    async fn rows(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query).fetch_all(&self.pool).await.unwrap()
    }

    async fn execute(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    /// What the mirror would be if everything were read anew.
    async fn is_equal(&self) {
        let mirrored = seen(&self.pool).await;
        clear(&self.pool).await;
        fetch_all(&self.pool, &self.server).await;
        let truth = seen(&self.pool).await;
        for (view, rows) in truth.as_object().unwrap() {
            assert_eq!(&mirrored[view], rows, "{view}");
        }
    }
}

fn some() -> Config {
    Config {
        products: 40,
        orders: Some(60),
        ..Config::default()
    }
}

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
    let parts = drift::parts(&mut tx, &lists).await.unwrap();
    let tables: Vec<&str> = parts.iter().map(|part| part.table_name.as_str()).collect();
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
async fn what_belongs_to_something_that_nobody_ever_showed_is_found_and_removed(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    // As a bulk file tells it that was made before its owner was deleted, if the owner's own file was made after.
    scene
        .execute(
            "create temp table fields as select distinct on (owner_type) * from metafields \
                 where owner_type in ('Product', 'ProductVariant') order by owner_type, id; \
             update fields set id = id + 1, owner_id = owner_id + 1, observed_at = observed_at - interval '1 min'; \
             insert into metafields select * from fields; \
             create temp table levels as select * from inventory_levels order by inventory_item_id limit 1; \
             update levels set inventory_item_id = inventory_item_id + 1, observed_at = observed_at - interval '1 min'; \
             insert into inventory_levels select * from levels",
        )
        .await;
    for (list, kind, times) in [
        ("products", "Product", 1),
        ("variants", "ProductVariant", 1),
        ("inventory", "InventoryItem", 1),
        ("customers", "Customer", 0),
        ("orders", "Order", 0),
        ("collections", "Collection", 0),
    ] {
        assert_eq!(scene.walk(list, Reach::All).await.gone, times, "{list}");
        assert_eq!(scene.walk(list, Reach::Changes).await.gone, 0, "{list}");
        let wanted = scene.rows("select gid from pending_fetches").await;
        assert_eq!(wanted.len() as i64, times, "{wanted:?}");
        assert!(wanted.iter().all(|gid| gid.contains(kind)), "{wanted:?}");
        scene.fetch_wanted().await;
        assert_eq!(scene.walk(list, Reach::All).await.differences(), 0, "{list}");
    }
    scene.is_equal().await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn differences_inside_a_resource_are_counted_by_table(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    // Seen a minute ago, so that the fetch is later beyond doubt. Of five levels: one is not there, one was deleted, two are older, and there is one too many.
    scene
        .execute(
            "create temp table levels as select *, row_number() over (order by inventory_item_id, location_id) as n \
             from inventory_levels; \
             delete from inventory_levels l using levels n where n = 1 and (l.inventory_item_id, l.location_id) \
                 = (n.inventory_item_id, n.location_id); \
             update inventory_levels l set deleted_at = case n when 2 then l.observed_at - interval '1 min' end, \
                 observed_at = l.observed_at - interval '1 min', \
                 source_updated_at = l.source_updated_at - make_interval(secs => (n = 3)::int), \
                 available = l.available + (n = 4)::int \
             from levels n where n between 2 and 4 and (l.inventory_item_id, l.location_id) \
                 = (n.inventory_item_id, n.location_id); \
             alter table levels drop column n; update levels set location_id = 1, \
                 observed_at = observed_at - interval '1 min'; \
             insert into inventory_levels select distinct on (inventory_item_id) * from levels order by inventory_item_id limit 1; \
             update collection_products set deleted_at = observed_at - interval '1 min', \
                 observed_at = observed_at - interval '1 min' where (collection_id, product_id) = \
                 (select collection_id, product_id from collection_products order by 1, 2 limit 1); \
             update customer_purchases set number_of_orders = number_of_orders + 1, \
                 observed_at = observed_at - interval '1 min' \
                 where customer_id = (select min(id) from customers)",
        )
        .await;
    scene.walk_all(Reach::All).await;
    let found = |table: &'static str| {
        let scene = &scene;
        async move {
            let mut tx = scene.store.begin().await.unwrap();
            let lists = drift::last(&mut tx, None).await.unwrap();
            let parts = drift::parts(&mut tx, &lists).await.unwrap();
            let part = parts.into_iter().find(|part| part.table_name == table).unwrap();
            let equal = part.listed_sum == part.mirrored_sum;
            (
                (part.missing, part.stale, part.gone),
                part.listed - part.mirrored,
                equal,
            )
        }
    };
    assert_eq!(found("inventory_levels").await, ((2, 2, 1), 1, false));
    assert_eq!(found("collection_products").await, ((1, 0, 0), 1, true));
    assert_eq!(found("customer_purchases").await, ((0, 1, 0), 0, true));
    scene.fetch_wanted().await;
    scene.walk_all(Reach::All).await;
    assert_eq!(found("inventory_levels").await, ((0, 0, 0), 0, true));
    assert_eq!(found("collection_products").await, ((0, 0, 0), 0, true));
    assert_eq!(found("customer_purchases").await, ((0, 0, 0), 0, true));
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
async fn what_moves_no_time_of_change_is_compared_all_the_same(pool: PgPool) {
    let scene = Scene::new(pool, some()).await;
    scene.fetch_wanted().await;
    scene
        .execute(
            "update inventory_levels set available = available + 1 where ctid = (select min(ctid) from inventory_levels); \
             update customer_purchases set number_of_orders = 77 \
                 where customer_id = (select id from customers order by id limit 1); \
             update customer_email_consents set consent_updated_at = '2020-01-01' \
                 where customer_id = (select id from customers order by id offset 1 limit 1); \
             update customer_sms_consents set state = 'pending' \
                 where customer_id = (select id from customers order by id offset 2 limit 1); \
             delete from collection_products where ctid = (select min(ctid) from collection_products)",
        )
        .await;
    for (list, stale) in [("inventory", 1), ("customers", 3), ("collections", 1)] {
        let totals = scene.walk(list, Reach::All).await;
        assert_eq!((totals.missing, totals.stale, totals.gone), (0, stale, 0), "{list}");
    }
    let wanted = scene
        .rows("select split_part(gid, '/', 4) from pending_fetches order by 1")
        .await;
    assert_eq!(
        wanted,
        ["Collection", "Customer", "Customer", "Customer", "InventoryItem"]
    );
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
