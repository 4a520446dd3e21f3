//! What walks find inside resources, and of what belongs to none.

use shared::message::Reach;
use shared::store::drift;
use sqlx::PgPool;

use crate::walk_scene::{Scene, some};

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
    // Seen a minute ago, so that the fetch is later beyond doubt. Of five levels: one is not there, one was deleted, two are
    // older, and there is one too many.
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
            let mut parts = lists.into_iter().flat_map(|list| list.parts);
            let part = parts.find(|part| part.table == table).unwrap();
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
