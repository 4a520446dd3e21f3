//! An import whose state machine is the test.

use bulk_import::{Context, Event, handle};
use fake_shopify::Server;
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use shared::config::Environment;
use shared::message::{Body, decode};
use shared::mirror::walk::Wanted;
use shared::mirror::{self, chunk};
use shared::shopify::{Client, ResultFiles, Settings};
use shared::store::{Store, commit, sync_jobs, tables};
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{Redis, TOKEN, database_url, event_json, shop, shopify, store_with_shop};
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

pub struct Import {
    pub redis: Redis,
    pub server: Server,
    context: Context,
    store: Store,
    shop_id: i64,
    job_id: Uuid,
    operation: String,
    /// What the last step answered.
    last: Mutex<Value>,
}

/// The word and the message of an error, as the state machine gets them.
pub type Failure = (String, String);

pub fn next(answer: &Value) -> &str {
    answer["next"].as_str().unwrap()
}

impl Import {
    /// A store of so many products, and an import that has been asked for.
    pub async fn start(pool: &PgPool, products: usize) -> Self {
        Self::start_with(pool, shopify(products).await).await
    }

    /// The same of a store made elsewhere.
    pub async fn start_with(pool: &PgPool, server: Server) -> Self {
        let (store, shop_id) = store_with_shop(pool).await;
        let redis = Redis::start().await;
        let context = Context::load(&Environment::from_values([
            ("REDIS_HOST", "127.0.0.1"),
            ("REDIS_PORT", redis.port().as_str()),
            ("DATABASE_URL", database_url(pool).as_str()),
            ("SHOPIFY_ADMIN_URL", server.admin_url().as_str()),
        ]))
        .unwrap();
        let job_id = ask(&store, shop_id, &["products"]).await;
        Self {
            redis,
            server,
            context,
            store,
            shop_id,
            job_id,
            operation: "products".to_owned(),
            last: Mutex::new(Value::Null),
        }
    }

    /// Another import of the same store has been asked for; the steps are its own from now on. Some hours have passed.
    pub async fn ask_again(&mut self, operation: &'static str) {
        let mut tx = self.store.begin().await.unwrap();
        for table in tables() {
            let name = table.name;
            let aged = format!(
                "update {name} set source_updated_at = source_updated_at - interval '3 hours', \
                 observed_at = observed_at - interval '3 hours'"
            );
            sqlx::query(AssertSqlSafe(aged)).execute(&mut tx).await.unwrap();
        }
        commit(tx).await.unwrap();
        self.ask_for(&[operation]).await;
    }

    /// An import of these operations has been asked for; the steps are of the first of them from now on.
    pub async fn ask_for(&mut self, operations: &[&str]) {
        self.job_id = ask(&self.store, self.shop_id, operations).await;
        self.take(operations[0]).await;
    }

    /// The steps are of another operation of this import from now on.
    pub async fn take(&mut self, operation: &str) {
        self.operation = operation.to_owned();
        *self.last.lock().await = Value::Null;
    }

    /// One step with the last answer.
    pub async fn step(&self, step: &str) -> Result<Value, Failure> {
        let last = self.last.lock().await.clone();
        self.step_with(step, last).await
    }

    /// One step, by the event under `events/`.
    pub async fn step_with(&self, step: &str, result: Value) -> Result<Value, Failure> {
        let mut event = event_json(&format!("bulk-import/{}.json", step.replace('_', "-")));
        event["jobId"] = json!(self.job_id);
        event["operation"] = json!(self.operation);
        if event.get("result").is_some() && !result.is_null() {
            event["result"] = result;
        }
        let answer = self.invoke(event).await?;
        *self.last.lock().await = answer.clone();
        Ok(answer)
    }

    pub async fn give_up(&self, error: Value) -> Value {
        let mut event = event_json("bulk-import/give-up.json");
        event["jobId"] = json!(self.job_id);
        event["operation"] = json!(self.operation);
        event["error"] = error;
        self.invoke(event).await.unwrap()
    }

    pub async fn of_unknown_job(&self) -> Failure {
        let mut event = event_json("bulk-import/start.json");
        event["jobId"] = json!(Uuid::now_v7());
        self.invoke(event).await.unwrap_err()
    }

    pub async fn of_operation(&self, operation: &str) -> Failure {
        let mut event = event_json("bulk-import/start.json");
        event["jobId"] = json!(self.job_id);
        event["operation"] = json!(operation);
        self.invoke(event).await.unwrap_err()
    }

    async fn invoke(&self, event: Value) -> Result<Value, Failure> {
        let event: Event = serde_json::from_value(event).unwrap();
        match handle(&self.context, event).await {
            Ok(answer) => Ok(serde_json::to_value(answer).unwrap()),
            Err(error) => {
                let told = Diagnostic::from(error);
                Err((told.error_type, told.error_message))
            }
        }
    }

    /// Follows the answers to the end, draining where they say so; what the operation ended as.
    pub async fn run_to_the_end(&self) -> String {
        self.follow(None).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Follows the answers until a step fails.
    pub async fn run_until_error(&self) -> Failure {
        self.follow(None).await.unwrap_err()
    }

    /// Follows the answers until the step `until` comes next.
    pub async fn run_to(&self, until: &str) {
        self.follow(Some(until)).await.unwrap();
    }

    async fn follow(&self, until: Option<&str>) -> Result<String, Failure> {
        let mut step = "start";
        for _ in 0..200 {
            if until == Some(step) {
                return Ok(String::new());
            }
            let answer = self.step(step).await?;
            step = match next(&answer) {
                "wait" => "poll",
                "fan_out" => "fan_out",
                "drain" => {
                    if until != Some("progress") {
                        self.drain().await;
                    }
                    "progress"
                }
                "finish" => "finish",
                _ => return Ok(answer["status"].as_str().unwrap_or_default().to_owned()),
            };
        }
        panic!("the import does not come to an end");
    }

    /// Runs every step twice in a row, up to the verdict.
    pub async fn each_step_twice(&self) {
        for step in ["start", "start"] {
            self.step(step).await.unwrap();
        }
        while next(&self.step("poll").await.unwrap()) != "fan_out" {}
        self.step("poll").await.unwrap();
        for step in ["fan_out", "fan_out", "progress", "progress"] {
            self.step(step).await.unwrap();
        }
        self.drain().await;
        for step in ["progress", "finish", "finish"] {
            self.step(step).await.unwrap();
        }
    }

    /// Starts five operations that are not ours.
    pub async fn take_all_places(&self) {
        for place in 0..5 {
            self.client()
                .run_bulk_query(
                    &shop(),
                    TOKEN,
                    &format!("other {place}"),
                    shared::import::OPERATIONS[0].query,
                )
                .await
                .unwrap();
        }
    }

    fn client(&self) -> Client {
        Client::new(Settings {
            admin_url: self.server.admin_url(),
            api_version: "2026-10".to_owned(),
        })
        .unwrap()
    }

    /// The import is canceled, as `shopify.cancelImport` does. False if it had ended.
    pub async fn cancel(&self) -> bool {
        let mut tx = self.store.begin().await.unwrap();
        let canceled = sync_jobs::cancel(&mut tx, self.job_id).await.unwrap();
        commit(tx).await.unwrap();
        canceled
    }

    /// How many lists the reconcile would compare now.
    pub async fn walks(&self) -> usize {
        let wanted = Wanted {
            changes: true,
            all_after_seconds: 0.0,
        };
        let walks = mirror::walk::begin(&self.store, self.shop_id, &shop(), wanted).await;
        walks.unwrap().len()
    }

    /// What a drain does with one chunk.
    pub async fn apply(&self, chunk: i32) -> Result<chunk::Applied, mirror::Error> {
        let files = ResultFiles::new(&self.client()).unwrap();
        let message = shared::message::Chunk {
            shop: shop(),
            job_id: self.job_id,
            operation: self.operation.clone(),
            chunk,
        };
        chunk::apply(&self.store, &files, &message, Instant::now() + Duration::from_secs(60)).await
    }

    /// What the drains do with the chunks.
    async fn drain(&self) {
        let files = ResultFiles::new(&self.client()).unwrap();
        let queue = self.redis.queue(shared::import::find(&self.operation).unwrap().queue);
        loop {
            let messages = queue.receive(10, Duration::ZERO).await.unwrap();
            if messages.is_empty() {
                return;
            }
            for message in messages {
                let Body::Chunk(chunk) = decode(&message.body).unwrap() else {
                    panic!("no chunk")
                };
                let deadline = Instant::now() + Duration::from_secs(60);
                chunk::apply(&self.store, &files, &chunk, deadline).await.unwrap();
                queue.delete(&[message.receipt]).await.unwrap();
            }
        }
    }
}

/// An import of operations of one kind, running and not yet begun.
async fn ask(store: &Store, shop_id: i64, operations: &[&str]) -> Uuid {
    let job_id = Uuid::now_v7();
    let kinds = [shared::import::find(operations[0]).unwrap().kind.to_owned()];
    let operations: Vec<String> = operations.iter().map(|operation| (*operation).to_owned()).collect();
    let mut tx = store.begin().await.unwrap();
    sync_jobs::create(&mut tx, job_id, shop_id, &kinds, &operations)
        .await
        .unwrap();
    sync_jobs::start(&mut tx, job_id).await.unwrap();
    commit(tx).await.unwrap();
    job_id
}
