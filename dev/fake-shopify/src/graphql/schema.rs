//! The real Admin schema of 2026-10 and the documents validated against it.
//!
//! The schema is unpacked and parsed once per process. Documents are cached by their text, for a client sends the
//! same few again and again.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{Arc, LazyLock, Mutex};

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::Value as Json;

use super::errors;

/// The version whose schema this is.
pub const VERSION: &str = "2026-10";

static PACKED: &[u8] = include_bytes!("../../schema/admin_2026-10.graphql.gz");

static SCHEMA: LazyLock<Valid<Schema>> = LazyLock::new(|| {
    let mut text = String::new();
    flate2::read::GzDecoder::new(PACKED)
        .read_to_string(&mut text)
        .expect("the packed schema is whole");
    // It was printed from Shopify's introspection data, so validating it again would only cost time.
    let schema = Schema::parse(text, "admin_2026-10.graphql").expect("the packed schema parses");
    Valid::assume_valid(schema)
});

/// A cached document, or the errors it gave.
pub type Checked = Result<Arc<Valid<ExecutableDocument>>, Arc<Vec<Json>>>;

static DOCUMENTS: LazyLock<Mutex<HashMap<String, Checked>>> = LazyLock::new(Mutex::default);

/// More documents than any client has; a test that makes up thousands starts the cache anew.
const CACHED_DOCUMENTS: usize = 1_000;

/// The schema.
pub fn schema() -> &'static Valid<Schema> {
    &SCHEMA
}

/// Whether `Type.field` names a field that can be null.
pub fn nullable(name: &str) -> Result<(), String> {
    let field = name.split_once('.').and_then(|(type_name, field)| {
        let object = schema().get_object(type_name)?;
        object.fields.get(field)
    });
    match field {
        None => Err(format!("the schema has no field {name}")),
        Some(field) if field.ty.is_non_null() => Err(format!("{name} is never null")),
        Some(_) => Ok(()),
    }
}

/// Parses and validates a document.
pub fn document(text: &str) -> Checked {
    let cached = DOCUMENTS
        .lock()
        .expect("the cache is never poisoned")
        .get(text)
        .cloned();
    if let Some(known) = cached {
        return known;
    }
    let checked = ExecutableDocument::parse_and_validate(schema(), text, "document.graphql")
        .map(Arc::new)
        .map_err(|found| Arc::new(errors::validation(&found.errors, &found.partial)));
    let mut documents = DOCUMENTS.lock().expect("the cache is never poisoned");
    if documents.len() >= CACHED_DOCUMENTS {
        documents.clear();
    }
    documents.insert(text.to_owned(), checked.clone());
    checked
}
