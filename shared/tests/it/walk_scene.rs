//! A mirrored store and the walks through its lists.

use fake_shopify::{Config, Server, Traffic};
use shared::import::OPERATIONS;
use shared::message::{Page, Reach, Resource};
use shared::mirror::resource;
use shared::mirror::walk::{Outcome, Totals, step};
use shared::shopify::{Client, Gid};
use shared::store::walks::{self, Name};
use shared::store::{Store, commit, sync_operations};
use shared::walk::{WALKS, Walk, find};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::documents::{fetch_all, seen};
use crate::import_support::{Import, client, shop, shopify_with};
use crate::live::clear;
use crate::mirror_support::store_with_shop;

/// A store that was imported once, and then left alone.
pub struct Scene {
    pub pool: PgPool,
    pub store: Store,
    pub shop_id: i64,
    pub server: Server,
    pub client: Client,
}

impl Scene {
    pub async fn new(pool: PgPool, config: Config) -> Self {
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
    pub async fn changes(&self, events: usize) {
        let traffic = Traffic {
            events,
            seed: 7,
            deletes: 0.1,
            ..Traffic::default()
        };
        self.server.traffic(&traffic).await;
    }

    pub async fn begin(&self, walk: &Walk, reach: Reach) -> Option<Page> {
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

    pub async fn walk(&self, name: &str, reach: Reach) -> Totals {
        let page = self.begin(find(name).unwrap(), reach).await.expect("a walk is due");
        self.go_through(&page).await
    }

    pub async fn go_through(&self, page: &Page) -> Totals {
        loop {
            match step(&self.store, &self.client, page).await.unwrap().outcome {
                Outcome::More => {}
                Outcome::Done(totals) => return totals,
                Outcome::Ended => panic!("the walk had ended"),
            }
        }
    }

    pub async fn walk_all(&self, reach: Reach) {
        for walk in &WALKS {
            self.walk(walk.name, reach).await;
        }
    }

    /// Makes the fetches that are wanted. Returns how many there were.
    pub async fn fetch_wanted(&self) -> usize {
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

    pub async fn rows(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query).fetch_all(&self.pool).await.unwrap()
    }

    pub async fn execute(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    /// What the mirror would be if everything were read anew.
    pub async fn is_equal(&self) {
        let mirrored = seen(&self.pool).await;
        clear(&self.pool).await;
        fetch_all(&self.pool, &self.server).await;
        let truth = seen(&self.pool).await;
        for (view, rows) in truth.as_object().unwrap() {
            assert_eq!(&mirrored[view], rows, "{view}");
        }
    }
}

pub fn some() -> Config {
    Config {
        products: 40,
        orders: Some(60),
        ..Config::default()
    }
}
