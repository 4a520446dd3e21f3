//! A fake Shopify, and an import whose result is cut into chunks, as the state machine's steps leave it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fake_shopify::{BulkConfig, Config, Server};
use shared::message;
use shared::mirror::Error;
use shared::mirror::chunk::{self, Applied};
use shared::shopify::{BulkOperation, BulkStatus, Client, Probe, ResultFiles, Settings, ShopDomain};
use shared::store::sync_operations::{Polled, ResultFile};
use shared::store::{Store, commit, sync_chunks, sync_jobs, sync_operations};
use tokio::time::Instant;
use uuid::Uuid;

use crate::mirror_support::SHOP;
use crate::stand_in::StandIn;

/// A store with so many products, whose bulk operations are quick.
pub async fn shopify(products: usize) -> Server {
    shopify_with(Config {
        products,
        ..Config::default()
    })
    .await
}

/// The same, with other settings.
pub async fn shopify_with(config: Config) -> Server {
    let bulk = BulkConfig {
        start_delay: Duration::ZERO,
        objects_per_second: 1e9,
        ..config.bulk
    };
    let config = Config {
        shop: SHOP.to_owned(),
        token: "token".to_owned(),
        bulk,
        bucket: (1e9, 1e9),
        ..config
    };
    Server::start(config).await.expect("a free port")
}

/// A client of that store.
pub fn client(server: &Server) -> Client {
    Client::new(Settings {
        admin_url: server.admin_url(),
        api_version: "2026-10".to_owned(),
    })
    .unwrap()
}

pub fn shop() -> ShopDomain {
    ShopDomain::parse(SHOP).unwrap()
}

/// An import that waits for its chunks to be applied.
pub struct Import {
    pub store: Store,
    pub files: ResultFiles,
    pub job_id: Uuid,
    pub operation: &'static str,
    pub created_at: DateTime<Utc>,
    pub chunks: i32,
    /// What Shopify counted: lines, root lines, bytes.
    pub counted: (i64, i64, i64),
}

impl Import {
    /// Lets Shopify write the file and cuts it into `pieces` equal ranges.
    pub async fn start(store: &Store, shop_id: i64, server: &Server, pieces: u64) -> Self {
        Self::cut(store, shop_id, server, "products", pieces).await
    }

    /// Lets Shopify write the file of an operation.
    pub async fn of_operation(store: &Store, shop_id: i64, server: &Server, operation: &'static str) -> Self {
        Self::cut(store, shop_id, server, operation, 1).await
    }

    async fn cut(store: &Store, shop_id: i64, server: &Server, operation: &'static str, pieces: u64) -> Self {
        let client = client(server);
        let query = shared::import::find(operation).unwrap().query;
        let mut bulk = client.run_bulk_query(&shop(), "token", "test", query).await.unwrap();
        while bulk.status != BulkStatus::Completed {
            bulk = client
                .bulk_operation(&shop(), "token", &bulk.id)
                .await
                .unwrap()
                .unwrap();
        }
        Self::of_bulk(store, shop_id, &client, operation, &bulk, pieces).await
    }

    /// An import of one file that a test has written, as of an operation created at `created_at`.
    pub async fn of_file(
        store: &Store,
        shop_id: i64,
        shopify: &StandIn,
        operation: &'static str,
        file: &str,
        created_at: DateTime<Utc>,
    ) -> Self {
        let roots = file.lines().filter(|line| !line.contains("__parentId")).count();
        let bulk = BulkOperation {
            id: "gid://shopify/BulkOperation/1".to_owned(),
            status: BulkStatus::Completed,
            error_code: None,
            created_at,
            object_count: Some(file.lines().count() as i64),
            root_object_count: Some(roots as i64),
            file_size: Some(file.len() as i64),
            url: Some(shopify.offer(file.to_owned())),
            partial_data_url: None,
        };
        Self::of_bulk(store, shop_id, &shopify.client, operation, &bulk, 1).await
    }

    async fn of_bulk(
        store: &Store,
        shop_id: i64,
        client: &Client,
        operation: &'static str,
        bulk: &BulkOperation,
        pieces: u64,
    ) -> Self {
        let files = ResultFiles::new(client).unwrap();
        let url = bulk.url.clone().unwrap();
        let probe = files.probe(&url).await.unwrap();

        let job_id = Uuid::now_v7();
        let kinds = [shared::import::find(operation).unwrap().kind.to_owned()];
        let mut tx = store.begin().await.unwrap();
        sync_jobs::create(&mut tx, job_id, shop_id, &kinds, &[operation.to_owned()])
            .await
            .unwrap();
        sync_jobs::start(&mut tx, job_id).await.unwrap();
        sync_operations::lock(&mut tx, job_id, operation)
            .await
            .unwrap()
            .unwrap();
        sync_operations::submitted(&mut tx, job_id, operation, &bulk.id, bulk.created_at, None)
            .await
            .unwrap();
        let polled = Polled {
            bulk_status: "completed".to_owned(),
            object_count: bulk.object_count,
            root_object_count: bulk.root_object_count,
            file_size: bulk.file_size,
            url: Some(url),
            partial: false,
        };
        sync_operations::polled(&mut tx, job_id, operation, &polled)
            .await
            .unwrap();
        let bounds = cut(&probe, pieces);
        sync_chunks::create(&mut tx, job_id, operation, &bounds).await.unwrap();
        let result = ResultFile {
            size: probe.size.map(|size| size as i64),
            etag: probe.etag.as_deref(),
            ranges: probe.ranges,
        };
        sync_operations::fanned_out(&mut tx, job_id, operation, &result)
            .await
            .unwrap();
        commit(tx).await.unwrap();
        Self {
            store: store.clone(),
            files,
            job_id,
            operation,
            created_at: bulk.created_at,
            chunks: bounds.len() as i32,
            counted: (
                bulk.object_count.unwrap(),
                bulk.root_object_count.unwrap(),
                bulk.file_size.unwrap(),
            ),
        }
    }

    /// Works on one chunk as a drain does.
    pub async fn apply(&self, chunk: i32) -> Result<Applied, Error> {
        self.apply_until(chunk, Instant::now() + Duration::from_secs(60)).await
    }

    /// Works on one chunk until a moment.
    pub async fn apply_until(&self, chunk: i32, deadline: Instant) -> Result<Applied, Error> {
        let message = message::Chunk {
            shop: shop(),
            job_id: self.job_id,
            operation: self.operation.to_owned(),
            chunk,
        };
        chunk::apply(&self.store, &self.files, &message, deadline).await
    }

    /// What was read: lines, root lines, bytes.
    pub async fn read(&self) -> (i64, i64, i64) {
        let sums = self.sums().await;
        (sums.lines, sums.root_lines, sums.bytes)
    }

    pub async fn sums(&self) -> sync_chunks::Sums {
        let mut tx = self.store.begin().await.unwrap();
        sync_chunks::sums(&mut tx, self.job_id, self.operation).await.unwrap()
    }
}

fn cut(probe: &Probe, pieces: u64) -> Vec<(i64, i64)> {
    let size = probe.size.unwrap();
    if !probe.ranges {
        return vec![(0, size as i64)];
    }
    (0..pieces)
        .map(|piece| ((size * piece / pieces) as i64, (size * (piece + 1) / pieces) as i64))
        .collect()
}
