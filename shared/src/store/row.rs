//! Rows of mirrored tables: typed in Rust, bound column by column.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;

use super::text::array_literal;
use super::{Key, Table, Version};

/// A row of a mirrored table. Made by `row!`.
pub trait Row: Sized + Sync {
    /// Its table.
    fn table() -> &'static Table;
    /// Its key.
    fn key(&self) -> Key;
    /// When its state was true.
    fn version(&self) -> Version;
    /// The resource whose fetch settles this row: kind and number; none if the row does not name its owner.
    fn fetched_as(&self) -> Option<(&str, i64)>;
    /// The body as it came.
    fn raw(&self) -> &str;
    /// Forgets what identifies a person.
    fn erase(&mut self);
    /// Adds the owner's columns that are not keys, as arrays.
    fn bind_owner(rows: &[&Self], arguments: &mut Arguments);
    /// Adds the columns in the order of the table's description, as arrays.
    fn bind_columns(rows: &[&Self], arguments: &mut Arguments);
}

/// The arguments of a statement.
#[derive(Default)]
pub struct Arguments(pub(super) PgArguments);

impl Arguments {
    /// Adds one.
    pub(super) fn add<'q, T>(&mut self, value: T)
    where
        T: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        use sqlx::Arguments as _;
        self.0
            .add(value)
            .expect("arrays of numbers, texts and times can always be encoded");
    }

    /// Adds what every statement on rows begins with: keys and versions.
    pub(super) fn add_heads<R: Row>(&mut self, rows: &[&R]) {
        self.add_keys(R::table(), &rows.iter().map(|row| row.key()).collect::<Vec<_>>());
        let updated: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version().source_updated_at).collect();
        let observed: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version().observed_at).collect();
        self.add(updated);
        self.add(observed);
    }

    /// Adds the arrays of the key columns.
    pub(super) fn add_keys(&mut self, table: &Table, keys: &[Key]) {
        self.add(keys.iter().map(|key| key.shop_id).collect::<Vec<i64>>());
        self.add(keys.iter().map(|key| key.id).collect::<Vec<i64>>());
        if table.keys.len() == 2 {
            self.add(keys.iter().map(|key| key.with).collect::<Vec<i64>>());
        }
    }
}

/// A value of a row, and the form in which it travels: texts stand for everything that Postgres casts by itself
/// (amounts never pass a float), and for lists, because `unnest` takes no ragged arrays.
pub trait Cell {
    /// The type of an element of the array.
    const SENT: &'static str;
    /// Adds the values of a column as one array.
    fn bind<'a>(column: impl Iterator<Item = &'a Self>, arguments: &mut Arguments)
    where
        Self: 'a;
    /// Empties it.
    fn erase(&mut self);
}

macro_rules! cell {
    ($type:ty, $sent:literal, $value:ident => $form:expr, $empty:expr) => {
        impl Cell for $type {
            const SENT: &'static str = $sent;
            fn bind<'a>(column: impl Iterator<Item = &'a Self>, arguments: &mut Arguments) {
                arguments.add(column.map(|$value| $form).collect::<Vec<_>>());
            }
            fn erase(&mut self) {
                *self = $empty;
            }
        }
    };
}

cell!(i64, "bigint", value => *value, 0);
cell!(Option<i64>, "bigint", value => *value, None);
cell!(Option<i32>, "integer", value => *value, None);
cell!(Option<bool>, "boolean", value => *value, None);
cell!(String, "text", value => value.as_str(), String::new());
cell!(Option<String>, "text", value => value.as_deref(), None);
cell!(Vec<String>, "text", value => array_literal(value), Vec::new());

/// An owner's number, where the row names it.
pub(super) trait OwnerId: Copy {
    /// The number.
    fn id(self) -> Option<i64>;
}

impl OwnerId for i64 {
    fn id(self) -> Option<i64> {
        Some(self)
    }
}

impl OwnerId for Option<i64> {
    fn id(self) -> Option<i64> {
        self
    }
}

/// Describes a mirrored table and makes the type of its rows:
///
/// ```text
/// row! {
///     /// One leaf.
///     pub struct Leaf: "Leaf" in "leaves" (id) of (column "Tree" tree_id id) {
///         tree_id: i64 => "bigint",
///         drawn_by: Option<String> => "text" personal,
///     }
/// }
/// ```
///
/// Owners: `(column kind column member)`; `(key kind column member)` where the owner is the first key; `(any)` where the
/// columns `owner_type` and `owner_id` name it. `and` names another owner, whose column is a key too.
///
/// Shopify may refuse to show a column that is `personal` or only `guarded`: then its known value stays. A redaction
/// empties what is `personal`.
macro_rules! row {
    (
        $(#[$doc:meta])*
        pub struct $row:ident: $kind:literal in $table:literal ($key:ident $(, $with:ident)?)
            $(of $owner:tt $(and $other:tt)?)?
        {
            $($column:ident: $type:ty => $pg:literal $($guard:ident)?,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[expect(missing_docs, reason = "columns are described in the migration")]
        pub struct $row {
            pub shop_id: i64,
            pub $key: i64,
            $(pub $with: i64,)?
            pub version: $crate::store::Version,
            $(pub $column: $type,)*
            pub raw: String,
        }

        impl $crate::store::Row for $row {
            fn table() -> &'static $crate::store::Table {
                static TABLE: $crate::store::Table = $crate::store::Table::new(
                    $table,
                    $kind,
                    &[stringify!($key) $(, stringify!($with))?],
                    $crate::store::row::owner!($($owner)?),
                    $crate::store::row::owner!($($($other)?)?),
                    &[$($crate::store::Column {
                        name: stringify!($column),
                        pg: $pg,
                        sent: <$type as $crate::store::row::Cell>::SENT,
                        guard: $crate::store::row::guard!($($guard)?),
                    },)*],
                );
                &TABLE
            }

            fn key(&self) -> $crate::store::Key {
                $crate::store::Key { shop_id: self.shop_id, id: self.$key, with: 0 $(+ self.$with)? }
            }

            fn version(&self) -> $crate::store::Version {
                self.version
            }

            fn fetched_as(&self) -> Option<(&str, i64)> {
                $crate::store::row::fetched_as!(self $kind $key $($owner)?)
            }

            fn raw(&self) -> &str {
                &self.raw
            }

            fn erase(&mut self) {
                $($crate::store::row::erase!(self.$column $(, $guard)?);)*
                self.raw.clear();
            }

            fn bind_owner(_rows: &[&Self], _arguments: &mut $crate::store::row::Arguments) {
                $crate::store::row::bind_owner!(_rows _arguments $($owner)?);
            }

            fn bind_columns(_rows: &[&Self], _arguments: &mut $crate::store::row::Arguments) {
                $(<$type as $crate::store::row::Cell>::bind(_rows.iter().map(|row| &row.$column), _arguments);)*
            }
        }
    };
}

macro_rules! owner {
    () => {
        None
    };
    ((any)) => {
        Some($crate::store::table::Owner::Any)
    };
    (($place:ident $kind:literal $column:ident $member:ident)) => {
        Some($crate::store::table::Owner::One {
            kind: $kind,
            column: stringify!($column),
            member: stringify!($member),
        })
    };
}

macro_rules! fetched_as {
    ($row:ident $kind:literal $key:ident) => {
        Some(($kind, $row.$key))
    };
    ($row:ident $kind:literal $key:ident (any)) => {
        Some(($row.owner_type.as_str(), $row.owner_id))
    };
    ($row:ident $kind:literal $key:ident ($place:ident $owner:literal $column:ident $member:ident)) => {
        $crate::store::row::OwnerId::id($row.$column).map(|id| ($owner, id))
    };
}

macro_rules! bind_owner {
    ($rows:ident $arguments:ident) => {};
    ($rows:ident $arguments:ident (key $kind:literal $column:ident $member:ident)) => {};
    ($rows:ident $arguments:ident (any)) => {
        $arguments.add($rows.iter().map(|row| row.owner_type.as_str()).collect::<Vec<_>>());
        $arguments.add($rows.iter().map(|row| row.owner_id).collect::<Vec<i64>>());
    };
    ($rows:ident $arguments:ident (column $kind:literal $column:ident $member:ident)) => {
        $arguments.add($rows.iter().map(|row| row.$column).collect::<Vec<_>>());
    };
}

macro_rules! guard {
    () => {
        None
    };
    (guarded) => {
        Some($crate::store::table::Guard::Refusable)
    };
    (personal) => {
        Some($crate::store::table::Guard::Personal)
    };
}

macro_rules! erase {
    ($row:ident.$column:ident) => {};
    ($row:ident.$column:ident, guarded) => {};
    ($row:ident.$column:ident, personal) => {
        $crate::store::row::Cell::erase(&mut $row.$column)
    };
}

pub(super) use {bind_owner, erase, fetched_as, guard, owner, row};
