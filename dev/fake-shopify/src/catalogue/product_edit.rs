//! Changes to the goods.
//!
//! Every change to a variant also moves its product's `updatedAt`, except a change of stock that is told not to:
//! whether Shopify moves it then is unverified, and a mirror must bear both. When a variant is removed, those behind
//! it move up and are stamped, so that no column ever changes without its clock.

use serde::{Deserialize, Serialize};

use super::edit::Act;
use super::inventory::{Stock, deleted_item};
use super::metafield::{Of, Owner};
use super::product::{Description, Product, Status, Variant};
use super::seed::{Mix, made};
use super::wire::{delete_body, product_body, stock_body};
use super::{Catalogue, text};

/// What a new product is made of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewProduct {
    /// What its texts follow from.
    pub seed: u64,
    /// Its title instead of a made-up one.
    pub title: Option<String>,
    /// How many variants; 3 if not given.
    pub variants: Option<usize>,
}

/// New values for a product; a bare number means its id and nothing else.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProductFields {
    /// Which.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: Option<String>,
    /// The body as HTML.
    #[serde(default)]
    pub description_html: Option<String>,
    /// `active`, `draft`, `archived` or `unlisted`.
    #[serde(default)]
    pub status: Option<String>,
    /// Tags; they are sorted.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Vendor.
    #[serde(default)]
    pub vendor: Option<String>,
    /// Product type.
    #[serde(default)]
    pub product_type: Option<String>,
}

/// New values for a variant; a bare number means its id and nothing else.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VariantFields {
    /// Which.
    pub id: i64,
    /// Price in hundredths.
    #[serde(default)]
    pub price: Option<u32>,
    /// Stock.
    #[serde(default)]
    pub quantity: Option<i32>,
    /// Stock-keeping unit.
    #[serde(default)]
    pub sku: Option<String>,
    /// Whether the product's `updatedAt` stays where it is.
    #[serde(default)]
    pub quiet: bool,
}

impl From<i64> for ProductFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl From<i64> for VariantFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Catalogue {
    pub(super) fn create_product(&mut self, new: &NewProduct, act: &mut Act) -> Result<i64, String> {
        let size = new.variants.unwrap_or(3);
        if !(1..=2_048).contains(&size) {
            return Err("a product has 1 to 2,048 variants".to_owned());
        }
        let now = act.now();
        let number = self.next_product + 1;
        let (id, big) = self.new_product_id();
        let mut product = made(id, Mix::new(new.seed).next(), self, size, big);
        if let Some(title) = &new.title {
            product.title = title.as_str().into();
        }
        product.handle = text::handle(&product.title, number).into();
        product.published_at = product.published_at.map(|_| now);
        (product.created_at, product.updated_at) = (now, now);
        for variant in &mut product.variants {
            (variant.created_at, variant.updated_at, variant.stock.updated_at) = (now, now, now);
            for level in &mut variant.stock.levels {
                (level.created_at, level.updated_at) = (now, now);
            }
        }
        let variants: Vec<i64> = product.variants.iter().map(|variant| variant.id).collect();
        self.insert(product);
        self.tell_product("products/create", id, act);
        for variant in variants {
            self.tell_new_item(variant, act);
        }
        Ok(id)
    }

    pub(super) fn update_product(&mut self, fields: &ProductFields, act: &mut Act) -> Result<i64, String> {
        let status = match fields.status.as_deref() {
            Some(word) => Some(Status::parse(word).ok_or_else(|| format!("no such status: {word}"))?),
            None => None,
        };
        let product = self.product_mut(fields.id)?;
        let mut changed = status.is_some();
        product.status = status.unwrap_or(product.status);
        if let Some(title) = &fields.title {
            product.title = title.as_str().into();
            changed = true;
        }
        if let Some(html) = &fields.description_html {
            product.description = Description::Written(html.as_str().into());
            changed = true;
        }
        if let Some(tags) = &fields.tags {
            product.tags = tags.iter().cloned().map(Into::into).collect();
            product.tags.sort_unstable();
            changed = true;
        }
        if let Some(vendor) = &fields.vendor {
            product.vendor = vendor.clone().into();
            changed = true;
        }
        if let Some(product_type) = &fields.product_type {
            product.product_type = product_type.clone().into();
            changed = true;
        }
        if !changed {
            product.description = match product.description {
                Description::Made(revision) => Description::Made(revision + 1),
                Description::Written(_) => Description::Made(0),
            };
        }
        product.updated_at = product.updated_at.max(act.now());
        self.tell_product("products/update", fields.id, act);
        Ok(fields.id)
    }

    pub(super) fn delete_product(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let product = self.products.remove(&id).ok_or_else(|| format!("no product {id}"))?;
        self.forget_member(id);
        act.tell_bytes("products/delete", id, delete_body(id));
        for variant in &product.variants {
            self.owners.remove(&variant.id);
            act.tell(
                "inventory_items/delete",
                variant.inventory_item_id(),
                &deleted_item(variant),
            );
        }
        Ok(id)
    }

    pub(super) fn update_variant(&mut self, fields: &VariantFields, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        let (product, at) = self.variant_mut(fields.id)?;
        let variant = &mut product.variants[at];
        let before = variant.quantity();
        let stocked = match fields.quantity {
            Some(quantity) => Some(variant.stock.set_available(quantity, now)?),
            None => None,
        };
        if let Some(sku) = &fields.sku {
            variant.sku = Some(sku.as_str().into());
            // The item shows the same text.
            variant.stock.updated_at = variant.stock.updated_at.max(now);
        }
        match fields.price {
            Some(price) => variant.price = price,
            None if fields.quantity.is_none() && fields.sku.is_none() => variant.price = variant.price % 50_000 + 101,
            None => {}
        }
        variant.updated_at = variant.updated_at.max(now);
        if !fields.quiet {
            product.updated_at = product.updated_at.max(now);
        }
        let product = product.id;
        self.tell_product("products/update", product, act);
        if fields.sku.is_some() {
            self.tell_item(fields.id, act);
        }
        if let Some(location) = stocked {
            self.tell_level("inventory_levels/update", fields.id, location, act);
            self.tell_crossing(fields.id, before, act);
        }
        Ok(product)
    }

    pub(super) fn add_variant(&mut self, product: i64, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        let product = self.product_mut(product)?;
        let capacity = product.capacity();
        let taken: std::collections::HashSet<u16> =
            product.variants.iter().map(|variant| variant.combination).collect();
        let free = (0..capacity as u16).find(|combination| !taken.contains(combination));
        let Some(combination) = free else {
            return Err(format!(
                "product {} has all {capacity} variants its options allow",
                product.id
            ));
        };
        let (product_id, price) = (
            product.id,
            product.variants.first().map_or(1_999, |variant| variant.price),
        );
        let id = self.new_variant_id(product_id > 1 << 53);
        let stock = Stock::made(id, 0, now, now, &self.places());
        let product = self.product_mut(product_id)?;
        product.variants.push(Variant {
            id,
            combination,
            price,
            compare_at: None,
            sku: None,
            barcode: false,
            taxable: true,
            oversell: false,
            stock,
            created_at: now,
            updated_at: now,
        });
        product.updated_at = product.updated_at.max(now);
        self.owners.insert(id, product_id);
        self.tell_product("products/update", product_id, act);
        self.tell_new_item(id, act);
        Ok(product_id)
    }

    pub(super) fn remove_variant(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        let (product, at) = self.variant_mut(id)?;
        if product.variants.len() == 1 {
            return Err(format!("variant {id} is the last of product {}", product.id));
        }
        let removed = product.variants.remove(at);
        for moved in &mut product.variants[at..] {
            moved.updated_at = moved.updated_at.max(now);
        }
        product.updated_at = product.updated_at.max(now);
        let product_id = product.id;
        self.owners.remove(&id);
        self.tell_product("products/update", product_id, act);
        act.tell(
            "inventory_items/delete",
            removed.inventory_item_id(),
            &deleted_item(&removed),
        );
        Ok(product_id)
    }

    /// One more picture, at the end.
    pub(super) fn add_media(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let product = self.product_mut(id)?;
        let number = product
            .pictured
            .checked_add(1)
            .ok_or("a product has 255 pictures at most")?;
        product.pictured = number;
        product.pictures.push(number);
        let of = product.of();
        self.touch_goods(of, act)
    }

    /// Removes the first picture.
    pub(super) fn remove_media(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let product = self.product_mut(id)?;
        if product.pictures.is_empty() {
            return Err(format!("product {id} has no picture"));
        }
        let gone = product.pictures[0];
        let shown = product.shown_by(gone);
        product.pictures.remove(0);
        // Those variants show another picture now.
        let now = act.now();
        for variant in product
            .variants
            .iter_mut()
            .filter(|variant| shown.contains(&variant.id))
        {
            variant.updated_at = variant.updated_at.max(now);
        }
        let of = product.of();
        self.touch_goods(of, act)
    }

    /// Moves the clocks of a product, or of a variant and its product, and tells of it.
    pub(super) fn touch_goods(&mut self, of: Of, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        let product = match of.owner {
            Owner::ProductVariant => {
                let (product, at) = self.variant_mut(of.id)?;
                product.variants[at].updated_at = product.variants[at].updated_at.max(now);
                product
            }
            _ => self.product_mut(of.id)?,
        };
        product.updated_at = product.updated_at.max(now);
        let product = product.id;
        self.tell_product("products/update", product, act);
        Ok(product)
    }

    /// Tells of a product as it is now.
    pub(super) fn tell_product(&self, topic: &'static str, id: i64, act: &mut Act) {
        if let Some(product) = self.products.get(&id) {
            act.tell_bytes(topic, id, product_body(product, self.offset_minutes));
        }
    }

    /// Tells if a variant came into stock or went out of it.
    pub(super) fn tell_crossing(&self, id: i64, before: i32, act: &mut Act) {
        let Some((product, at)) = self.variant(id) else { return };
        let topic = match (before > 0, product.variants[at].quantity() > 0) {
            (false, true) => "variants/in_stock",
            (true, false) => "variants/out_of_stock",
            _ => return,
        };
        act.tell_bytes(topic, id, stock_body(product, at, self.offset_minutes));
    }

    fn product_mut(&mut self, id: i64) -> Result<&mut Product, String> {
        self.products.get_mut(&id).ok_or_else(|| format!("no product {id}"))
    }

    /// The product of a variant, to be changed, and the variant's index in it.
    pub(super) fn variant_mut(&mut self, id: i64) -> Result<(&mut Product, usize), String> {
        let missing = || format!("no variant {id}");
        let product = self
            .owners
            .get(&id)
            .and_then(|owner| self.products.get_mut(owner))
            .ok_or_else(missing)?;
        let at = product
            .variants
            .iter()
            .position(|variant| variant.id == id)
            .ok_or_else(missing)?;
        Ok((product, at))
    }
}
