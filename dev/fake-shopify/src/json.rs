//! Writing JSON text by hand, because a bulk result of 200 MB is written field by field.
//!
//! Two alphabets: API answers escape what JSON demands; bulk results and webhook-like files of Shopify also escape
//! `/`, `&`, `<` and `>` (recorded in real bulk files), which is why a reader must parse and never match text.

/// Which characters are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Only what JSON demands.
    Plain,
    /// `/` as `\/`, and `&`, `<`, `>` as `\u0026`, `\u003c`, `\u003e`.
    Bulk,
}

/// Appends `text` as a JSON string, quotes included.
pub fn string(out: &mut Vec<u8>, text: &str, escape: Escape) {
    out.push(b'"');
    contents(out, text, escape);
    out.push(b'"');
}

/// Appends `text` escaped, without quotes.
pub fn contents(out: &mut Vec<u8>, text: &str, escape: Escape) {
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let replacement: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            b'/' if escape == Escape::Bulk => b"\\/",
            b'&' if escape == Escape::Bulk => b"\\u0026",
            b'<' if escape == Escape::Bulk => b"\\u003c",
            b'>' if escape == Escape::Bulk => b"\\u003e",
            0..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..at]);
        if replacement.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(replacement);
        }
        plain = at + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
}

/// Appends a whole number.
pub fn int(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a value of `serde_json`, strings in the same alphabet.
pub fn value(out: &mut Vec<u8>, value: &serde_json::Value, escape: Escape) {
    use serde_json::Value::{Array, Bool, Null, Number, Object, String};
    match value {
        Null => out.extend_from_slice(b"null"),
        Bool(true) => out.extend_from_slice(b"true"),
        Bool(false) => out.extend_from_slice(b"false"),
        Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        String(text) => string(out, text, escape),
        Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                self::value(out, item, escape);
            }
            out.push(b']');
        }
        Object(fields) => {
            out.push(b'{');
            for (at, (key, item)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                string(out, key, escape);
                out.push(b':');
                self::value(out, item, escape);
            }
            out.push(b'}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, escape: Escape) -> String {
        let mut out = Vec::new();
        string(&mut out, text, escape);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn both_alphabets_read_back_as_the_same_text() {
        let text = "<p>Été & \"co\"\\ a/b</p>\n\t\u{1}\u{2028}";
        for escape in [Escape::Plain, Escape::Bulk] {
            assert_eq!(serde_json::from_str::<String>(&written(text, escape)).unwrap(), text);
        }
        assert_eq!(written("a/b & <c>", Escape::Bulk), r#""a\/b \u0026 \u003cc\u003e""#);
        assert_eq!(written("a/b & <c>", Escape::Plain), r#""a/b & <c>""#);
    }

    #[test]
    fn integers_at_the_edges() {
        for value in [0, -1, i64::MAX, i64::MIN, 9_007_199_254_740_993] {
            let mut out = Vec::new();
            int(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
