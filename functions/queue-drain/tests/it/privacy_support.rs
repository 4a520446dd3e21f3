//! A store with a person in it, whose every word can be looked for.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::{DateTime, Utc};
use fake_shopify::{
    AddressEdit, AddressFields, CustomerFields, Edit, FulfilFields, MetafieldFields, NewCustomer, NewOrder,
    OrderFields, Owner, RefundFields, Server, TagFields, TrackingFields,
};
use redis::AsyncCommands;
use serde_json::value::RawValue;
use shared::message::{Body, Payload, QueueName, Webhook};
use shared::shopify::Topic;
use shared::store::Store;
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{rows, shopify, store_with_shop};
use tokio::net::TcpListener;

use crate::chunk::fan_out;
use crate::resource;
use crate::support::{Drain, webhook};

const TOPICS: [&str; 23] = [
    "customers/create",
    "customers/update",
    "customers/delete",
    "customers/merge",
    "customers/purchasing_summary",
    "customer.tags_added",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "order_transactions/create",
    "refunds/create",
    "fulfillments/create",
    "fulfillments/update",
    "shop/update",
    "products/update",
    "app/uninstalled",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
];

/// A delivery of the fake store, to be delivered as often as one likes.
#[derive(Debug, Clone)]
pub struct Told {
    pub topic: String,
    pub triggered_at: DateTime<Utc>,
    pub body: String,
}

impl Told {
    pub fn webhook(&self) -> Webhook {
        Webhook {
            triggered_at: self.triggered_at,
            topic: Topic::parse(&self.topic),
            payload: Payload::Json(RawValue::from_string(self.body.clone()).unwrap()),
            ..webhook("x/x", &serde_json::json!({}))
        }
    }
}

/// Everything that the tests of privacy need.
pub struct World {
    pub pool: PgPool,
    pub store: Store,
    pub shop_id: i64,
    pub server: Server,
    pub drain: Drain,
    told: Arc<Mutex<Vec<Told>>>,
}

/// Somebody who bought something, and the words that nobody else uses.
pub struct Person {
    pub id: i64,
    pub email: String,
    pub order: i64,
    /// What Shopify told on the way.
    pub told: Vec<Told>,
    pub words: Vec<String>,
}

impl World {
    pub async fn start(pool: &PgPool) -> Self {
        let (store, shop_id) = store_with_shop(pool).await;
        let server = shopify(10).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        server.subscribe(None, &listen(Arc::clone(&told)).await, &TOPICS);
        let drain = Drain::start_with(pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
        Self {
            pool: pool.clone(),
            store,
            shop_id,
            server,
            drain,
            told,
        }
    }

    /// Lets something happen in the store. Returns what it was done to and what Shopify tells of it.
    pub async fn edit(&self, edit: Edit) -> (i64, Vec<Told>) {
        let (change, _) = self.server.edit(None, &edit, false).await.unwrap();
        (change.id, std::mem::take(&mut *self.told.lock().unwrap()))
    }

    /// Somebody whose words all have `mark` in them (lower-case letters), as the store knows them: nothing is delivered.
    pub async fn person(&self, mark: &str) -> Person {
        let word = |word: &str| Some(format!("{word}{mark}"));
        let email = format!("{mark}@example.com");
        let phone = format!("+49 30 55{:05}", mark.bytes().map(u32::from).sum::<u32>());
        let (id, mut told) = self
            .edit(Edit::CreateCustomer(NewCustomer {
                seed: 7,
                first_name: word("First"),
                email: Some(email.clone()),
                addresses: Some(1),
            }))
            .await;
        let fields = AddressFields {
            first_name: word("First"),
            last_name: word("Last"),
            company: word("Company"),
            address1: word("Street"),
            city: word("City"),
            zip: word("Zip"),
            phone: Some(phone.clone()),
        };
        let mut edits = vec![
            Edit::UpdateCustomer(CustomerFields {
                id,
                last_name: word("Last"),
                phone: Some(phone.clone()),
                note: word("Note"),
                ..CustomerFields::default()
            }),
            Edit::EditAddress(AddressEdit {
                customer: id,
                fields,
                default: true,
                ..AddressEdit::default()
            }),
            Edit::TagCustomer(TagFields {
                id,
                add: vec![format!("tag{mark}")],
                remove: Vec::new(),
            }),
            Edit::SetEmailConsent(id.into()),
            Edit::SetSmsConsent(id.into()),
            metafield(Owner::Customer, id, format!("meta{mark}")),
        ];
        for edit in edits.drain(..) {
            told.extend(self.edit(edit).await.1);
        }
        let order = NewOrder {
            seed: 3,
            customer: Some(id),
            paid: true,
            lines: Some(2),
            days_ago: 0,
        };
        let (order, more) = self.edit(Edit::CreateOrder(order)).await;
        told.extend(more);
        let edits = [
            Edit::UpdateOrder(OrderFields {
                id: order,
                note: word("OrderNote"),
                tags: Some(vec![format!("ordertag{mark}")]),
                po_number: word("Po"),
                email: None,
            }),
            Edit::FulfillOrder(FulfilFields {
                id: order,
                lines: Some(1),
            }),
            Edit::UpdateFulfillment(TrackingFields {
                id: order,
                number: word("Track"),
                ..TrackingFields::default()
            }),
            Edit::RefundOrder(RefundFields {
                id: order,
                note: word("Refund"),
                ..RefundFields::from(order)
            }),
            metafield(Owner::Order, order, format!("ordermeta{mark}")),
        ];
        for edit in edits {
            told.extend(self.edit(edit).await.1);
        }
        Person {
            id,
            email,
            order,
            told,
            words: vec![mark.to_owned(), phone.clone(), phone.replace(' ', "")],
        }
    }

    /// Delivers, and drains what was delivered.
    pub async fn deliver(&self, told: &[Told]) {
        for told in told {
            self.drain
                .send(QueueName::WebhookProcess, &Body::Webhook(told.webhook()))
                .await;
        }
        self.drain.run_until_empty(QueueName::WebhookProcess).await;
    }

    /// Fetches a person and the order, and imports all customers and orders.
    pub async fn read_again(&self, person: &Person) {
        self.drain
            .send(QueueName::CustomerSync, &resource("Customer", person.id))
            .await;
        self.drain
            .send(QueueName::OrderSync, &resource("Order", person.order))
            .await;
        for operation in ["customers", "orders"] {
            fan_out(&self.store, self.shop_id, &self.drain, &self.server, operation).await;
        }
        for queue in [QueueName::CustomerSync, QueueName::OrderSync, QueueName::ProductSync] {
            self.drain.run(queue).await;
        }
        assert_eq!(
            rows(&self.pool, "select error from sync_chunks where not done").await,
            [""; 0]
        );
    }

    /// Asks for the erasure as Shopify does.
    pub async fn erase(&self, person: &Person) {
        let (_, told) = self.edit(Edit::RedactCustomer(person.id)).await;
        assert_eq!(told.len(), 1);
        self.deliver(&told).await;
    }

    /// Gives a message up.
    pub async fn bury(&self, queue: QueueName, body: Vec<u8>) {
        let queue = self.drain.redis.queue(queue);
        queue.purge().await.unwrap();
        queue.send(&shared::queue::Send::new(body)).await.unwrap();
        let received = queue.receive(1, std::time::Duration::ZERO).await.unwrap();
        let letter = shared::queue::DeadLetter {
            receipt: received[0].receipt,
            reason: "test".to_owned(),
        };
        queue.dead_letter(&[letter]).await.unwrap();
    }

    /// The tables in which one of the words stands, whatever the column, and the keys of Redis.
    pub async fn find(&self, words: &[String]) -> Vec<String> {
        let mut found = in_tables(&self.pool, words).await;
        found.extend(self.in_redis(words).await);
        found
    }

    /// The keys of Redis in whose value one of the words stands.
    pub async fn in_redis(&self, words: &[String]) -> Vec<String> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.drain.redis.port())).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<Vec<u8>> = redis.keys("*").await.unwrap();
        let mut found = Vec::new();
        for key in keys {
            let kind: String = redis.key_type(&key).await.unwrap();
            let values: Vec<Vec<u8>> = match kind.as_str() {
                "string" => vec![redis.get(&key).await.unwrap()],
                "hash" => redis::cmd("HGETALL").arg(&key).query_async(&mut redis).await.unwrap(),
                "list" => redis.lrange(&key, 0, -1).await.unwrap(),
                "set" => redis.smembers(&key).await.unwrap(),
                "zset" => redis.zrange(&key, 0, -1).await.unwrap(),
                other => panic!("nobody looks into a {other}"),
            };
            let holds = |bytes: &[u8]| {
                let text = plain(bytes);
                words.iter().any(|word| text.contains(word))
            };
            if holds(&key) || values.iter().any(|value| holds(value)) {
                found.push(plain(&key));
            }
        }
        found
    }
}

/// A value of Redis in lower case, with what travels as base64 beside it.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let encoded = text.split('"').filter_map(|part| BASE64_STANDARD.decode(part).ok());
    let decoded: Vec<String> = encoded
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    format!("{text} {}", decoded.join(" ")).to_lowercase()
}

fn metafield(owner: Owner, id: i64, value: String) -> Edit {
    Edit::SetMetafield(MetafieldFields {
        owner,
        id,
        namespace: "test".to_owned(),
        key: "secret".to_owned(),
        kind: None,
        value: Some(value),
    })
}

/// The columns, of all there are, in which one of the words stands: as text, and as bytes.
pub async fn in_tables(pool: &PgPool, words: &[String]) -> Vec<String> {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "select c.table_name::text, c.column_name::text, c.data_type::text from information_schema.columns c \
         join information_schema.tables t using (table_schema, table_name) \
         where table_schema = 'public' and t.table_type = 'BASE TABLE' \
         and c.data_type in ('text', 'jsonb', 'json', 'bytea', 'ARRAY', 'character varying', 'uuid')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(columns.len() > 150, "{} columns are not all", columns.len());
    let patterns: Vec<String> = words.iter().map(|word| format!("%{word}%")).collect();
    let mut found = Vec::new();
    for (table, column, kind) in columns {
        let text = match kind.as_str() {
            "bytea" => format!("encode({column:?}, 'escape')"),
            _ => format!("{column:?}::text"),
        };
        let query = format!("select exists (select from {table:?} where {text} ilike any ($1))");
        let holds: bool = sqlx::query_scalar(AssertSqlSafe(query))
            .bind(&patterns)
            .fetch_one(pool)
            .await
            .unwrap();
        if holds {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// Takes deliveries as an app does.
async fn listen(told: Arc<Mutex<Vec<Told>>>) -> String {
    let take = move |headers: HeaderMap, body: Bytes| {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        told.lock().unwrap().push(Told {
            topic: header("x-shopify-topic"),
            triggered_at: header("x-shopify-triggered-at").parse().unwrap(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        std::future::ready(())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await });
    url
}
