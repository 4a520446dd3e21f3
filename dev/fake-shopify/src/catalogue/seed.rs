//! A catalogue made from a seed: the same seed and number give the same goods, on every machine and in every version
//! of any library, which is why the random numbers are made here.

use std::collections::{BTreeMap, HashMap};

use super::facts::Facts;
use super::ids::Ids;
use super::inventory::Stock;
use super::product::{Description, Product, Status, Variant};
use super::{Catalogue, collection, customer, inventory, order, text};

/// 2024-01-01, the first day goods were created. Seeded times end well before any present, so every edit is later.
pub(super) const FIRST_DAY: i64 = 1_704_067_200;
/// Goods are created within this span.
const CREATION_SPAN: u64 = 400 * 86_400;
/// And changed within this span afterwards.
const CHANGE_SPAN: u64 = 120 * 86_400;

/// Where ordinary ids begin.
const PRODUCT_IDS: i64 = 8_000_000_000_000;
/// Where ordinary variant ids begin.
const VARIANT_IDS: i64 = 44_000_000_000_000;
/// Ids are handed out to all shops of the world, so those of one shop lie apart.
pub(super) const ID_STRIDE: i64 = 32_768;
/// 2^53: odd numbers above it are lost in a float.
pub(super) const FLOAT_LIMIT: i64 = 1 << 53;

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Mix(u64);

impl Mix {
    /// A sequence.
    pub fn new(seed: u64) -> Self {
        let mut mix = Self(seed);
        mix.next();
        mix
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// One of these.
    pub fn pick<'t, T: ?Sized>(&mut self, items: &[&'t T]) -> &'t T {
        items[self.below(items.len() as u64) as usize]
    }

    /// True this often.
    pub fn chance(&mut self, probability: f64) -> bool {
        ((self.next() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// Puts items into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

/// How many of each kind a shop starts with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// Products.
    pub products: usize,
    /// Customers.
    pub customers: usize,
    /// Orders.
    pub orders: usize,
    /// Collections.
    pub collections: usize,
    /// Orders are dated back from this day, in seconds since 1970.
    pub today: i64,
}

impl Catalogue {
    /// A shop's catalogue of so many things.
    pub fn seeded(domain: &str, offset_minutes: i32, facts: Facts, numbers: Numbers, seed: u64) -> Self {
        let mut catalogue = Self {
            domain: domain.to_owned(),
            offset_minutes,
            facts,
            products: BTreeMap::new(),
            locations: BTreeMap::new(),
            customers: BTreeMap::new(),
            collections: BTreeMap::new(),
            orders: BTreeMap::new(),
            orders_of: HashMap::new(),
            metafields: HashMap::new(),
            owners: HashMap::new(),
            next_product: 0,
            next_variant: 0,
            next_order: 0,
            ids: Ids::default(),
        };
        inventory::seed_locations(&mut catalogue, seed);
        let number = numbers.products;
        let mut mix = Mix::new(seed);
        for at in 0..number {
            let product_seed = mix.next();
            let (id, big) = catalogue.new_product_id();
            let size = size(&mut Mix::new(product_seed ^ 0x51ce), at, number);
            let mut product = made(id, product_seed, &mut catalogue, size, big);
            product.handle = text::handle(&product.title, at as i64 + 1).into();
            catalogue.insert(product);
        }
        customer::seed_customers(&mut catalogue, numbers.customers, seed);
        collection::seed_collections(&mut catalogue, numbers.collections, seed);
        order::seed_orders(&mut catalogue, numbers.orders, numbers.today, seed);
        catalogue
    }

    /// An id for a new product, and whether it lies above 2^53.
    pub(super) fn new_product_id(&mut self) -> (i64, bool) {
        let number = self.next_product;
        self.next_product += 1;
        let big = number % 50 == 7;
        let id = if big {
            FLOAT_LIMIT + 2 * number + 1
        } else {
            PRODUCT_IDS + ID_STRIDE * number
        };
        (id, big)
    }

    /// An id for a new variant.
    pub(super) fn new_variant_id(&mut self, big: bool) -> i64 {
        let number = self.next_variant;
        self.next_variant += 1;
        if big {
            FLOAT_LIMIT + 2 * number + 1
        } else {
            VARIANT_IDS + ID_STRIDE * number
        }
    }

    /// Takes a product in, with the index of its variants.
    pub(super) fn insert(&mut self, product: Product) {
        for variant in &product.variants {
            self.owners.insert(variant.id, product.id);
        }
        self.products.insert(product.id, product);
    }
}

/// How many variants the product at this place has: about five, and in some products more than a webhook shows.
fn size(mix: &mut Mix, at: usize, number: usize) -> usize {
    let many = at % 2_000 == 11 && number >= 1_000;
    if many {
        101 + mix.below(150) as usize
    } else {
        1 + mix.below(9) as usize
    }
}

/// A product made up from its seed, with texts as of creation.
pub(super) fn made(id: i64, seed: u64, catalogue: &mut Catalogue, size: usize, big: bool) -> Product {
    let mut mix = Mix::new(seed);
    let created_at = FIRST_DAY + mix.below(CREATION_SPAN) as i64;
    let updated_at = created_at + mix.below(CHANGE_SPAN) as i64;
    let status = match mix.below(20) {
        0 => Status::Draft,
        1 => Status::Archived,
        2 => Status::Unlisted,
        _ => Status::Active,
    };
    let mut tags: Vec<_> = text::TAGS
        .into_iter()
        .filter(|_| mix.chance(0.25))
        .map(Into::into)
        .collect();
    tags.sort_unstable();
    let options = match size {
        0..=6 => 1 + mix.below(2) as u8,
        7..=40 => 2,
        _ => 3,
    };
    let places = catalogue.places();
    let base_price = 500 + mix.below(20_000) as u32;
    let mut product = Product {
        id,
        seed,
        title: text::title(&mut mix).into(),
        handle: "".into(),
        status,
        vendor: mix.pick(&text::VENDORS).into(),
        product_type: mix.pick(&text::TYPES).into(),
        tags,
        description: Description::Made(0),
        template_suffix: mix.chance(0.05).then(|| "lookbook".into()),
        created_at,
        updated_at,
        published_at: (status == Status::Active && !mix.chance(0.1)).then_some(created_at + 300),
        pictures: (1..=(seed % 3) as u8).collect(),
        pictured: (seed % 3) as u8,
        options,
        variants: Vec::with_capacity(size),
    };
    for combination in 0..size {
        let id = catalogue.new_variant_id(big);
        let price = base_price + mix.below(10) as u32 * 100;
        let compare_at = mix.chance(0.3).then(|| price + 1_000);
        let sku = (!mix.chance(0.1)).then(|| format!("SKU-{}-{combination}", id % 1_000_003).into());
        let (barcode, taxable, oversell) = (!mix.chance(0.2), !mix.chance(0.05), mix.chance(0.1));
        let quantity = mix.below(120) as i32 - 3;
        product.variants.push(Variant {
            id,
            combination: combination as u16,
            price,
            compare_at,
            sku,
            barcode,
            taxable,
            oversell,
            stock: Stock::made(id, quantity, created_at, created_at, &places),
            created_at,
            updated_at: created_at + mix.below((updated_at - created_at + 1) as u64) as i64,
        });
    }
    product
}
