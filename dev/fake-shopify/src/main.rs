//! The command line of the fake Shopify.

use std::time::Duration;

use anyhow::Context as _;
use fake_shopify::{Config, Server};
use lexopt::prelude::*;

const HELP: &str = "\
A working imitation of Shopify over HTTP: Admin GraphQL API, bulk operations, webhooks.

Usage: fake-shopify [options]

  --port PORT              port on 127.0.0.1; 0 takes a free one (default 0, printed at start)
  --shop DOMAIN            domain of the first shop (default fake-one.myshopify.com)
  --token TOKEN            its access token (default shpat_fake)
  --secret SECRET          client secret that signs webhooks (default hush)
  --products N             products it starts with, about 5 variants each (default 100)
  --customers N            customers (default a fifth of the products)
  --orders N               orders (default a fifth of the products), some of them older than 60 days
  --collections N          collections (default one for 200 products, at least 3)
  --seed N                 what its goods follow from (default 1)
  --api-version VERSION    version webhooks are serialised with (default 2026-10)
  --offset-minutes N       the shop's clock east of UTC in webhook bodies (default -300)
  --retry-scale FACTOR     factor on the four hours of webhook retries (default 0.001, that is 14 s)
  --refuse TYPE.FIELD      a protected field the app is not approved for (may be given several times)
  --short-decimals         amounts of the graph lose the zeros at their end, as Shopify's do
  --all-orders             the app may read orders older than 60 days
  --bulk-rate N            objects a bulk operation reads per second (default 75000)
  --bulk-delay-ms N        how long a bulk operation stays CREATED (default 150)
  --bulk-grouped           children follow their parent even without groupObjects
  --no-final-newline       the last line of a bulk file lacks its newline
  -h, --help               this text

Admin API    POST /{shop}/admin/api/{version}/graphql.json      X-Shopify-Access-Token: TOKEN
Bulk files   GET  /bulk/{token}/{id}.jsonl                      Range, If-Range, If-Match; no access token
Control      (JSON, no authentication; \"shop\" is optional everywhere and means the first one)
  POST /_fake/subscribe      {\"url\": \"http://…/webhooks\", \"topics\": [\"products/update\"]}
  GET, DELETE /_fake/subscriptions
  POST /_fake/edit           {\"update_product\": {\"id\": 1, \"title\": \"x\"}, \"deliver\": true}
                             also \"update_product\": ID, \"delete_product\": ID, \"create_product\": {\"seed\": 7, \"variants\": 3},
                             \"update_variant\": {\"id\": 1, \"price\": 1999, \"quantity\": 3}, \"add_variant\": PRODUCT, \"remove_variant\": ID
                             and of stock, customers, orders, collections, metafields, the shop (\"update_customer\": ID,
                             \"create_order\": {\"paid\": true}, \"refund_order\": ID, \"change_collection\": {\"id\": 1, \"add\": [2]},
                             \"set_inventory\": {\"item\": 1, \"location\": 2, \"available\": 3}, \"uninstall\": {}, …): the variants of `Edit`
  POST /_fake/refused        {\"fields\": [\"Customer.firstName\"]}: protected fields the app is not approved for from now on
  POST /_fake/traffic        {\"events\": 500, \"seed\": 1, \"duplicates\": 0.05, \"reorder\": 0.1, \"deletes\": 0.03, \"creates\": 0.05,
                             \"variant_changes\": 0.3, \"variant_adds\": 0.05, \"variant_removes\": 0.03, \"hot_products\": 20,
                             \"products\": 1, \"customers\": 0, \"orders\": 0, \"collections\": 0, \"inventory\": 0 (weights of kinds),
                             \"concurrency\": 8, \"per_second\": 100}; answers when all is delivered
  POST /_fake/deliver        {\"topic\": \"orders/create\", \"body\": {…} or \"text\", \"signed\": true, \"headers\": {}, \"url\": \"…\"}
  POST /_fake/faults         {\"operation\": \"ProductById\", \"fault\": {\"reject\": {\"status\": 503}}, \"times\": 2}
                             operation: an operation name, a root field, graphql, bulk_result, bulk_operation
                             fault: {\"reject\": {\"status\": 429, \"retry_after\": 2}} \"throttled\" \"fail_after_write\" {\"slow\": {\"ms\": 500}}
                             {\"truncate\": {\"after\": 1000}} \"no_range\" {\"short_file\": {\"missing\": 3}}
                             {\"bulk_end\": {\"status\": \"FAILED\", \"error_code\": \"TIMEOUT\", \"partial\": true}}
  GET, DELETE /_fake/faults  what has not happened yet
  GET, DELETE /_fake/requests?operation=…   what was received
  GET  /_fake/rows/TABLE     canonical lines, JSONL by ascending key; products, product_variants, orders, customers, …
  GET  /_fake/products?first=10&more_variants_than=100      ids to edit
  GET  /_fake/stats
  POST /_fake/shops          {\"shop\": \"b.myshopify.com\", \"token\": \"shpat_b\", \"products\": 50, \"customers\": 9, \"seed\": 2}
";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some(config) = parse()? else {
        print!("{HELP}");
        return Ok(());
    };
    let server = Server::start(config).await.context("cannot start")?;
    println!("fake-shopify listens on {} as {}", server.url(), server.config().shop);
    server.wait().await;
    Ok(())
}

/// The configuration, or `None` if help is wanted.
fn parse() -> anyhow::Result<Option<Config>> {
    let mut config = Config::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => config.port = parser.value()?.parse()?,
            Long("shop") => config.shop = parser.value()?.string()?,
            Long("token") => config.token = parser.value()?.string()?,
            Long("secret") => config.secret = parser.value()?.string()?,
            Long("products") => config.products = parser.value()?.parse()?,
            Long("customers") => config.customers = Some(parser.value()?.parse()?),
            Long("orders") => config.orders = Some(parser.value()?.parse()?),
            Long("collections") => config.collections = Some(parser.value()?.parse()?),
            Long("seed") => config.seed = parser.value()?.parse()?,
            Long("api-version") => config.api_version = parser.value()?.string()?,
            Long("offset-minutes") => config.offset_minutes = parser.value()?.parse()?,
            Long("retry-scale") => config.retry_scale = parser.value()?.parse()?,
            Long("refuse") => config.refused.push(parser.value()?.string()?),
            Long("short-decimals") => config.short_decimals = true,
            Long("all-orders") => config.scopes.push("read_all_orders".to_owned()),
            Long("bulk-rate") => config.bulk.objects_per_second = parser.value()?.parse()?,
            Long("bulk-delay-ms") => config.bulk.start_delay = Duration::from_millis(parser.value()?.parse()?),
            Long("bulk-grouped") => config.bulk.always_grouped = true,
            Long("no-final-newline") => config.bulk.final_newline = false,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(config))
}
