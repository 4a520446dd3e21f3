//! Resources as the Admin API writes them: in bulk files and in answers to a single fetch.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::{Answer, shape};
use super::{Client, Error, Gid, ShopDomain};

const PRODUCT: &str = include_str!("queries/product_by_id.graphql");
const PRODUCT_VARIANT: &str = include_str!("queries/product_variant_by_id.graphql");
const SHOP: &str = include_str!("queries/shop.graphql");

/// The most that one page may hold.
const VARIANTS_PER_PAGE: u32 = 250;
/// A product that changes under our hands this often is left for another time.
const MOST_RESTARTS: u32 = 3;

/// What tells the kind of a line in a bulk file.
#[derive(Debug, Deserialize)]
pub struct LineHead<'a> {
    /// The type of the node.
    #[serde(rename = "__typename", borrow)]
    pub typename: Option<Cow<'a, str>>,
    /// The id of the immediate parent; none in a root line.
    #[serde(rename = "__parentId", borrow)]
    pub parent_id: Option<Cow<'a, str>>,
}

/// A product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Product<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    pub title: Option<String>,
    pub handle: Option<String>,
    pub status: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub description_html: Option<String>,
    pub template_suffix: Option<String>,
    pub has_variants_that_requires_components: Option<bool>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
    pub published_at: Option<String>,
}

/// A variant. Its product is named by `product` in a fetch and by `__parentId` in a bulk file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct ProductVariant<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(rename = "__parentId", borrow)]
    pub parent_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub product: Option<Reference<'a>>,
    pub title: Option<String>,
    pub sku: Option<String>,
    pub barcode: Option<String>,
    pub position: Option<i32>,
    pub price: Option<String>,
    pub compare_at_price: Option<String>,
    pub taxable: Option<bool>,
    pub inventory_policy: Option<String>,
    pub inventory_quantity: Option<i32>,
    #[serde(borrow)]
    pub inventory_item: Option<Reference<'a>>,
    #[serde(default)]
    pub selected_options: Vec<SelectedOption>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// A resource named by its id.
#[derive(Debug, Deserialize)]
pub struct Reference<'a> {
    /// The global id.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
}

/// The value that a variant has for one of its product's options.
#[derive(Debug, Deserialize)]
pub struct SelectedOption {
    /// The value.
    pub value: String,
}

/// A store's description of itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Shop {
    pub id: Gid,
    pub name: String,
    pub email: Option<String>,
    pub myshopify_domain: String,
    pub currency_code: String,
    pub iana_timezone: String,
    pub created_at: DateTime<Utc>,
    pub plan: Plan,
}

/// A store's plan.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its name.
    pub public_display_name: String,
}

/// A product with all its variants, each as the text that came.
#[derive(Debug)]
pub struct WholeProduct {
    /// The product, variants of the first page included.
    pub product: Box<RawValue>,
    /// Every variant.
    pub variants: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct ProductPage {
    product: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageOfVariants {
    updated_at: DateTime<Utc>,
    variants: Variants,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variants {
    nodes: Vec<Box<RawValue>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl Client {
    /// The product `gid` with all its variants; none if it does not exist. All pages show the same version of the
    /// product, or the reading starts again.
    pub async fn product(
        &self,
        shop: &ShopDomain,
        token: &str,
        gid: &Gid,
    ) -> Result<Answer<Option<WholeProduct>>, Error> {
        for _ in 0..MOST_RESTARTS {
            if let Some(answer) = self.product_at_rest(shop, token, gid).await? {
                return Ok(answer);
            }
        }
        Err(Error::Unavailable { status: 200 })
    }

    /// One reading of a product; none if it changed between two pages.
    async fn product_at_rest(
        &self,
        shop: &ShopDomain,
        token: &str,
        gid: &Gid,
    ) -> Result<Option<Answer<Option<WholeProduct>>>, Error> {
        let mut whole: Option<(WholeProduct, DateTime<Utc>, DateTime<Utc>)> = None;
        let mut after: Option<String> = None;
        loop {
            let variables = json!({ "id": gid, "variantsFirst": VARIANTS_PER_PAGE, "variantsAfter": after });
            let answer = self.query::<ProductPage>(shop, token, PRODUCT, variables).await?;
            let Some(product) = answer.data.product else {
                let vanished = whole.is_some();
                return Ok((!vanished).then_some(Answer {
                    data: None,
                    observed_at: answer.observed_at,
                }));
            };
            let page: PageOfVariants =
                serde_json::from_str(product.get()).map_err(|error| Error::Malformed { what: shape(&error) })?;
            match &mut whole {
                None => {
                    let first = WholeProduct {
                        product,
                        variants: page.variants.nodes,
                    };
                    whole = Some((first, page.updated_at, answer.observed_at));
                }
                Some((_, updated_at, _)) if *updated_at != page.updated_at => return Ok(None),
                Some((whole, _, _)) => whole.variants.extend(page.variants.nodes),
            }
            if !page.variants.page_info.has_next_page {
                return Ok(whole.map(|(data, _, observed_at)| Answer {
                    data: Some(data),
                    observed_at,
                }));
            }
            after = page.variants.page_info.end_cursor;
        }
    }

    /// The variant `gid`; none if it does not exist.
    pub async fn product_variant(
        &self,
        shop: &ShopDomain,
        token: &str,
        gid: &Gid,
    ) -> Result<Answer<Option<Box<RawValue>>>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            product_variant: Option<Box<RawValue>>,
        }
        let answer = self
            .query::<Data>(shop, token, PRODUCT_VARIANT, json!({ "id": gid }))
            .await?;
        Ok(Answer {
            data: answer.data.product_variant,
            observed_at: answer.observed_at,
        })
    }

    /// The store's description of itself. Also the cheapest proof that a token works.
    pub async fn shop(&self, shop: &ShopDomain, token: &str) -> Result<Shop, Error> {
        #[derive(Deserialize)]
        struct Data {
            shop: Shop,
        }
        Ok(self.query::<Data>(shop, token, SHOP, json!({})).await?.data.shop)
    }
}
