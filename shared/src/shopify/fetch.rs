//! Reads one resource by its id, whole: the list in it that may be long is read page by page.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, json};

use super::client::{Answer, shape};
use super::graphql::PageInfo;
use super::{Client, Error, Gid, ShopDomain};

/// The most that one page may hold.
const PER_PAGE: u32 = 250;
/// A page that costs more than Shopify allows is asked for in parts of this size, and then of one smaller by as much.
const SMALLER: u32 = 5;
/// A resource that changes under our hands this often is left for another time.
const MOST_RESTARTS: u32 = 3;

/// What no webhook tells of a product, by the product's number. No kind of Shopify's, but named like one, so that it can
/// be wanted beside the product itself.
pub const PRODUCT_EXTRAS: &str = "ProductExtras";

/// How a kind of resource is read. The document takes `$id`, and, if it has members, `$first` and `$after` for them.
#[derive(Debug)]
struct Document {
    kind: &'static str,
    /// The kind in the id that Shopify is asked for.
    of: &'static str,
    text: &'static str,
    /// The field of the answer.
    field: &'static str,
    /// The list in it that may be longer than a page.
    members: Option<&'static str>,
}

static DOCUMENTS: [Document; 8] = [
    Document {
        kind: "Product",
        of: "Product",
        text: include_str!("queries/product_by_id.graphql"),
        field: "product",
        members: Some("variants"),
    },
    Document {
        kind: PRODUCT_EXTRAS,
        of: "Product",
        text: include_str!("queries/product_extras_by_id.graphql"),
        field: "product",
        members: None,
    },
    Document {
        kind: "ProductVariant",
        of: "ProductVariant",
        text: include_str!("queries/product_variant_by_id.graphql"),
        field: "productVariant",
        members: None,
    },
    Document {
        kind: "Collection",
        of: "Collection",
        text: include_str!("queries/collection_by_id.graphql"),
        field: "collection",
        members: Some("products"),
    },
    Document {
        kind: "Customer",
        of: "Customer",
        text: include_str!("queries/customer_by_id.graphql"),
        field: "customer",
        members: Some("addressesV2"),
    },
    Document {
        kind: "Order",
        of: "Order",
        text: include_str!("queries/order_by_id.graphql"),
        field: "order",
        members: Some("lineItems"),
    },
    Document {
        kind: "InventoryItem",
        of: "InventoryItem",
        text: include_str!("queries/inventory_item_by_id.graphql"),
        field: "inventoryItem",
        members: Some("inventoryLevels"),
    },
    Document {
        kind: "Location",
        of: "Location",
        text: include_str!("queries/location_by_id.graphql"),
        field: "location",
        members: None,
    },
];

/// Every kind of resource that can be fetched by its id.
pub fn fetchable_kinds() -> impl Iterator<Item = &'static str> {
    let kinds = DOCUMENTS.iter().map(|document| document.kind);
    kinds.filter(|kind| *kind != PRODUCT_EXTRAS)
}

/// A resource and all its members, each as the text that came.
#[derive(Debug)]
pub struct Whole {
    /// The resource, members of the first page included.
    pub root: Box<RawValue>,
    /// Every member.
    pub members: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stamp {
    updated_at: DateTime<Utc>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    nodes: Vec<Box<RawValue>>,
    page_info: PageInfo,
}

impl Client {
    /// The resource `gid` with all its members; none if it does not exist. All pages show the same version of it, or the
    /// reading starts again.
    ///
    /// # Errors
    /// [`Error::UnknownKind`] for a kind that cannot be fetched.
    pub async fn fetch(&self, shop: &ShopDomain, token: &str, gid: &Gid) -> Result<Answer<Option<Whole>>, Error> {
        let document = DOCUMENTS
            .iter()
            .find(|document| document.kind == gid.kind())
            .ok_or_else(|| Error::UnknownKind {
                kind: gid.kind().to_owned(),
            })?;
        let mut per_page = PER_PAGE;
        let mut restarts = 0;
        while restarts < MOST_RESTARTS {
            match self.fetch_at_rest(shop, token, document, gid, per_page).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => restarts += 1,
                // What a query costs before it runs is Shopify's secret.
                Err(Error::TooExpensive { .. }) if per_page > SMALLER => per_page /= SMALLER,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Unavailable { status: 200 })
    }

    /// One reading; none if the resource changed between two pages.
    async fn fetch_at_rest(
        &self,
        shop: &ShopDomain,
        token: &str,
        document: &Document,
        gid: &Gid,
        per_page: u32,
    ) -> Result<Option<Answer<Option<Whole>>>, Error> {
        let mut whole: Option<(Whole, DateTime<Utc>, DateTime<Utc>)> = None;
        let mut after: Option<String> = None;
        let mut refused = false;
        loop {
            let mut variables = Map::from_iter([("id".to_owned(), json!(Gid::new(document.of, gid.id())))]);
            if document.members.is_some() {
                variables.insert("first".to_owned(), json!(per_page));
                variables.insert("after".to_owned(), json!(after));
            }
            let mut answer = self
                .query_what_is_allowed::<HashMap<String, Option<Box<RawValue>>>>(shop, token, document.text, &variables)
                .await?;
            let Some(root) = answer.data.remove(document.field).flatten() else {
                let vanished = whole.is_some();
                return Ok((!vanished).then_some(Answer {
                    data: None,
                    observed_at: answer.observed_at,
                    refused: answer.refused,
                }));
            };
            refused |= answer.refused;
            let Stamp { updated_at } = read(&root)?;
            let page = match document.members {
                Some(field) => members(&root, field)?,
                None => Page::default(),
            };
            match &mut whole {
                None => {
                    let members = page.nodes;
                    whole = Some((Whole { root, members }, updated_at, answer.observed_at));
                }
                Some((_, first_updated_at, _)) if *first_updated_at != updated_at => return Ok(None),
                Some((whole, _, _)) => whole.members.extend(page.nodes),
            }
            if !page.page_info.has_next_page {
                return Ok(whole.map(|(data, _, observed_at)| Answer {
                    data: Some(data),
                    observed_at,
                    refused,
                }));
            }
            after = page.page_info.end_cursor;
        }
    }
}

/// The page of members that a resource shows.
fn members(root: &RawValue, field: &str) -> Result<Page, Error> {
    let fields: HashMap<&str, &RawValue> = read(root)?;
    match fields.get(field) {
        Some(page) => read(page),
        None => Err(Error::Malformed {
            what: format!("no {field}"),
        }),
    }
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Error> {
    serde_json::from_str(raw.get()).map_err(|error| Error::Malformed { what: shape(&error) })
}
