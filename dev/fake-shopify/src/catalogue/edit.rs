//! Changes to the goods. Each stamps whole seconds, as Shopify does, so several can carry the same `updatedAt`.
//!
//! Every change to a variant also moves its product's `updatedAt`, except a change of stock that is told not to:
//! whether Shopify moves it then is unverified, and a mirror must bear both. When a variant is removed, those behind
//! it move up and are stamped, so that no column ever changes without its clock.

use serde::{Deserialize, Serialize};

use super::product::{Description, Product, Status, Variant};
use super::seed::{Mix, made};
use super::{Catalogue, text};
use crate::clock::SECOND;

/// One edit, as the control API writes it: `{"update_product": {"id": 1, "title": "x"}}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// A new product.
    CreateProduct(NewProduct),
    /// New values for the fields given; without any, a new description.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateProduct(ProductFields),
    /// Removes a product with its variants.
    DeleteProduct(i64),
    /// New values for a variant; without any, a new price.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateVariant(VariantFields),
    /// One more variant for this product, at the end.
    AddVariant(i64),
    /// Removes a variant.
    RemoveVariant(i64),
}

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

fn id_or_fields<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + From<i64>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Id(i64),
        Fields(T),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Id(id) => id.into(),
        Either::Fields(fields) => fields,
    })
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Change {
    /// The header form of the topic that tells of it.
    pub topic: &'static str,
    /// The product concerned.
    pub product_id: i64,
    /// When, in microseconds.
    pub at: i64,
}

impl Catalogue {
    /// Makes a change at this instant. `Err` says in plain words why it cannot be made.
    pub fn edit(&mut self, edit: &Edit, at: i64) -> Result<Change, String> {
        let now = at.div_euclid(SECOND);
        let (topic, product_id) = match edit {
            Edit::CreateProduct(new) => ("products/create", self.create(new, now)?),
            Edit::UpdateProduct(fields) => ("products/update", self.update(fields, now)?),
            Edit::DeleteProduct(id) => ("products/delete", self.delete(*id)?),
            Edit::UpdateVariant(fields) => ("products/update", self.update_variant(fields, now)?),
            Edit::AddVariant(product) => ("products/update", self.add_variant(*product, now)?),
            Edit::RemoveVariant(id) => ("products/update", self.remove_variant(*id, now)?),
        };
        Ok(Change { topic, product_id, at })
    }

    fn create(&mut self, new: &NewProduct, now: i64) -> Result<i64, String> {
        let size = new.variants.unwrap_or(3);
        if !(1..=2_048).contains(&size) {
            return Err("a product has 1 to 2,048 variants".to_owned());
        }
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
            (variant.created_at, variant.updated_at) = (now, now);
        }
        self.insert(product);
        Ok(id)
    }

    fn update(&mut self, fields: &ProductFields, now: i64) -> Result<i64, String> {
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
        product.updated_at = product.updated_at.max(now);
        Ok(product.id)
    }

    fn delete(&mut self, id: i64) -> Result<i64, String> {
        let product = self.products.remove(&id).ok_or_else(|| format!("no product {id}"))?;
        for variant in &product.variants {
            self.owners.remove(&variant.id);
        }
        Ok(id)
    }

    fn update_variant(&mut self, fields: &VariantFields, now: i64) -> Result<i64, String> {
        let (product, at) = self.variant_mut(fields.id)?;
        let variant = &mut product.variants[at];
        if let Some(quantity) = fields.quantity {
            variant.quantity = quantity;
        }
        if let Some(sku) = &fields.sku {
            variant.sku = Some(sku.as_str().into());
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
        Ok(product.id)
    }

    fn add_variant(&mut self, product: i64, now: i64) -> Result<i64, String> {
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
            quantity: 0,
            created_at: now,
            updated_at: now,
        });
        product.updated_at = product.updated_at.max(now);
        self.owners.insert(id, product_id);
        Ok(product_id)
    }

    fn remove_variant(&mut self, id: i64, now: i64) -> Result<i64, String> {
        let (product, at) = self.variant_mut(id)?;
        if product.variants.len() == 1 {
            return Err(format!("variant {id} is the last of product {}", product.id));
        }
        product.variants.remove(at);
        for moved in &mut product.variants[at..] {
            moved.updated_at = moved.updated_at.max(now);
        }
        product.updated_at = product.updated_at.max(now);
        let product_id = product.id;
        self.owners.remove(&id);
        Ok(product_id)
    }

    fn product_mut(&mut self, id: i64) -> Result<&mut Product, String> {
        self.products.get_mut(&id).ok_or_else(|| format!("no product {id}"))
    }

    fn variant_mut(&mut self, id: i64) -> Result<(&mut Product, usize), String> {
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
