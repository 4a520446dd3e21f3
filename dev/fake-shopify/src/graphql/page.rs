//! Cutting one page out of an ordered list by `first`, `after`, `last`, `before` and `reverse`.
//!
//! A cursor names the place of a row (sort value and id), not its index: a row whose sort value moves jumps to its
//! new place under a walking reader, as it does at Shopify.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::value::{Args, FieldError, Place};

/// No list gives more than this, however long one pages.
const PAGINATION_LIMIT: usize = 25_000;
/// The largest page.
pub const PAGE: i64 = 250;
/// The largest page of `variants` (one product per request).
pub const VARIANT_PAGE: i64 = 2_000;

/// The rows of one page.
pub struct Page<K> {
    /// In the order asked for.
    pub keys: Vec<(Place, K)>,
    /// Whether rows follow.
    pub has_next: bool,
    /// Whether rows precede.
    pub has_previous: bool,
}

impl<K: Copy> Page<K> {
    /// Cuts the page out of `keys`, which come in any order. In a bulk operation everything is the page.
    pub fn cut(args: &Args, limit: i64, mut keys: Vec<(Place, K)>) -> Result<Self, FieldError> {
        let reverse = args.flag("reverse").unwrap_or(false);
        if !keys.is_sorted_by_key(|(place, _)| *place) {
            keys.sort_unstable_by_key(|(place, _)| *place);
        }
        if reverse {
            keys.reverse();
        }
        if args.bulk {
            return Ok(Self {
                keys,
                has_next: false,
                has_previous: false,
            });
        }
        let (first, last) = (args.int("first"), args.int("last"));
        let size = match (first, last) {
            (None, None) => return Err(FieldError::bad_request("you must provide one of first or last")),
            (Some(_), Some(_)) => return Err(FieldError::bad_request("you can only provide one of first or last")),
            (Some(size), None) | (None, Some(size)) => size,
        };
        if !(0..=limit).contains(&size) {
            return Err(FieldError::bad_request(format!(
                "page size must be between 0 and {limit}"
            )));
        }
        keys.truncate(PAGINATION_LIMIT);
        let beyond = |place: Place, cursor: Place| if reverse { place < cursor } else { place > cursor };
        let start = match args.text("after") {
            Some(text) => {
                let cursor = read_cursor(text)?;
                keys.partition_point(|(place, _)| !beyond(*place, cursor))
            }
            None => 0,
        };
        let end = match args.text("before") {
            Some(text) => {
                let cursor = read_cursor(text)?;
                keys.partition_point(|(place, _)| *place != cursor && !beyond(*place, cursor))
                    .max(start)
            }
            None => keys.len(),
        };
        let size = usize::try_from(size).unwrap_or(0);
        let (from, to) = if last.is_some() {
            (end.saturating_sub(size).max(start), end)
        } else {
            (start, end.min(start + size))
        };
        Ok(Self {
            has_next: to < keys.len(),
            has_previous: from > 0,
            keys: keys[from..to].to_vec(),
        })
    }
}

/// The cursor of a place.
pub fn cursor(place: Place) -> String {
    let text = json!({"last_id": place.id, "last_value": place.value.to_string()}).to_string();
    STANDARD.encode(text)
}

fn read_cursor(text: &str) -> Result<Place, FieldError> {
    let place = || {
        let bytes = STANDARD.decode(text).ok()?;
        let json: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        Some(Place {
            id: json["last_id"].as_i64()?,
            value: json["last_value"].as_str()?.parse().ok()?,
        })
    };
    place().ok_or_else(|| FieldError::bad_request(format!("Invalid cursor for current pagination sort: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(given: serde_json::Value) -> Args {
        Args {
            given: given.as_object().unwrap().clone(),
            bulk: false,
        }
    }

    fn keys() -> Vec<(Place, i64)> {
        [(5, 1), (5, 2), (1, 3), (9, 4), (7, 5)]
            .map(|(value, id)| (Place { value, id }, id))
            .to_vec()
    }

    fn ids(page: &Page<i64>) -> Vec<i64> {
        page.keys.iter().map(|(_, id)| *id).collect()
    }

    #[test]
    fn a_walk_sees_every_row_once_in_order() {
        let mut seen = Vec::new();
        let mut given = json!({"first": 2});
        loop {
            let page = Page::cut(&args(given.clone()), PAGE, keys()).unwrap();
            seen.extend(ids(&page));
            if !page.has_next {
                break;
            }
            given["after"] = json!(cursor(page.keys.last().unwrap().0));
        }
        assert_eq!(seen, [3, 1, 2, 5, 4]);
    }

    #[test]
    fn backwards_and_reversed() {
        assert_eq!(
            ids(&Page::cut(&args(json!({"last": 2})), PAGE, keys()).unwrap()),
            [5, 4]
        );
        assert_eq!(
            ids(&Page::cut(&args(json!({"first": 2, "reverse": true})), PAGE, keys()).unwrap()),
            [4, 5]
        );
        let before = cursor(Place { value: 7, id: 5 });
        assert_eq!(
            ids(&Page::cut(&args(json!({"last": 1, "before": before})), PAGE, keys()).unwrap()),
            [2]
        );
    }

    #[test]
    fn a_page_needs_a_size_and_a_real_cursor() {
        assert!(Page::cut(&args(json!({})), PAGE, keys()).is_err());
        assert!(Page::cut(&args(json!({"first": 1, "after": "nonsense"})), PAGE, keys()).is_err());
        assert!(Page::cut(&args(json!({"first": 251})), PAGE, keys()).is_err());
    }
}
