//! What becomes of a customer who is to be forgotten.

use fake_shopify::{CustomerFields, Edit, OrderFields};
use serde_json::{Value, json};
use shared::message::{Body, Encoded, Payload, QueueName, Rejected, encode};
use shared::store::commit;
use shared::store::rejected_lines::{self, RejectedLine};
use sqlx::PgPool;
use test_support::{Log, SHOP, rows};
use uuid::Uuid;

use crate::chunk::fan_out;
use crate::privacy_support::{Person, Told, World, in_tables};
use crate::resource;
use crate::support::webhook;

/// A delivery that cannot be applied.
fn poison(person: &Person) -> Body {
    let mut poison = webhook("customers/update", &json!({}));
    poison.payload = Payload::Bytes(Encoded(format!("{{broken: {}", person.email).into_bytes()));
    Body::Webhook(poison)
}

/// A delivery that was refused.
fn refused(person: &Person, shop: Option<&str>) -> Body {
    Body::Rejected(Rejected {
        delivery_id: Uuid::now_v7(),
        received_at: chrono::Utc::now(),
        reason: "wrong signature".to_owned(),
        shop_domain: shop.map(str::to_owned),
        topic: Some("customers/update".to_owned()),
        webhook_id: None,
        body_size: 100,
        body: Encoded(format!(r#"{{"id":{},"email":"{}","#, person.id, person.email).into_bytes()),
    })
}

/// What of an order is no personal data.
const NUMBERS: &str = "select concat_ws(' ', o.id, name, number, total_price, financial_status, l.lines, l.sum)
    from live.orders o, lateral (
        select count(*) as lines, sum(price) from live.order_line_items l where l.order_id = o.id
    ) l order by o.id";

/// Puts a person into every place that Mercury has, and makes sure that there is something to be found.
async fn everywhere(world: &World, person: &Person) {
    world.deliver(&person.told).await;
    world.read_again(person).await;
    let drain = &world.drain;

    // A delivery that cannot be applied, one that was refused, and a line that was rejected.
    for body in [poison(person), refused(person, Some(SHOP)), refused(person, None)] {
        drain.send(QueueName::WebhookProcess, &body).await;
    }
    drain.run(QueueName::WebhookProcess).await;
    let job_id = fan_out(&world.store, world.shop_id, drain, &world.server, "customers").await;
    drain.run(QueueName::ProductSync).await;
    let line = RejectedLine {
        byte_offset: 1,
        error: "test".to_owned(),
        line: format!(
            r#"{{"id":"gid://shopify/Customer/{}","note":"{}"}}"#,
            person.id, person.words[0]
        )
        .into_bytes(),
    };
    let mut tx = world.store.begin().await.unwrap();
    rejected_lines::keep(&mut tx, job_id, "customers", &[&line])
        .await
        .unwrap();
    commit(tx).await.unwrap();

    // Dead letters of every kind.
    let of_person = person
        .told
        .iter()
        .find(|told| told.topic == "customers/update")
        .unwrap();
    world
        .bury(QueueName::WebhookProcess, encode(&Body::Webhook(of_person.webhook())))
        .await;
    let of_order = person
        .told
        .iter()
        .find(|told| told.topic == "fulfillments/update")
        .unwrap();
    world
        .bury(QueueName::OrderSync, encode(&Body::Webhook(of_order.webhook())))
        .await;
    world
        .bury(QueueName::CustomerSync, encode(&resource("Customer", person.id)))
        .await;
    world
        .bury(QueueName::VariantSync, encode(&refused(person, Some(SHOP))))
        .await;
    world
        .bury(QueueName::BulkImport, format!("hello {}", person.email).into_bytes())
        .await;

    let found = in_tables(&world.pool, &person.words).await;
    for column in [
        "customers.email",
        "customers.raw",
        "customer_tags.tags",
        "customer_addresses.address1",
        "customer_addresses.phone",
        "orders.email",
        "orders.note",
        "orders.tags",
        "orders.po_number",
        "orders.billing_address",
        "orders.raw",
        "refunds.note",
        "fulfillments.tracking_numbers",
        "metafields.value",
        "webhook_logs_default.payload",
        "webhook_rejections.body",
        "sync_rejected_lines.line",
    ] {
        let day = column.replace("_default", &format!("_{}", chrono::Utc::now().format("%Y%m%d")));
        assert!(
            found.contains(&column.to_owned()) || found.contains(&day),
            "{column}: {found:?}"
        );
    }
    assert!(!world.in_redis(&person.words).await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn nothing_of_an_erased_customer_is_found_anywhere_and_nothing_brings_it_back(pool: PgPool) {
    let log = Log::start();
    let world = World::start(&pool).await;
    let (person, other) = (world.person("zyxomat").await, world.person("quibbel").await);
    everywhere(&world, &person).await;
    world.deliver(&other.told).await;
    let letter = other.told.iter().find(|told| told.topic == "customers/update").unwrap();
    world
        .bury(QueueName::CustomerSync, encode(&Body::Webhook(letter.webhook())))
        .await;
    let numbers = rows(&pool, NUMBERS).await;
    let mut of_other = in_tables(&pool, &other.words).await;
    // An import, which writes the consents anew, keeps the text with the customer only.
    of_other.retain(|column| !column.ends_with("consents.raw"));

    world.erase(&person).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
    assert_eq!(rows(&pool, NUMBERS).await, numbers);
    let erasure =
        "select concat_ws(' ', status, payload, payload_bytes) from webhook_logs where topic = 'customers/redact'";
    assert_eq!(rows(&pool, erasure).await, ["applied"]);
    let audit = "select detail #>> '{customerIds,0}' from admin_audit where procedure = 'privacy.customers_redact'";
    assert_eq!(rows(&pool, audit).await, [person.id.to_string()]);

    // What is old, what is later, single and in bulk.
    world.deliver(&person.told).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
    let edits = [
        Edit::UpdateCustomer(CustomerFields {
            id: person.id,
            note: Some("Latezyxomat".to_owned()),
            ..CustomerFields::default()
        }),
        Edit::UpdateOrder(OrderFields {
            id: person.order,
            note: Some("Latezyxomat".to_owned()),
            ..OrderFields::default()
        }),
        Edit::SetEmailConsent(person.id.into()),
        Edit::CancelOrder(person.order.into()),
    ];
    for edit in edits {
        let (_, told) = world.edit(edit).await;
        world.deliver(&told).await;
        assert_eq!(world.find(&person.words).await, [""; 0]);
    }
    world.read_again(&person).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
    let ties = "select gid from pending_fetches where reason like '%same second differ%'";
    assert_eq!(
        rows(&pool, ties).await,
        [""; 0],
        "an erased row is the same however it came"
    );
    // What can neither be applied nor be trusted; the dead letter goes with the next sweep.
    for body in [poison(&person), refused(&person, Some(SHOP))] {
        world.drain.send(QueueName::WebhookProcess, &body).await;
    }
    let report = world.drain.run(QueueName::WebhookProcess).await;
    assert_eq!((report.deleted, report.dead_lettered), (1, 1), "{report:?}");
    assert_eq!(in_tables(&pool, &person.words).await, [""; 0]);
    world.drain.run(QueueName::OrderSync).await;
    assert!(!world.in_redis(&person.words).await.is_empty());
    world.drain.run(QueueName::CustomerSync).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
    let cancelled = "select count(*)::text from live.orders where cancelled_at is not null";
    assert_ne!(rows(&pool, cancelled).await, ["0"], "an erased order follows the store");

    // The other customer is as before, dead letter included.
    let still = in_tables(&pool, &other.words).await;
    assert!(
        of_other.iter().all(|column| still.contains(column)),
        "{of_other:?} {still:?}"
    );
    assert_eq!(world.drain.dead(QueueName::CustomerSync).await.len(), 1);
    log.assert_with(&["customer erased", "erased data swept"]);
    log.assert_without(&["zyxomat"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_customer_who_is_erased_before_it_was_ever_seen_never_appears(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    world.erase(&person).await;
    assert_eq!(
        rows(&pool, "select id::text from customers where deleted_at = 'infinity'").await,
        [person.id.to_string()]
    );
    world.deliver(&person.told).await;
    world.read_again(&person).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
    let orders = "select id::text from live.orders where total_price > 0 order by created_at desc limit 1";
    assert_eq!(rows(&pool, orders).await, [person.order.to_string()]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_erasure_that_comes_twice_erases_once(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    world.deliver(&person.told).await;
    world.erase(&person).await;
    world.erase(&person).await;
    let log = "select status from webhook_logs where topic = 'customers/redact' order by processed_at";
    assert_eq!(rows(&pool, log).await, ["applied", "stale"]);
    assert_eq!(world.find(&person.words).await, [""; 0]);
}

/// The request as Shopify makes it for a customer without a number.
fn by_email(email: &str) -> Told {
    redact(&json!({ "id": null, "email": email.to_uppercase(), "phone": null }))
}

fn redact(customer: &Value) -> Told {
    let body = json!({ "shop_id": 1, "shop_domain": SHOP, "customer": customer, "orders_to_redact": [] });
    Told {
        topic: "customers/redact".to_owned(),
        triggered_at: chrono::Utc::now(),
        body: body.to_string(),
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_telephone_number_is_enough_for_a_customer_who_is_known(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    world.deliver(&person.told).await;
    // However it is written.
    let phone = person.words[1].replace(' ', "-");
    world.deliver(&[redact(&json!({ "phone": phone }))]).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_customer_who_was_deleted_before_is_erased_too(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    world.deliver(&person.told).await;
    let deletion = Told {
        topic: "customers/delete".to_owned(),
        triggered_at: chrono::Utc::now(),
        body: json!({ "id": person.id }).to_string(),
    };
    world.deliver(&[deletion]).await;
    // Under another number, with the same address.
    world
        .deliver(&[redact(&json!({ "id": 5, "email": person.email }))])
        .await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_request_that_names_nobody_is_kept_for_people_to_look_at(pool: PgPool) {
    let world = World::start(&pool).await;
    let request = redact(&json!({ "id": null, "email": "", "phone": null }));
    world
        .drain
        .send(QueueName::WebhookProcess, &Body::Webhook(request.webhook()))
        .await;
    let report = world.drain.run(QueueName::WebhookProcess).await;
    assert_eq!(report.dead_lettered, 1, "{report:?}");
    assert_eq!(rows(&pool, "select status from webhook_logs").await, ["dead"]);
    assert_eq!(rows(&pool, "select id::text from redaction_sweeps").await, [""; 0]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_mail_address_is_enough_to_erase_a_customer_known_or_not(pool: PgPool) {
    let world = World::start(&pool).await;
    let (known, unknown) = (world.person("zyxomat").await, world.person("quibbel").await);
    world.deliver(&known.told).await;
    world.deliver(&[by_email(&known.email), by_email(&unknown.email)]).await;
    assert_eq!(world.find(&known.words).await, [""; 0]);
    for person in [known, unknown] {
        world.deliver(&person.told).await;
        world.read_again(&person).await;
        // Whom an import or a fetch recognises, the next drain of customers looks for.
        world.drain.run(QueueName::CustomerSync).await;
        assert_eq!(world.find(&person.words).await, [""; 0]);
    }
    let erased = "select count(*)::text from customers where deleted_at = 'infinity' and email is null";
    assert_eq!(rows(&pool, erased).await, ["2"]);

    // Who comes later with the same address is somebody new.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let anew = world.person("quibbel").await;
    world.deliver(&anew.told).await;
    let live = format!("select id::text from live.customers where email = '{}'", anew.email);
    assert_eq!(rows(&pool, live.leak()).await, [anew.id.to_string()]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_came_before_its_order_is_erased_with_it(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    let (orders, parts): (Vec<Told>, Vec<Told>) = person.told.clone().into_iter().partition(|told| {
        let about = told.topic.starts_with("orders/");
        about || told.topic.starts_with("customer")
    });
    assert!(parts.iter().any(|told| told.topic == "refunds/create"));
    // The erasure names the customer and none of the orders.
    let mut request = by_email(&person.email);
    let mut body: Value = serde_json::from_str(&request.body).unwrap();
    body["customer"]["id"] = json!(person.id);
    request.body = body.to_string();
    world.deliver(&[request]).await;
    world.deliver(&parts).await;
    world.deliver(&orders).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_crash_between_the_erasure_and_the_sweep_is_made_good(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    everywhere(&world, &person).await;
    let (_, told) = world.edit(Edit::RedactCustomer(person.id)).await;
    // A drain that dies after the commit.
    let webhook = told[0].webhook();
    shared::mirror::webhook::apply(&world.store, &[(&webhook, 1)], false)
        .await
        .unwrap();
    let left = world.find(&person.words).await;
    assert!(left.iter().any(|place| place.starts_with("webhook_logs")), "{left:?}");
    assert!(!world.in_redis(&person.words).await.is_empty());
    world.drain.run(QueueName::CustomerSync).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);

    // A message that dies later is found later, as long as one may.
    let letter = person.told[0].webhook();
    world.bury(QueueName::OrderSync, encode(&Body::Webhook(letter))).await;
    world.drain.run(QueueName::CustomerSync).await;
    assert!(!world.in_redis(&person.words).await.is_empty());
    rows(
        &pool,
        "update redaction_sweeps set swept_at = swept_at - interval '2 hours' returning runs::text",
    )
    .await;
    world.drain.run(QueueName::CustomerSync).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
    rows(
        &pool,
        "update redaction_sweeps set swept_at = '2026-01-01', wanted_at = '2026-01-01' returning runs::text",
    )
    .await;
    world.drain.run(QueueName::CustomerSync).await;
    assert_eq!(rows(&pool, "select id::text from redaction_sweeps").await, [""; 0]);
}
