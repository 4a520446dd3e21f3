//! The REST form of a product, which is what webhook bodies carry.
//!
//! Full variants for the first hundred only; `variant_gids` names all of them, newest change first. Key order, money
//! as text, tags as one text, times in the shop's offset: as in Shopify's own samples.

use serde::Serialize;
use serde_json::json;

use super::media_node::MediaNode;
use super::product::{Product, Variant};
use super::product_node::{category_of, option_id};
use super::rows::money;
use crate::clock;

/// Variants beyond this one appear only in `variant_gids`.
const FULL_VARIANTS: usize = 100;

/// The body of `products/create` and `products/update`.
pub fn product_body(product: &Product, offset_minutes: i32) -> Vec<u8> {
    let wire = Wire {
        product,
        offset: offset_minutes,
    };
    serde_json::to_vec(&wire.product()).expect("the REST form is plain data")
}

/// The body of `variants/in_stock` and `variants/out_of_stock`: the variant without its inventory item.
pub fn stock_body(product: &Product, at: usize, offset_minutes: i32) -> Vec<u8> {
    let wire = Wire {
        product,
        offset: offset_minutes,
    };
    let mut body = serde_json::to_value(wire.variant(at, &product.variants[at])).expect("the REST form is plain data");
    if let Some(fields) = body.as_object_mut() {
        fields.remove("inventory_item_id");
    }
    body.to_string().into_bytes()
}

/// The body of `products/delete`.
pub fn delete_body(id: i64) -> Vec<u8> {
    json!({"id": id}).to_string().into_bytes()
}

#[derive(Serialize)]
struct ProductBody<'p> {
    admin_graphql_api_id: String,
    body_html: std::borrow::Cow<'p, str>,
    created_at: String,
    handle: &'p str,
    id: i64,
    product_type: &'p str,
    published_at: Option<String>,
    template_suffix: Option<&'p str>,
    title: &'p str,
    updated_at: String,
    vendor: &'p str,
    status: &'static str,
    published_scope: &'static str,
    tags: String,
    variants: Vec<VariantBody<'p>>,
    options: Vec<OptionBody>,
    images: Vec<ImageBody<'p>>,
    image: Option<ImageBody<'p>>,
    media: Vec<MediaBody<'p>>,
    variant_gids: Vec<VariantGid>,
    has_variants_that_requires_components: bool,
    category: Option<CategoryBody>,
}

#[derive(Serialize)]
struct VariantBody<'p> {
    admin_graphql_api_id: String,
    barcode: Option<String>,
    compare_at_price: Option<String>,
    created_at: String,
    id: i64,
    inventory_policy: &'static str,
    position: usize,
    price: String,
    product_id: i64,
    sku: Option<&'p str>,
    taxable: bool,
    title: String,
    updated_at: String,
    option1: Option<&'static str>,
    option2: Option<&'static str>,
    option3: Option<&'static str>,
    image_id: Option<i64>,
    inventory_item_id: i64,
    inventory_quantity: i32,
    old_inventory_quantity: i32,
}

#[derive(Serialize)]
struct OptionBody {
    name: &'static str,
    id: i64,
    product_id: i64,
    position: usize,
    values: Vec<&'static str>,
}

#[derive(Clone, Serialize)]
struct ImageBody<'p> {
    id: i64,
    alt: Option<&'p str>,
    position: i64,
    product_id: i64,
    created_at: String,
    updated_at: String,
    admin_graphql_api_id: String,
    width: i32,
    height: i32,
    src: String,
    variant_ids: Vec<i64>,
}

#[derive(Serialize)]
struct MediaBody<'p> {
    id: i64,
    product_id: i64,
    position: i64,
    created_at: String,
    updated_at: String,
    alt: Option<&'p str>,
    status: &'static str,
    media_content_type: &'static str,
    preview_image: PreviewBody,
    variant_ids: Vec<i64>,
    admin_graphql_api_id: String,
}

#[derive(Serialize)]
struct PreviewBody {
    width: i32,
    height: i32,
    src: String,
    status: &'static str,
}

#[derive(Serialize)]
struct VariantGid {
    admin_graphql_api_id: String,
    updated_at: String,
}

#[derive(Serialize)]
struct CategoryBody {
    admin_graphql_api_id: String,
    name: &'static str,
    full_name: &'static str,
}

struct Wire<'p> {
    product: &'p Product,
    offset: i32,
}

impl<'p> Wire<'p> {
    fn product(&self) -> ProductBody<'p> {
        let product = self.product;
        let images: Vec<ImageBody<'p>> = self.pictures(|at, picture| self.image(at, picture));
        ProductBody {
            admin_graphql_api_id: format!("gid://shopify/Product/{}", product.id),
            body_html: product.description_html(),
            created_at: self.time(product.created_at),
            handle: &product.handle,
            id: product.id,
            product_type: &product.product_type,
            published_at: product.published_at.map(|at| self.time(at)),
            template_suffix: product.template_suffix.as_deref(),
            title: &product.title,
            updated_at: self.time(product.updated_at),
            vendor: &product.vendor,
            status: product.status.lower(),
            published_scope: "global",
            tags: product.tags.join(", "),
            variants: product
                .variants
                .iter()
                .take(FULL_VARIANTS)
                .enumerate()
                .map(|(at, it)| self.variant(at, it))
                .collect(),
            options: self.options(),
            image: images.first().cloned(),
            images,
            media: self.pictures(|at, picture| self.media(at, picture)),
            variant_gids: self.variant_gids(),
            has_variants_that_requires_components: false,
            category: category_of(product).map(|[id, name, full_name]| CategoryBody {
                admin_graphql_api_id: format!("gid://shopify/TaxonomyCategory/{id}"),
                name,
                full_name,
            }),
        }
    }

    fn variant(&self, at: usize, variant: &'p Variant) -> VariantBody<'p> {
        let product = self.product;
        let option =
            |option: usize| (option < usize::from(product.options)).then(|| product.option_value(variant, option));
        VariantBody {
            admin_graphql_api_id: format!("gid://shopify/ProductVariant/{}", variant.id),
            barcode: variant.barcode(),
            compare_at_price: variant.compare_at.map(money),
            created_at: self.time(variant.created_at),
            id: variant.id,
            inventory_policy: if variant.oversell { "continue" } else { "deny" },
            position: at + 1,
            price: money(variant.price),
            product_id: product.id,
            sku: variant.sku.as_deref(),
            taxable: variant.taxable,
            title: product.variant_title(variant),
            updated_at: self.time(variant.updated_at),
            option1: option(0),
            option2: option(1),
            option3: option(2),
            image_id: product
                .picture_of(variant)
                .map(|number| MediaNode { product, number }.image_id()),
            inventory_item_id: variant.inventory_item_id(),
            inventory_quantity: variant.quantity(),
            old_inventory_quantity: variant.quantity(),
        }
    }

    fn options(&self) -> Vec<OptionBody> {
        let body = |(at, (name, values)): (usize, (&'static str, Vec<&'static str>))| OptionBody {
            name,
            id: option_id(self.product, at),
            product_id: self.product.id,
            position: at + 1,
            values,
        };
        self.product.option_values().into_iter().enumerate().map(body).collect()
    }

    fn pictures<T>(&self, body: impl Fn(i64, MediaNode<'p>) -> T) -> Vec<T> {
        let product = self.product;
        let numbers = product.pictures.iter().zip(1..);
        numbers
            .map(|(number, at)| {
                body(
                    at,
                    MediaNode {
                        product,
                        number: *number,
                    },
                )
            })
            .collect()
    }

    fn image(&self, position: i64, picture: MediaNode<'p>) -> ImageBody<'p> {
        let id = picture.image_id();
        ImageBody {
            id,
            alt: picture.alt(),
            position,
            product_id: self.product.id,
            created_at: self.time(self.product.created_at),
            updated_at: self.time(self.product.created_at),
            admin_graphql_api_id: format!("gid://shopify/ProductImage/{id}"),
            width: 1_200,
            height: 1_600,
            src: picture.url(),
            variant_ids: self.product.shown_by(picture.number),
        }
    }

    fn media(&self, position: i64, picture: MediaNode<'p>) -> MediaBody<'p> {
        let id = picture.id();
        MediaBody {
            id,
            product_id: self.product.id,
            position,
            created_at: self.time(self.product.created_at),
            updated_at: self.time(self.product.created_at),
            alt: picture.alt(),
            status: "READY",
            media_content_type: "IMAGE",
            preview_image: PreviewBody {
                width: 1_200,
                height: 1_600,
                src: picture.url(),
                status: "READY",
            },
            variant_ids: self.product.shown_by(picture.number),
            admin_graphql_api_id: format!("gid://shopify/MediaImage/{id}"),
        }
    }

    fn variant_gids(&self) -> Vec<VariantGid> {
        let mut newest: Vec<&Variant> = self.product.variants.iter().collect();
        newest.sort_by_key(|variant| std::cmp::Reverse((variant.updated_at, variant.id)));
        newest
            .into_iter()
            .map(|variant| VariantGid {
                admin_graphql_api_id: format!("gid://shopify/ProductVariant/{}", variant.id),
                updated_at: clock::utc_millis(variant.updated_at),
            })
            .collect()
    }

    fn time(&self, seconds: i64) -> String {
        clock::local(seconds, self.offset)
    }
}
