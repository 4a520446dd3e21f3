//! What a fake Shopify is started with. Everything has a default; tests change the two or three values they are about.

use std::time::Duration;

use crate::catalogue::Numbers;
use crate::clock;

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
    /// How many customers; a fifth of the products if not given.
    pub customers: Option<usize>,
    /// How many orders; a fifth of the products if not given.
    pub orders: Option<usize>,
    /// How many collections; one for two hundred products if not given, three at least.
    pub collections: Option<usize>,
    /// The day orders are dated back from, in seconds since 1970; the day before the start if not given. With the
    /// same day and the same seed the store is the same on every machine.
    pub today: Option<i64>,
    /// What its goods follow from.
    pub seed: u64,
    /// The API version that webhooks are serialised with.
    pub api_version: String,
    /// Minutes east of UTC of the shop's clock in webhook bodies.
    pub offset_minutes: i32,
    /// The scopes granted to the app. Kinds they do not open are null beside an `ACCESS_DENIED`; orders older than 60
    /// days are nowhere without `read_all_orders`.
    pub scopes: Vec<String>,
    /// Protected fields the app is not approved for, as `Type.field` of the graph (`Customer.firstName`).
    pub refused: Vec<String>,
    /// Amounts of the graph lose the zeros at their end (`10.0`), as Shopify's `Decimal` does; REST bodies keep them.
    pub short_decimals: bool,
    /// How bulk operations run.
    pub bulk: BulkConfig,
    /// Factor on the four hours of webhook retries.
    pub retry_scale: f64,
    /// The size of the bucket and the points it regains per second.
    pub bucket: (f64, f64),
}

impl Config {
    /// How many of each kind the first shop starts with.
    pub(crate) fn numbers(&self) -> Numbers {
        let usual = self.numbers_of(self.products);
        Numbers {
            customers: self.customers.unwrap_or(usual.customers),
            orders: self.orders.unwrap_or(usual.orders),
            collections: self.collections.unwrap_or(usual.collections),
            ..usual
        }
    }

    /// What goes with so many products.
    pub(crate) fn numbers_of(&self, products: usize) -> Numbers {
        let yesterday = || clock::seconds().div_euclid(86_400) * 86_400 - 86_400;
        Numbers {
            products,
            customers: products / 5,
            orders: products / 5,
            collections: if products > 0 { (products / 200).max(3) } else { 0 },
            today: self.today.unwrap_or_else(yesterday),
        }
    }
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
            customers: None,
            orders: None,
            collections: None,
            today: None,
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
            refused: Vec::new(),
            short_decimals: false,
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
