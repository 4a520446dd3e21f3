//! Shopify's search syntax, as far as a mirror uses it: `field:value`, `field:>=value`, quotes, comma lists, `AND`,
//! `NOT` and `-`. A field Shopify does not know is ignored, with a warning, and everything is returned: the trap is
//! part of the imitation. What this fake does not know is refused loudly, never ignored.

use serde_json::{Value as Json, json};

use crate::clock;
use crate::graphql::value::FieldError;

/// The filter fields of `products` that can be answered.
pub const PRODUCTS: &[&str] = &[
    "id",
    "created_at",
    "updated_at",
    "published_at",
    "status",
    "tag",
    "vendor",
    "product_type",
    "handle",
    "title",
    "sku",
    "variant_id",
];
/// The filter fields of `productVariants` that can be answered.
pub const VARIANTS: &[&str] = &[
    "id",
    "product_id",
    "product_ids",
    "sku",
    "updated_at",
    "barcode",
    "product_status",
];
/// The filter fields of `inventoryItems`.
pub const INVENTORY_ITEMS: &[&str] = &["id", "sku", "created_at", "updated_at"];
/// The filter fields of `locations`.
pub const LOCATIONS: &[&str] = &["id", "active", "created_at"];
/// The filter fields of `customers`.
pub const CUSTOMERS: &[&str] = &[
    "id",
    "created_at",
    "customer_date",
    "updated_at",
    "email",
    "phone",
    "first_name",
    "last_name",
    "tag",
    "state",
];
/// The filter fields of `collections`.
pub const COLLECTIONS: &[&str] = &["id", "updated_at", "title", "handle", "product_id", "collection_type"];
/// The filter fields of `orders`.
pub const ORDERS: &[&str] = &[
    "id",
    "created_at",
    "updated_at",
    "processed_at",
    "customer_id",
    "financial_status",
    "fulfillment_status",
    "tag",
    "test",
    "name",
    "email",
    "status",
];
/// Fields Shopify knows and this fake does not.
const KNOWN_TO_SHOPIFY: &[&str] = &[
    "barcode",
    "accepts_marketing",
    "cart_token",
    "channel",
    "country",
    "current_total_price",
    "delivery_method",
    "discount_code",
    "gateway",
    "last_abandoned_order_date",
    "order_date",
    "orders_count",
    "payment_id",
    "po_number",
    "return_status",
    "risk_level",
    "source_name",
    "total_spent",
    "bundles",
    "category_id",
    "collection_id",
    "combined_listing_role",
    "error_feedback",
    "gift_card",
    "inventory_total",
    "is_price_reduced",
    "metafields",
    "out_of_stock_somewhere",
    "price",
    "product_configuration_owner",
    "product_publication_status",
    "publishable_status",
    "published_status",
    "tag_not",
    "variant_title",
    "collection",
    "delivery_profile_id",
    "exclude_composite",
    "exclude_variants_with_components",
    "gift_card",
    "inventory_quantity",
    "location_id",
    "managed",
    "managed_by",
    "option1",
    "option2",
    "option3",
    "product_type",
    "published_status",
    "requires_components",
    "tag",
    "taxable",
    "title",
    "vendor",
];

/// An entry of `extensions.search`.
#[derive(Clone, Debug)]
pub struct Warning(pub Json);

/// A parsed search.
#[derive(Debug, Default)]
pub struct Filter {
    terms: Vec<(String, bool, Term)>,
}

/// What is asked of one field.
#[derive(Debug)]
pub struct Term {
    comparison: Comparison,
    /// One of these.
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    /// Whether a row passes; `matches` answers for one field.
    pub fn accepts(&self, matches: impl Fn(&str, &Term) -> bool) -> bool {
        self.terms
            .iter()
            .all(|(field, negated, term)| matches(field, term) != *negated)
    }
}

impl Term {
    /// Against a text: equal to one of the values, letters of either case.
    pub fn text(&self, text: &str) -> bool {
        self.values.iter().any(|value| {
            if let Some(start) = value.strip_suffix('*') {
                text.to_lowercase().starts_with(&start.to_lowercase())
            } else {
                text.to_lowercase() == value.to_lowercase()
            }
        })
    }

    /// Against a number.
    pub fn number(&self, number: i64) -> bool {
        self.values.iter().any(|value| {
            value
                .rsplit('/')
                .next()
                .and_then(|value| value.parse().ok())
                .is_some_and(|value| self.holds(number, value))
        })
    }

    /// Against an instant in seconds.
    pub fn time(&self, seconds: i64) -> bool {
        self.values
            .iter()
            .any(|value| clock::parse(value).is_some_and(|value| self.holds(seconds, value)))
    }

    /// Against an instant in seconds of which only the day counts.
    pub fn day(&self, seconds: i64) -> bool {
        let day = |seconds: i64| seconds.div_euclid(86_400);
        self.values
            .iter()
            .any(|value| clock::parse(value).is_some_and(|value| self.holds(day(seconds), day(value))))
    }

    fn holds(&self, left: i64, right: i64) -> bool {
        match self.comparison {
            Comparison::Equal => left == right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }
}

/// Reads a search of `path`, whose filter fields are `fields`.
pub fn parse(query: &str, fields: &[&str], path: &str, warnings: &mut Vec<Warning>) -> Result<Filter, FieldError> {
    let mut filter = Filter::default();
    let mut negated = false;
    for word in words(query) {
        match word.as_str() {
            "AND" => continue,
            "NOT" => {
                negated = true;
                continue;
            }
            "OR" => {
                return Err(FieldError::bad_request(
                    "fake-shopify does not understand OR in a search",
                ));
            }
            _ => {}
        }
        let (minus, word) = word
            .strip_prefix('-')
            .map_or((false, word.as_str()), |rest| (true, rest));
        let Some((field, value)) = word.split_once(':') else {
            return Err(FieldError::bad_request(format!(
                "fake-shopify does not search for plain words: {word}"
            )));
        };
        let negate = std::mem::take(&mut negated) || minus;
        if fields.contains(&field) {
            let (comparison, value) = comparison(value);
            let values: Vec<String> = value
                .split(',')
                .map(|one| one.trim_matches(['\'', '"']).to_owned())
                .collect();
            let time = field.ends_with("_at");
            if time && values.iter().any(|value| clock::parse(value).is_none()) {
                warnings.push(warning(
                    path,
                    query,
                    field,
                    "Input value is not a valid date.",
                    "invalid_value",
                ));
            }
            filter
                .terms
                .push((field.to_owned(), negate, Term { comparison, values }));
        } else if KNOWN_TO_SHOPIFY.contains(&field) {
            return Err(FieldError::bad_request(format!(
                "fake-shopify cannot filter {path} by {field}"
            )));
        } else {
            warnings.push(warning(
                path,
                query,
                field,
                "Invalid search field for this query.",
                "invalid_field",
            ));
        }
    }
    Ok(filter)
}

fn warning(path: &str, query: &str, field: &str, message: &str, code: &str) -> Warning {
    Warning(json!({
        "path": [path],
        "query": query,
        "warnings": [{"field": field, "message": message, "code": code}],
    }))
}

fn comparison(value: &str) -> (Comparison, &str) {
    [
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
    ]
    .into_iter()
    .find_map(|(sign, comparison)| Some((comparison, value.strip_prefix(sign)?)))
    .unwrap_or((Comparison::Equal, value))
}

/// Splits at spaces outside quotes; brackets around the whole are dropped.
fn words(query: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in query.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            (' ' | '\n' | '(' | ')', None) => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        words.last_mut().expect("there is always a last word").push(letter);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, updated_at: &str, status: &str) -> (bool, usize) {
        let mut warnings = Vec::new();
        let filter = parse(query, PRODUCTS, "products", &mut warnings).unwrap();
        let accepted = filter.accepts(|field, term| match field {
            "updated_at" => term.time(clock::parse(updated_at).unwrap()),
            "status" => term.text(status),
            _ => unreachable!("{field}"),
        });
        (accepted, warnings.len())
    }

    #[test]
    fn ranges_lists_and_negation() {
        let query = "updated_at:>='2026-11-24T08:00:00Z' AND status:active,draft";
        assert_eq!(check(query, "2026-11-24T08:00:00Z", "active"), (true, 0));
        assert_eq!(check(query, "2026-11-24T07:59:59Z", "active"), (false, 0));
        assert_eq!(check(query, "2026-11-24T08:00:00Z", "archived"), (false, 0));
        assert_eq!(check("-status:draft", "2026-11-24", "draft"), (false, 0));
        assert_eq!(check("NOT status:draft", "2026-11-24", "active"), (true, 0));
    }

    #[test]
    fn a_misspelt_field_returns_everything_with_a_warning() {
        assert_eq!(check("updatd_at:>='2026-11-24'", "2001-01-01", "active"), (true, 1));
        assert_eq!(check("updated_at:>=yesterday", "2026-11-24", "active"), (false, 1));
    }

    #[test]
    fn what_the_fake_cannot_do_is_refused() {
        for query in ["a OR b", "hoodie", "collection_id:1"] {
            assert!(parse(query, PRODUCTS, "products", &mut Vec::new()).is_err(), "{query}");
        }
    }
}
