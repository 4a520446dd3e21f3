//! What resolvers give to the executor: values that are written straight to JSON text.
//!
//! A resolver borrows from the catalogue wherever it can and never builds a JSON tree; that keeps the rendering of a
//! bulk result of 10,000 products within a second. Resolvers know nothing of selection sets, aliases or paging text.

use serde_json::{Map, Value as Json};

use super::page::Page;

/// An object of the graph.
pub trait Object {
    /// The concrete type of the schema.
    fn type_name(&self) -> &'static str;

    /// The value of one field. `UNRESOLVED` when the field exists in the schema but not in this fake.
    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s>;
}

/// What a field gives.
pub type Resolved<'s> = Result<Value<'s>, FieldError>;

/// A value of the graph.
pub enum Value<'s> {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A `Float`.
    Float(f64),
    /// Borrowed text or an enum value.
    Str(&'s str),
    /// Owned text.
    Text(String),
    /// A whole number written as a string: `UnsignedInt64`, `legacyResourceId`.
    Digits(i64),
    /// An amount in hundredths, written as Shopify's `Money` string.
    Money(i64),
    /// Seconds since 1970, written as `DateTime`.
    Time(i64),
    /// `gid://shopify/{type}/{number}`.
    Gid(&'static str, i64),
    /// A plain list.
    List(Vec<Value<'s>>),
    /// An object.
    Object(Box<dyn Object + 's>),
    /// A connection.
    Connection(Connection<'s>),
}

impl<'s> Value<'s> {
    /// An object.
    pub fn object(object: impl Object + 's) -> Self {
        Self::Object(Box::new(object))
    }

    /// An object or `null`.
    pub fn nullable(object: Option<impl Object + 's>) -> Self {
        object.map_or(Self::Null, Self::object)
    }

    /// A borrowed text or `null`.
    pub fn opt_str(text: Option<&'s str>) -> Self {
        text.map_or(Self::Null, Self::Str)
    }
}

/// One page of a connection, or all of it in a bulk operation.
pub struct Connection<'s> {
    /// The type of the nodes, or the interface they share (`Media`).
    pub node_type: &'static str,
    /// The rows in order, with their place in it.
    pub rows: Vec<Row<'s>>,
    /// Whether rows follow.
    pub has_next: bool,
    /// Whether rows precede.
    pub has_previous: bool,
}

impl<'s> Connection<'s> {
    /// The page of `keys` that the arguments ask for, `limit` rows at most; `node` makes the object of one.
    pub fn page<K: Copy>(
        node_type: &'static str,
        args: &Args,
        limit: i64,
        keys: Vec<(Place, K)>,
        node: impl Fn(K) -> Box<dyn Object + 's>,
    ) -> Resolved<'s> {
        let page = Page::cut(args, limit, keys)?;
        let rows = page
            .keys
            .into_iter()
            .map(|(place, key)| Row { place, node: node(key) })
            .collect();
        Ok(Value::Connection(Self {
            node_type,
            rows,
            has_next: page.has_next,
            has_previous: page.has_previous,
        }))
    }
}

/// One row of a connection.
pub struct Row<'s> {
    /// Where it stands.
    pub place: Place,
    /// The object.
    pub node: Box<dyn Object + 's>,
}

/// A place in an ordered list: the value sorted by, then the id. A cursor is this in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The value of the sort key.
    pub value: i64,
    /// The number of the id.
    pub id: i64,
}

/// The arguments of a field, variables put in.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// Given arguments by name; one that was not given is absent.
    pub given: Map<String, Json>,
    /// Inside a bulk operation `first`, `after` and their kin are ignored.
    pub bulk: bool,
}

impl Args {
    /// A text or enum argument.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name)?.as_str()
    }

    /// An `Int` argument.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.given.get(name)?.as_i64()
    }

    /// A `Boolean` argument.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.given.get(name)?.as_bool()
    }

    /// A list argument; a single value counts as a list of one, as GraphQL has it.
    pub fn list(&self, name: &str) -> Option<Vec<&Json>> {
        match self.given.get(name)? {
            Json::Null => None,
            Json::Array(items) => Some(items.iter().collect()),
            one => Some(vec![one]),
        }
    }
}

/// A field that could not be answered: `null` and an entry in `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The text shown.
    pub message: String,
    /// `extensions.code`.
    pub code: &'static str,
}

impl FieldError {
    /// The caller asked for something wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: "BAD_REQUEST",
        }
    }

    /// The field is protected, and the app is not approved for it.
    pub fn refused(field: &str) -> Self {
        Self {
            message: format!(
                "This app is not approved to access the {field} field. See \
                 https://shopify.dev/docs/apps/launch/protected-customer-data for more details."
            ),
            code: ACCESS_DENIED,
        }
    }

    /// The app was not granted the scope.
    pub fn no_scope(field: &str, scope: &str) -> Self {
        Self {
            message: format!("Access denied for {field} field. Required access: `{scope}` access scope."),
            code: ACCESS_DENIED,
        }
    }

    /// The field exists at Shopify; this fake has no data for it.
    pub fn unresolved(type_name: &str, field: &str) -> Self {
        Self {
            message: format!("fake-shopify has no resolver for {type_name}.{field}"),
            code: UNRESOLVED,
        }
    }
}

/// `extensions.code` of a field the app may not see.
pub const ACCESS_DENIED: &str = "ACCESS_DENIED";
/// `extensions.code` of a field without a resolver.
pub const UNRESOLVED: &str = "FAKE_UNRESOLVED";

/// A small object whose fields are all known at once.
pub struct Fields<'s> {
    /// The concrete type.
    pub type_name: &'static str,
    /// Name and value of each field.
    pub fields: Vec<(&'static str, Leaf<'s>)>,
}

/// A value of `Fields`.
pub enum Leaf<'s> {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A `Float`.
    Float(f64),
    /// Borrowed text.
    Str(&'s str),
    /// Owned text.
    Text(String),
    /// An instant in seconds.
    Time(i64),
    /// A gid.
    Gid(&'static str, i64),
    /// A list of texts.
    Texts(Vec<String>),
    /// A small object inside.
    Fields(Box<Fields<'s>>),
}

impl<'s> Fields<'s> {
    /// An object of these fields.
    pub fn value(type_name: &'static str, fields: Vec<(&'static str, Leaf<'s>)>) -> Value<'s> {
        Value::object(Fields { type_name, fields })
    }

    /// The same as a leaf of another.
    pub fn leaf(type_name: &'static str, fields: Vec<(&'static str, Leaf<'s>)>) -> Leaf<'s> {
        Leaf::Fields(Box::new(Fields { type_name, fields }))
    }
}

impl Object for Fields<'_> {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let Some((_, leaf)) = self.fields.iter().find(|(field, _)| *field == name) else {
            return Err(FieldError::unresolved(self.type_name, name));
        };
        Ok(match leaf {
            Leaf::Null => Value::Null,
            Leaf::Bool(value) => Value::Bool(*value),
            Leaf::Int(value) => Value::Int(*value),
            Leaf::Float(value) => Value::Float(*value),
            Leaf::Str(text) => Value::Str(text),
            Leaf::Text(text) => Value::Str(text),
            Leaf::Time(seconds) => Value::Time(*seconds),
            Leaf::Gid(kind, id) => Value::Gid(kind, *id),
            Leaf::Texts(items) => Value::List(items.iter().map(|item| Value::Str(item)).collect()),
            Leaf::Fields(inner) => Value::object(&**inner),
        })
    }
}

impl<T: Object + ?Sized> Object for &T {
    fn type_name(&self) -> &'static str {
        (**self).type_name()
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        (**self).field(name, args)
    }
}

/// The number in a gid of this type; what stands behind a question mark is left aside.
pub fn gid_number(gid: &str, kind: &str) -> Option<i64> {
    gid.strip_prefix("gid://shopify/")?
        .strip_prefix(kind)?
        .strip_prefix('/')?
        .split('?')
        .next()?
        .parse()
        .ok()
}
