//! What a fake Shopify is started with. Everything has a default; tests change the two or three values they are about.

use std::time::Duration;

/// The settings of a server and of its first shop.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Domain of the first shop.
    pub shop: String,
    /// Its access token.
    pub token: String,
    /// The client secret that signs webhooks, the same for every shop.
    pub secret: String,
    /// How many products the first shop starts with.
    pub products: usize,
    /// What its goods follow from.
    pub seed: u64,
    /// The API version that webhooks are serialised with.
    pub api_version: String,
    /// Minutes east of UTC of the shop's clock in webhook bodies.
    pub offset_minutes: i32,
    /// The handles of `currentAppInstallation.accessScopes`.
    pub scopes: Vec<String>,
    /// How bulk operations run.
    pub bulk: BulkConfig,
    /// Factor on the four hours of webhook retries.
    pub retry_scale: f64,
    /// The size of the bucket and the points it regains per second.
    pub bucket: (f64, f64),
}

/// How bulk operations run.
#[derive(Clone, Debug)]
pub struct BulkConfig {
    /// How long an operation stays CREATED.
    pub start_delay: Duration,
    /// How many objects it reads per second once it runs.
    pub objects_per_second: f64,
    /// Children follow their parent even without `groupObjects`.
    pub always_grouped: bool,
    /// Whether the last line of a file ends with a newline.
    pub final_newline: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            shop: "fake-one.myshopify.com".to_owned(),
            token: "shpat_fake".to_owned(),
            secret: "hush".to_owned(),
            products: 100,
            seed: 1,
            api_version: crate::graphql::VERSION.to_owned(),
            offset_minutes: -300,
            scopes: [
                "read_products",
                "read_inventory",
                "read_locations",
                "read_customers",
                "read_orders",
            ]
            .map(str::to_owned)
            .to_vec(),
            bulk: BulkConfig::default(),
            retry_scale: 0.001,
            bucket: (2_000.0, 100.0),
        }
    }
}

impl Default for BulkConfig {
    fn default() -> Self {
        // 10,000 products with their variants, pictures and metafields are some 73,000 objects: about a second.
        Self {
            start_delay: Duration::from_millis(150),
            objects_per_second: 75_000.0,
            always_grouped: false,
            final_newline: true,
        }
    }
}
