//! Lists of a store: what there is and when it changed last, page by page.
//!
//! Shopify ends a list after 25,000 rows, and answers a filter that it does not understand with everything and a warning.
//! So a list in the order of ids starts anew behind the last id with every page, one in the order of changes is begun
//! anew by its caller in time, and a warning is an error ([`Client::query`]).

use chrono::{DateTime, Days, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, json};

use super::client::Answer;
use super::graphql::{Money, PageInfo};
use super::{Client, Error, Gid, ShopDomain};

/// Rows in a page.
const PER_PAGE: u32 = 250;
/// A page that costs more than Shopify allows is asked for in parts of this size, and then of one smaller by as much.
const SMALLER: u32 = 5;

/// A list that Shopify gives.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Asks for `list` by `$first`, `$after`, `$query` and, where it can be sorted, `$sortKey`.
    pub document: &'static str,
    /// How changes are found.
    pub changes: Changes,
    /// The filter `updated_at` knows days only.
    pub whole_days: bool,
}

/// How a list tells what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// In the order of changes.
    Sorted,
    /// By a filter, in the order of ids.
    Filtered,
    /// Not at all: it is short enough to be read whole.
    Whole,
}

/// Where a list is read on.
#[derive(Debug, Clone, Copy)]
pub enum Position<'a> {
    /// What changed since then, behind this cursor.
    Cursor {
        /// Shopify's clock.
        since: DateTime<Utc>,
        /// The end of the page before.
        cursor: Option<&'a str>,
    },
    /// What has a greater id and, if a time is given, changed since then.
    Id {
        /// Shopify's clock.
        since: Option<DateTime<Utc>>,
        /// The last id of the page before.
        after: i64,
    },
}

/// A page of a list.
#[derive(Debug)]
pub struct ListPage {
    /// What there is.
    pub items: Vec<Item>,
    /// Where the list goes on; none if this was all.
    pub next: Option<String>,
}

/// A resource as a list names it.
#[derive(Debug)]
pub struct Item {
    /// Its number.
    pub id: i64,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
    /// How many members it has, if that is told exactly.
    pub members: Option<i64>,
    /// What is stored of it where.
    pub levels: Vec<Level>,
    /// Whether these are all.
    pub all_levels: bool,
    /// What of a customer has no part in its time of change, if that is told.
    pub customer: Option<CustomerParts>,
}

/// How much of a thing is stored at a place.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    /// The place.
    pub location_id: i64,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
    /// How many are available.
    pub available: Option<i32>,
}

/// What a customer bought and agreed to. It does not move the customer's time of change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerParts {
    /// How many orders.
    pub number_of_orders: i64,
    /// For how much; as Shopify writes it, never a float.
    pub amount_spent: Option<String>,
    /// The last of them.
    pub last_order_id: Option<i64>,
    /// To mail.
    pub email: Consent,
    /// To text messages.
    pub sms: Consent,
}

/// What a customer agreed to; nothing where there is no address or number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Consent {
    /// In the words of the Admin API.
    #[serde(alias = "marketingState")]
    pub state: Option<String>,
    /// Since when.
    #[serde(alias = "marketingUpdatedAt")]
    pub updated_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Data {
    list: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    nodes: Vec<Node>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: Gid,
    updated_at: DateTime<Utc>,
    products_count: Option<Count>,
    inventory_levels: Option<Levels>,
    /// An unsigned number of 64 bits: as text.
    number_of_orders: Option<String>,
    amount_spent: Option<Money>,
    last_order: Option<Reference>,
    default_email_address: Option<Consent>,
    default_phone_number: Option<PhoneNumber>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhoneNumber {
    sms_marketing_consent: Option<Consent>,
}

#[derive(Deserialize)]
struct Count {
    count: i64,
    precision: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Levels {
    nodes: Vec<LevelNode>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelNode {
    location: Reference,
    updated_at: DateTime<Utc>,
    quantities: Vec<Quantity>,
}

#[derive(Deserialize)]
struct Quantity {
    quantity: i32,
}

#[derive(Deserialize)]
struct Reference {
    id: Gid,
}

impl Client {
    /// The next page of `list`.
    pub async fn list(
        &self,
        shop: &ShopDomain,
        token: &str,
        list: &List,
        from: Position<'_>,
    ) -> Result<Answer<ListPage>, Error> {
        let mut first = PER_PAGE;
        loop {
            let variables = variables(list, from, first);
            let answer = self.query_what_is_allowed::<Data>(shop, token, list.document, variables);
            match answer.await {
                Ok(answer) => return Ok(read(answer)),
                // What a query costs before it runs is Shopify's secret.
                Err(Error::TooExpensive { .. }) if first > SMALLER => first /= SMALLER,
                Err(error) => return Err(error),
            }
        }
    }
}

fn variables(list: &List, from: Position<'_>, first: u32) -> Map<String, serde_json::Value> {
    let (since, after, cursor, sort_key) = match from {
        Position::Cursor { since, cursor } => (Some(since), 0, cursor, "UPDATED_AT"),
        Position::Id { since, after } => (since, after, None, "ID"),
    };
    let since = since.map(|since| format!("updated_at:>='{}'", time(list, since)));
    let after = (after > 0).then(|| format!("id:>{after}"));
    let filter: Vec<String> = since.into_iter().chain(after).collect();
    let mut variables = Map::from_iter([
        ("first".to_owned(), json!(first)),
        ("after".to_owned(), json!(cursor)),
        (
            "query".to_owned(),
            json!((!filter.is_empty()).then(|| filter.join(" AND "))),
        ),
    ]);
    if list.document.contains("$sortKey") {
        variables.insert("sortKey".to_owned(), json!(sort_key));
    }
    variables
}

/// A time as the filter takes it; where it knows days only, of the day before, whatever the store's time zone.
fn time(list: &List, since: DateTime<Utc>) -> String {
    if list.whole_days {
        let day = since.date_naive();
        return day.checked_sub_days(Days::new(1)).unwrap_or(day).to_string();
    }
    since.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn read(answer: Answer<Data>) -> Answer<ListPage> {
    let Page { nodes, page_info } = answer.data.list;
    // Where something was refused, null tells nothing.
    let refused = answer.refused;
    let items = nodes.into_iter().map(|node| {
        let levels = node.inventory_levels;
        Item {
            id: node.id.id(),
            updated_at: node.updated_at,
            members: node
                .products_count
                .filter(|count| count.precision == "EXACT")
                .map(|count| count.count),
            all_levels: levels.as_ref().is_some_and(|levels| !levels.page_info.has_next_page),
            levels: levels
                .into_iter()
                .flat_map(|levels| levels.nodes)
                .map(|level| Level {
                    location_id: level.location.id.id(),
                    updated_at: level.updated_at,
                    available: level.quantities.first().map(|quantity| quantity.quantity),
                })
                .collect(),
            customer: node
                .number_of_orders
                .and_then(|orders| orders.parse().ok())
                .map(|number_of_orders| CustomerParts {
                    number_of_orders,
                    amount_spent: node.amount_spent.map(|money| money.amount),
                    last_order_id: node.last_order.map(|order| order.id.id()),
                    email: node.default_email_address.unwrap_or_default(),
                    sms: node
                        .default_phone_number
                        .and_then(|phone| phone.sms_marketing_consent)
                        .unwrap_or_default(),
                })
                .filter(|_| !refused),
        }
    });
    Answer {
        data: ListPage {
            items: items.collect(),
            next: page_info.end_cursor.filter(|_| page_info.has_next_page),
        },
        observed_at: answer.observed_at,
        refused: answer.refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: List = List {
        document: "$sortKey",
        changes: Changes::Sorted,
        whole_days: false,
    };

    fn since() -> DateTime<Utc> {
        "2026-11-24T00:30:05.9Z".parse().unwrap()
    }

    #[test]
    fn changes_are_asked_for_in_the_order_in_which_they_are_filtered() {
        let from = Position::Cursor {
            since: since(),
            cursor: Some("c"),
        };
        let told = variables(&LIST, from, 250);
        assert_eq!(told["query"], "updated_at:>='2026-11-24T00:30:05Z'");
        assert_eq!((&told["sortKey"], &told["after"]), (&json!("UPDATED_AT"), &json!("c")));
    }

    #[test]
    fn a_list_of_ids_starts_anew_behind_the_last_one() {
        let told = |since, after| variables(&LIST, Position::Id { since, after }, 250);
        assert_eq!(told(None, 0)["query"], json!(null));
        assert_eq!(told(None, 7)["query"], "id:>7");
        let both = told(Some(since()), 7);
        assert_eq!(both["query"], "updated_at:>='2026-11-24T00:30:05Z' AND id:>7");
        assert_eq!((&both["sortKey"], &both["after"]), (&json!("ID"), &json!(null)));
    }

    #[test]
    fn where_a_filter_knows_days_only_it_begins_a_day_early() {
        let list = List {
            whole_days: true,
            ..LIST
        };
        let from = Position::Cursor {
            since: since(),
            cursor: None,
        };
        assert_eq!(variables(&list, from, 250)["query"], "updated_at:>='2026-11-23'");
    }

    #[test]
    fn a_list_that_cannot_be_sorted_is_not_asked_to() {
        let list = List { document: "", ..LIST };
        let from = Position::Id { since: None, after: 0 };
        assert!(!variables(&list, from, 250).contains_key("sortKey"));
    }
}
