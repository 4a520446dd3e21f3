//! Products and what they are made of: wire shape → rows. Pure.

use super::Error;
use super::rows::{Mention, NO_VERSION, Rows, Subject, number, parse};
use crate::shopify::{Whole, graphql, rest};
use crate::store::Version;
use crate::store::tables::{CollectionProduct, Product, ProductMedia, ProductOption, ProductVariant};

/// A webhook shows so many media at most; with fewer, all are shown.
const MOST_MEDIA_SHOWN: usize = 250;

impl Rows {
    /// The body of `products/create` and `products/update`.
    pub fn product_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Product<'_> = parse(raw, "product")?;
        let id = body.id;
        if let Some(updated_at) = body.updated_at {
            self.knows_of(updated_at);
        }
        let mut shown = Vec::with_capacity(body.variants.len());
        for variant in &body.variants {
            let parsed: rest::ProductVariant = parse(variant.get(), "variant")?;
            match self.variant_of_product(parsed, id, variant.get()) {
                Some(row) => shown.push(row),
                None => drop(self.want("Product", id, NO_VERSION)),
            }
        }
        if let Some(gids) = &body.variant_gids {
            let ids = gids.iter().map(|gid| gid.id).collect();
            self.has_exactly::<ProductVariant>("Product", id, ids);
            for gid in gids.iter().filter(|gid| !shown.iter().any(|row| row.id == gid.id)) {
                self.mentions.push(Mention::Variant {
                    key: self.key(gid.id),
                    product_id: id,
                    source_updated_at: gid.updated_at,
                    observed_at: self.observed_at,
                });
            }
        }
        self.rows.extend(shown.into_iter().map(Into::into));
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("Product", id, NO_VERSION));
        };
        let version = Version::new(updated_at, self.observed_at);
        if let Some(options) = body.options {
            let ids = options.iter().map(|option| option.id).collect();
            self.has_exactly::<ProductOption>("Product", id, ids);
            for option in options {
                self.option(option.id, id, version, (option.name, option.position, option.values));
            }
        }
        if let Some(media) = body.media {
            if media.len() < MOST_MEDIA_SHOWN {
                let ids = media.iter().map(|medium| medium.id).collect();
                self.has_exactly::<ProductMedia>("Product", id, ids);
            }
            for medium in media {
                let row = ProductMedia {
                    shop_id: self.shop_id,
                    id: medium.id,
                    version,
                    product_id: id,
                    media_content_type: self.text(medium.media_content_type),
                    alt: self.filled(medium.alt),
                    status: self.text(medium.status),
                    url: self.filled(medium.preview_image.and_then(|image| image.src)),
                    raw: String::new(),
                };
                self.add(row);
            }
        }
        let row = Product {
            shop_id: self.shop_id,
            id,
            version,
            title: self.text(body.title),
            handle: self.text(body.handle),
            status: self.word(body.status),
            vendor: self.text(body.vendor),
            product_type: self.text(body.product_type),
            tags: self.split(body.tags),
            body_html: self.filled(body.body_html),
            template_suffix: self.filled(body.template_suffix),
            has_variants_that_require_components: body.has_variants_that_requires_components,
            created_at: body.created_at,
            published_at: body.published_at,
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// A variant inside a product's body; none if it lacks a version.
    fn variant_of_product(&mut self, body: rest::ProductVariant, product_id: i64, raw: &str) -> Option<ProductVariant> {
        let options = [body.option1, body.option2, body.option3];
        Some(ProductVariant {
            shop_id: self.shop_id,
            id: body.id,
            version: Version::new(body.updated_at?, self.observed_at),
            product_id: Some(body.product_id.unwrap_or(product_id)),
            title: self.text(body.title),
            sku: self.filled(body.sku),
            barcode: self.filled(body.barcode),
            position: body.position,
            price: body.price,
            compare_at_price: body.compare_at_price,
            taxable: body.taxable,
            inventory_policy: self.word(body.inventory_policy),
            inventory_quantity: body.inventory_quantity,
            inventory_item_id: body.inventory_item_id,
            options: self.texts(options.into_iter().flatten().collect()),
            created_at: body.created_at,
            raw: self.clean(raw),
        })
    }

    fn option(
        &mut self,
        id: i64,
        product_id: i64,
        version: Version,
        (name, position, values): (Option<String>, Option<i32>, Vec<String>),
    ) {
        let row = ProductOption {
            shop_id: self.shop_id,
            id,
            version,
            product_id,
            name: self.text(name),
            position,
            option_values: self.texts(values),
            raw: String::new(),
        };
        self.add(row);
    }

    /// A product with all its variants: one that is not among them is gone.
    pub fn fetched_product(&mut self, whole: &Whole) -> Result<(), Error> {
        let raw = whole.root.get();
        let node: graphql::Product<'_> = parse(raw, "product")?;
        let id = number(&node.id, "product")?;
        self.knows_of(node.updated_at);
        let version = Version::new(node.updated_at, self.observed_at);
        let options = node.options.iter().map(|option| option.id.id()).collect();
        self.has_exactly::<ProductOption>("Product", id, options);
        if let Some(media) = &node.media {
            let mut ids = Vec::with_capacity(media.nodes.len());
            for medium in &media.nodes {
                ids.push(self.medium(medium.get(), id, version)?);
            }
            if !media.page_info.has_next_page {
                self.has_exactly::<ProductMedia>("Product", id, ids);
            }
        }
        if let Some(metafields) = &node.metafields {
            self.metafields("Product", id, metafields)?;
        }
        if let Some(collections) = &node.collections {
            self.collections_of(id, collections)?;
        }
        let mut ids = Vec::with_capacity(whole.members.len());
        for variant in &whole.members {
            ids.push(self.variant(variant.get(), Some(id))?);
        }
        self.has_exactly::<ProductVariant>("Product", id, ids);
        self.product(node, raw)
    }

    /// What no webhook tells of a product.
    pub fn fetched_product_extras(&mut self, whole: &Whole) -> Result<(), Error> {
        let node: graphql::ProductExtras<'_> = parse(whole.root.get(), "product")?;
        self.metafields("Product", node.id.id(), &node.metafields)?;
        self.collections_of(node.id.id(), &node.collections)
    }

    /// The collections that a product is in.
    fn collections_of(&mut self, product_id: i64, shown: &graphql::Connection<'_>) -> Result<(), Error> {
        let mut ids = Vec::with_capacity(shown.nodes.len());
        for node in &shown.nodes {
            let collection: graphql::Reference<'_> = parse(node.get(), "collection of a product")?;
            ids.push(number(&collection.id, "collection")?);
        }
        ids.iter().for_each(|id| self.membership(*id, product_id));
        if !shown.page_info.has_next_page {
            self.has_exactly::<CollectionProduct>("Product", product_id, ids);
        }
        Ok(())
    }

    /// A variant by itself.
    pub fn fetched_variant(&mut self, whole: &Whole) -> Result<(), Error> {
        self.variant(whole.root.get(), None).map(drop)
    }

    /// A product in a bulk file.
    pub fn product_line(&mut self, raw: &str) -> Result<(), Error> {
        let node = parse(raw, "product")?;
        self.product(node, raw)
    }

    /// A variant in a bulk file.
    pub fn variant_line(&mut self, raw: &str, product_id: i64) -> Result<(), Error> {
        self.variant(raw, Some(product_id)).map(drop)
    }

    /// A picture, film or model in a bulk file.
    pub fn medium_line(&mut self, raw: &str, product_id: i64) -> Result<(), Error> {
        let version = self.clockless();
        self.medium(raw, product_id, version).map(drop)
    }

    fn product(&mut self, node: graphql::Product<'_>, raw: &str) -> Result<(), Error> {
        let id = number(&node.id, "product")?;
        let version = Version::new(node.updated_at, self.observed_at);
        for option in node.options {
            self.option(
                option.id.id(),
                id,
                version,
                (option.name, option.position, option.values),
            );
        }
        let mut tags = self.texts(node.tags);
        tags.sort();
        let row = Product {
            shop_id: self.shop_id,
            id,
            version,
            title: self.text(node.title),
            handle: self.text(node.handle),
            status: self.word(node.status),
            vendor: self.text(node.vendor),
            product_type: self.text(node.product_type),
            tags,
            body_html: self.filled(node.description_html),
            template_suffix: self.filled(node.template_suffix),
            has_variants_that_require_components: node.has_variants_that_requires_components,
            created_at: node.created_at,
            published_at: node.published_at,
            raw: self.clean(raw),
        };
        self.add(row);
        Ok(())
    }

    /// A variant as the Admin API writes it. Its product is named in it, or else is `product_id`.
    fn variant(&mut self, raw: &str, product_id: Option<i64>) -> Result<i64, Error> {
        let node: graphql::ProductVariant<'_> = parse(raw, "variant")?;
        let id = number(&node.id, "variant")?;
        let product = node.product.as_ref().map(|product| number(&product.id, "product"));
        if let Some(metafields) = &node.metafields {
            self.metafields("ProductVariant", id, metafields)?;
        }
        let item = node.inventory_item.map(|item| number(&item.id, "inventory item"));
        let options = node.selected_options.into_iter().map(|option| option.value).collect();
        let row = ProductVariant {
            shop_id: self.shop_id,
            id,
            version: Version::new(node.updated_at, self.observed_at),
            product_id: product.transpose()?.or(product_id),
            title: self.text(node.title),
            sku: self.filled(node.sku),
            barcode: self.filled(node.barcode),
            position: node.position,
            price: node.price,
            compare_at_price: node.compare_at_price,
            taxable: node.taxable,
            inventory_policy: self.word(node.inventory_policy),
            inventory_quantity: node.inventory_quantity,
            inventory_item_id: item.transpose()?,
            options: self.texts(options),
            created_at: node.created_at,
            raw: self.clean(raw),
        };
        self.add(row);
        Ok(id)
    }

    fn medium(&mut self, raw: &str, product_id: i64, version: Version) -> Result<i64, Error> {
        let node: graphql::Media = parse(raw, "medium")?;
        let row = ProductMedia {
            shop_id: self.shop_id,
            id: node.id.id(),
            version,
            product_id,
            media_content_type: self.text(node.media_content_type),
            alt: self.filled(node.alt),
            status: self.text(node.status),
            url: self.filled(
                node.preview
                    .and_then(|preview| preview.image)
                    .and_then(|image| image.url),
            ),
            raw: String::new(),
        };
        self.add(row);
        Ok(node.id.id())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::store::AnyRow;

    fn rows() -> Rows {
        Rows::new(7, DateTime::from_timestamp(2_000_000_000, 0).unwrap())
    }

    const LINE: &str = r#"{"__typename":"Product","id":"gid:\/\/shopify\/Product\/788032119674292922","title":"Caf\u00e9","handle":"cafe","status":"ACTIVE","vendor":"Acme","productType":"Shirts","tags":["b","a"],"descriptionHtml":"","templateSuffix":null,"hasVariantsThatRequiresComponents":false,"createdAt":"2026-11-20T09:00:37Z","updatedAt":"2026-11-20T09:01:14Z","publishedAt":null,"options":[{"id":"gid://shopify/ProductOption/5","name":"Size","position":1,"values":["S","M"]}]}"#;
    const BODY: &str = r#"{"id":788032119674292922,"title":"Café","handle":"cafe","status":"active","vendor":"Acme","product_type":"Shirts","tags":"a, b","body_html":null,"template_suffix":null,"has_variants_that_requires_components":false,"created_at":"2026-11-20T04:00:37-05:00","updated_at":"2026-11-20T04:01:14-05:00","published_at":null,"options":[{"id":5,"product_id":788032119674292922,"name":"Size","position":1,"values":["S","M"]}]}"#;

    fn product(rows: &Rows) -> &Product {
        let found = rows.rows.iter().find_map(|row| match row {
            AnyRow::Product(row) => Some(row),
            _ => None,
        });
        found.expect("a product")
    }

    fn option(rows: &Rows) -> &ProductOption {
        let found = rows.rows.iter().find_map(|row| match row {
            AnyRow::ProductOption(row) => Some(row),
            _ => None,
        });
        found.expect("an option")
    }

    #[test]
    fn both_forms_of_a_product_end_in_the_same_rows() {
        let (mut line, mut body) = (rows(), rows());
        line.product_line(LINE).unwrap();
        body.product_of_webhook(BODY).unwrap();
        let (one, other) = (product(&line), product(&body));
        assert_eq!((one.id, one.version), (other.id, other.version));
        assert_eq!(
            (&one.title, &one.status, &one.tags, &one.body_html),
            (&other.title, &other.status, &other.tags, &other.body_html)
        );
        assert_eq!(one.id, 788_032_119_674_292_922);
        let (one, other) = (option(&line), option(&body));
        assert_eq!(
            (one.id, one.version, &one.name, &one.option_values, one.product_id),
            (
                other.id,
                other.version,
                &other.name,
                &other.option_values,
                other.product_id
            )
        );
    }

    #[test]
    fn a_body_without_a_version_is_fetched() {
        let mut rows = rows();
        let subject = rows.product_of_webhook(r#"{"id":1,"title":"x"}"#).unwrap();
        assert!(matches!(subject, Subject::Wanted) && rows.rows.is_empty());
        assert_eq!(rows.wants[0].gid, "gid://shopify/Product/1");
    }

    #[test]
    fn nul_characters_are_removed_and_counted() {
        let mut rows = rows();
        rows.product_line(&LINE.replace("cafe", "ca\\u0000fe")).unwrap();
        let product = product(&rows);
        assert_eq!(product.handle.as_deref(), Some("cafe"));
        assert!(!product.raw.contains("u0000"));
        assert_eq!(rows.nul_removed, 2);
    }

    #[test]
    fn an_error_shows_no_value() {
        let line = LINE.replace("\"2026-11-20T09:01:14Z\"", "\"hunter2\"");
        let error = rows().product_line(&line).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
