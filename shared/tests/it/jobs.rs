//! An import ends with its last operation.

use shared::store::{commit, sync_jobs, sync_operations};
use sqlx::PgPool;
use uuid::Uuid;

use crate::mirror_support::{rows, store_with_shop};

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn two_operations_that_end_at_the_same_moment_end_their_import(pool: PgPool) {
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let job_id = Uuid::now_v7();
    let operations = ["inventory", "locations"];
    let mut tx = store.begin().await.unwrap();
    let kinds = ["inventory".to_owned()];
    let names = operations.map(str::to_owned);
    sync_jobs::create(&mut tx, job_id, shop_id, &kinds, &names)
        .await
        .unwrap();
    sync_jobs::start(&mut tx, job_id).await.unwrap();
    commit(tx).await.unwrap();

    let mut transactions = Vec::new();
    for operation in operations {
        let mut tx = store.begin().await.unwrap();
        sync_operations::lock(&mut tx, job_id, operation).await.unwrap();
        let ended = sync_operations::finish(&mut tx, job_id, operation, "completed", None);
        ended.await.unwrap();
        transactions.push(tx);
    }
    let (mut second, mut first) = (transactions.pop().unwrap(), transactions.pop().unwrap());
    sync_jobs::finish(&mut first, job_id).await.unwrap();
    let second = async move {
        sync_jobs::finish(&mut second, job_id).await.unwrap();
        commit(second).await.unwrap();
    };
    // The second is under way while the first is not yet committed.
    tokio::join!(second, async { commit(first).await.unwrap() });
    assert_eq!(rows(&pool, "select status from sync_jobs").await, ["completed"]);
}
