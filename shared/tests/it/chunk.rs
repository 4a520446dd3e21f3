//! What the mirror promises about the chunks of an import.

use std::time::Duration;

use fake_shopify::{BulkConfig, Config, Fault, Server, Table};
use shared::mirror::Error;
use shared::mirror::chunk::Outcome;
use shared::shopify;
use sqlx::PgPool;
use tokio::time::Instant;

use crate::import_support::{Import, shopify, shopify_with};
use crate::mirror_support::{apply_all, at, delivery, product, rows, store_with_shop};

/// Every live row as the fake writes it.
const PRODUCTS: &str = r#"
    select concat_ws('|', id, title, handle, status, vendor, product_type, array_to_string(tags, ','), body_html,
        coalesce(template_suffix, '\N'), has_variants_that_require_components::text,
        to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        coalesce(to_char(published_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '\N'))
    from live.products order by id"#;
const VARIANTS: &str = r#"
    select concat_ws('|', id, product_id, title, coalesce(sku, '\N'), coalesce(barcode, '\N'), position, price,
        coalesce(compare_at_price::text, '\N'), taxable::text, inventory_policy, inventory_quantity, inventory_item_id,
        array_to_string(options, ','), to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    from live.product_variants order by id"#;

async fn assert_equal(pool: &PgPool, server: &Server) {
    for (query, table) in [(PRODUCTS, Table::Products), (VARIANTS, Table::ProductVariants)] {
        let mirror = rows(pool, query).await;
        let store: Vec<String> = server.rows(None, table).into_iter().map(|(_, line)| line).collect();
        for (mirrored, original) in mirror.iter().zip(&store) {
            assert_eq!(mirrored, original);
        }
        assert_eq!(mirror.len(), store.len());
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn every_line_is_counted_once_wherever_the_file_is_cut(pool: PgPool) {
    let server = shopify(60).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    for pieces in [1, 7, 500] {
        let import = Import::start(&store, shop_id, &server, pieces).await;
        for chunk in 0..import.chunks {
            assert!(matches!(import.apply(chunk).await.unwrap().outcome, Outcome::Done));
        }
        assert_eq!(import.read().await, import.counted, "{pieces} pieces");
        assert_equal(&pool, &server).await;
        sqlx::raw_sql("truncate sync_jobs cascade")
            .execute(&pool)
            .await
            .unwrap();
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_file_whose_last_line_lacks_its_newline_is_read_whole(pool: PgPool) {
    let bulk = BulkConfig {
        final_newline: false,
        ..BulkConfig::default()
    };
    let server = shopify_with(Config {
        products: 20,
        bulk,
        ..Config::default()
    })
    .await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 3).await;
    for chunk in 0..3 {
        import.apply(chunk).await.unwrap();
    }
    assert_eq!(import.read().await, import.counted);
    assert_equal(&pool, &server).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_chunk_delivered_twice_counts_once(pool: PgPool) {
    let server = shopify(30).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 2).await;
    for chunk in [0, 0, 1, 1, 0] {
        import.apply(chunk).await.unwrap();
    }
    assert_eq!(import.read().await, import.counted);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_chunk_on_two_workers_at_once_counts_once(pool: PgPool) {
    let server = shopify(400).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 1).await;
    let (one, two) = tokio::join!(import.apply(0), import.apply(0));
    for outcome in [one, two] {
        match outcome {
            Ok(_) | Err(Error::ChunkMoved) => {}
            Err(other) => panic!("{other}"),
        }
    }
    import.apply(0).await.unwrap();
    assert_eq!(import.read().await, import.counted);
    assert_equal(&pool, &server).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_download_that_breaks_off_goes_on_where_it_stopped(pool: PgPool) {
    let server = shopify(900).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 1).await;
    let bytes = usize::try_from(import.counted.2).unwrap();
    server
        .fault("bulk_result", Fault::Truncate { after: bytes * 3 / 4 }, 1)
        .unwrap();
    let error = import.apply(0).await.unwrap_err();
    assert!(matches!(error, Error::Shopify(_)), "{error}");
    let (lines, ..) = import.read().await;
    assert!(lines > 0 && lines < import.counted.0, "{lines} lines were kept");
    assert!(matches!(import.apply(0).await.unwrap().outcome, Outcome::Done));
    assert_eq!(import.read().await, import.counted);
    assert_equal(&pool, &server).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_chunk_that_runs_out_of_time_is_taken_up_again(pool: PgPool) {
    let server = shopify(900).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 1).await;
    let mut rounds = 0;
    loop {
        rounds += 1;
        match import.apply_until(0, Instant::now()).await.unwrap().outcome {
            Outcome::Paused => assert!(rounds < 100),
            Outcome::Done => break,
            Outcome::Ended => panic!("the import has not ended"),
        }
    }
    assert!(rounds > 1, "the chunk was never paused");
    assert_eq!(import.read().await, import.counted);
    assert_equal(&pool, &server).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_host_that_gives_only_whole_files_is_read_all_the_same(pool: PgPool) {
    let server = shopify(900).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    server.fault("bulk_result", Fault::NoRange, 10).unwrap();
    let import = Import::start(&store, shop_id, &server, 5).await;
    assert_eq!(import.chunks, 1);
    // Paused in between, so that the second reading has to skip what is done.
    while matches!(
        import.apply_until(0, Instant::now()).await.unwrap().outcome,
        Outcome::Paused
    ) {}
    assert_eq!(import.read().await, import.counted);
    assert_equal(&pool, &server).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_short_file_shows_in_the_account(pool: PgPool) {
    let server = shopify(50).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    server
        .fault("bulk_operation", Fault::ShortFile { missing: 3 }, 1)
        .unwrap();
    let import = Import::start(&store, shop_id, &server, 2).await;
    for chunk in 0..2 {
        import.apply(chunk).await.unwrap();
    }
    assert_eq!(import.read().await.0, import.counted.0 - 3);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_line_that_cannot_be_applied_is_kept_and_the_rest_goes_on(pool: PgPool) {
    let server = shopify(50).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let (_, variants) = server.products(None).remove(3);
    // No number of ours: the column is an integer of 32 bits.
    sqlx::raw_sql(
        "alter table product_variants add constraint no_such check (position <> 1 or sku is distinct from 'POISON')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let poison = fake_shopify::VariantFields {
        id: variants[0],
        sku: Some("POISON".to_owned()),
        ..Default::default()
    };
    server
        .edit(None, &fake_shopify::Edit::UpdateVariant(poison), true)
        .await
        .unwrap();
    let import = Import::start(&store, shop_id, &server, 1).await;
    import.apply(0).await.unwrap();
    let sums = import.sums().await;
    assert_eq!((sums.rejected, sums.lines), (1, import.counted.0));
    let kept = rows(&pool, "select convert_from(line, 'UTF8') from sync_rejected_lines").await;
    assert!(kept.len() == 1 && kept[0].contains("POISON"), "{kept:?}");
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["50"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_a_webhook_deleted_during_the_import_stays_deleted(pool: PgPool) {
    let server = shopify(20).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 1).await;
    let (id, _) = server.products(None).remove(0);
    let mut gone = delivery("products/delete", &serde_json::json!({ "id": id }), 0.0);
    gone.triggered_at = chrono::Utc::now() + chrono::Duration::seconds(1);
    apply_all(&store, &[gone]).await;
    import.apply(0).await.unwrap();
    let live = rows(&pool, "select id::text from live.products").await;
    assert!(live.len() == 19 && !live.contains(&id.to_string()));
    let orphans = rows(&pool, "select v.id::text from live.product_variants v where not exists (select from live.products p where p.id = v.product_id)").await;
    assert!(orphans.is_empty(), "{orphans:?}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_tie_of_a_bulk_row_and_a_webhook_wants_a_fetch(pool: PgPool) {
    let server = shopify(5).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let (id, _) = server.products(None).remove(0);
    // A webhook of the same second as the bulk row, triggered after the operation was created, that says otherwise.
    let updated: chrono::DateTime<chrono::Utc> = {
        let line = server
            .rows(None, Table::Products)
            .into_iter()
            .find(|(row, _)| *row == id)
            .unwrap()
            .1;
        line.split('|').rev().nth(1).unwrap().parse().unwrap()
    };
    let import = Import::start(&store, shop_id, &server, 1).await;
    let mut body = product(id, "says otherwise", 0.0, &[], &[]);
    body["updated_at"] = updated.to_rfc3339().into();
    // It says nothing of the variants, or those would be undecidable too.
    body.as_object_mut().unwrap().remove("variant_gids");
    let mut webhook = delivery("products/update", &body, 0.0);
    webhook.triggered_at = chrono::Utc::now() + chrono::Duration::seconds(1);
    apply_all(&store, &[webhook]).await;
    let applied = import.apply(0).await.unwrap();
    let gids: Vec<String> = applied.fetches.iter().map(|fetch| fetch.gid.to_string()).collect();
    assert_eq!(gids, [format!("gid://shopify/Product/{id}")]);
    assert_eq!(rows(&pool, "select gid from pending_fetches").await, gids);
    let _ = at(0.0);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn among_many_new_rows_the_few_that_are_known_are_judged(pool: PgPool) {
    let server = shopify(300).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let first = Import::start(&store, shop_id, &server, 1).await;
    first.apply(0).await.unwrap();
    // No product stays, so that all variants are thought to be new. Of them the second, third and fourth stay: one newer
    // than the file, one older, and one of the same second that a webhook told otherwise. The sixth is none of its
    // product's, as somebody told in full.
    sqlx::raw_sql(
        "create table known as select row_number() over (order by id) as place, id, product_id from product_variants;
        delete from products; delete from product_variants where id not in (select id from known where place in (2, 3, 4));
        update product_variants v set price = 1, source = 'webhook', observed_at = now() + interval '1 hour',
            source_updated_at = source_updated_at + case place when 2 then interval '1 day' else '0' end
        from known k where k.id = v.id;
        update product_variants v set source_updated_at = source_updated_at - interval '1 day', observed_at = '2020-01-01'
        from known k where k.id = v.id and place = 3;
        truncate sync_jobs cascade;",
    )
    .execute(&pool)
    .await
    .unwrap();
    for sixth_has_left in [false, true] {
        if sixth_has_left {
            sqlx::raw_sql(
                "delete from products; delete from product_variants where id not in (select id from known where place in (2, 3, 4));
                update product_variants v set source_updated_at = source_updated_at - interval '1 day', price = 1,
                    observed_at = '2020-01-01' from known k where k.id = v.id and place = 3;
                insert into member_sets (shop_id, members, owner_id, observed_at, ids)
                select (select id from shops), 'product_variants', product_id, now() + interval '1 hour', array(
                    select o.id from known o where o.product_id = k.product_id and o.place <> 6
                ) from known k where place = 6;
                truncate sync_jobs, pending_fetches cascade;",
            )
            .execute(&pool)
            .await
            .unwrap();
        }
        let again = Import::start(&store, shop_id, &server, 1).await;
        let applied = again.apply(0).await.unwrap();
        let told = rows(
            &pool,
            "select place || ' ' || (price = 1)::text from known join live.product_variants using (id)
            where place between 2 and 6 order by place",
        )
        .await;
        let mut expected = vec!["2 true", "3 false", "4 true", "5 false", "6 false"];
        let mut wanted = rows(
            &pool,
            "select 'gid://shopify/ProductVariant/' || id from known where place in (4, 6) order by place",
        )
        .await;
        if sixth_has_left {
            expected.pop();
        } else {
            wanted.pop();
        }
        assert_eq!(told, expected);
        let fetched: Vec<String> = applied.fetches.iter().map(|fetch| fetch.gid.to_string()).collect();
        assert_eq!(fetched, wanted);
        let live = rows(&pool, "select count(*)::text from live.product_variants").await;
        let known = rows(&pool, "select count(*)::text from known").await;
        assert_eq!(
            live[0].parse::<usize>().unwrap() + usize::from(sixth_has_left),
            known[0].parse::<usize>().unwrap()
        );
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_second_import_of_the_same_rows_writes_none(pool: PgPool) {
    let server = shopify(50).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let first = Import::start(&store, shop_id, &server, 1).await;
    first.apply(0).await.unwrap();
    let before = rows(
        &pool,
        "select xmin::text from products union all select xmin::text from product_variants",
    )
    .await;
    sqlx::raw_sql("truncate sync_jobs cascade")
        .execute(&pool)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let second = Import::start(&store, shop_id, &server, 1).await;
    second.apply(0).await.unwrap();
    assert_eq!(second.read().await, second.counted);
    let after = rows(
        &pool,
        "select xmin::text from products union all select xmin::text from product_variants",
    )
    .await;
    assert_eq!(before, after);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_result_that_is_gone_is_told_apart(pool: PgPool) {
    let server = shopify(5).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let import = Import::start(&store, shop_id, &server, 1).await;
    server
        .fault(
            "bulk_result",
            Fault::Reject {
                status: 403,
                retry_after: None,
            },
            1,
        )
        .unwrap();
    let error = import.apply(0).await.unwrap_err();
    assert!(
        matches!(error, Error::Shopify(shopify::Error::ResultGone { status: 403 })),
        "{error}"
    );
}
