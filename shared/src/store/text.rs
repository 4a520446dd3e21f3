//! Text on its way into Postgres.

use std::borrow::Cow;
use std::fmt::Write;

/// Removes NUL characters, which Postgres refuses in text and in `jsonb`: the character itself and its JSON escape.
/// Returns how many were removed.
pub fn strip_nul(text: Cow<'_, str>) -> (Cow<'_, str>, usize) {
    if !text.contains('\0') && !text.contains("\\u0000") {
        return (text, 0);
    }
    let mut clean = String::with_capacity(text.len());
    let mut removed = 0;
    let mut rest = text.as_ref();
    while let Some(character) = rest.chars().next() {
        if character == '\0' {
            removed += 1;
            rest = &rest[1..];
        } else if rest.starts_with("\\u0000") {
            removed += 1;
            rest = &rest["\\u0000".len()..];
        } else {
            // An escaped backslash does not start the escape of a NUL.
            let length = if rest.starts_with("\\\\") {
                2
            } else {
                character.len_utf8()
            };
            clean.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    (Cow::Owned(clean), removed)
}

/// Writes a list as a Postgres array literal: `unnest` takes no ragged arrays, so lists travel as text.
pub(super) fn array_literal(items: &[String]) -> String {
    let mut literal = String::with_capacity(2 + items.iter().map(|item| item.len() + 3).sum::<usize>());
    literal.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        literal.push('"');
        for character in item.chars() {
            match character {
                '"' | '\\' => write!(literal, "\\{character}").expect("a string takes every write"),
                _ => literal.push(character),
            }
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

/// Writes numbers as a Postgres array literal.
pub(super) fn number_array_literal(numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_removed_in_either_form_and_nothing_else() {
        let (text, removed) = strip_nul(Cow::Borrowed("a\0b\\u0000c\\\\u0000d"));
        assert_eq!((text.as_ref(), removed), ("abc\\\\u0000d", 2));
        assert!(matches!(strip_nul(Cow::Borrowed("plain")), (Cow::Borrowed("plain"), 0)));
    }

    #[test]
    fn a_list_survives_the_trip_as_a_literal() {
        assert_eq!(array_literal(&[]), "{}");
        assert_eq!(
            array_literal(&["a,b".into(), "c\"d\\e".into(), String::new()]),
            r#"{"a,b","c\"d\\e",""}"#
        );
    }
}
