//! What a mirrored table looks like, and the statements that follow from it.
//!
//! Every mirrored table has the version columns (migrations/…_products.sql says what they mean) and is written by the
//! same three statements, so these are made from the table's description instead of being written out for each. A test
//! prepares all of them on the migrated schema and compares the columns with Postgres' catalogue.

use std::sync::OnceLock;

/// A mirrored table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What its rows are called in the Admin API.
    pub kind: &'static str,
    /// The columns that tell its rows apart within a store: one, or two.
    pub keys: &'static [&'static str],
    /// Whose members its rows are.
    pub owner: Option<Owner>,
    /// Whose members they are besides, seen from the other side: a membership is of a collection and of a product.
    pub other_owner: Option<Owner>,
    /// Every other column that is written, in the order in which rows bind their values.
    pub columns: &'static [Column],
    statements: OnceLock<Statements>,
}

/// Whose members the rows of a table are. An owner that is told in full says which members it has; a row that is not
/// among them and was observed no later is gone.
#[derive(Debug, Clone, Copy)]
pub enum Owner {
    /// Always of one kind.
    One {
        /// The kind in the words of the Admin API.
        kind: &'static str,
        /// The column that names the owner.
        column: &'static str,
        /// The column that tells the members of one owner apart.
        member: &'static str,
    },
    /// Of the kind that the row's column `owner_type` names, with its number in `owner_id`.
    Any,
}

/// What [`Owner::Any`] may be.
pub(super) const KINDS_OF_ANY: [&str; 5] = ["Product", "ProductVariant", "Collection", "Customer", "Order"];

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub pg: &'static str,
    /// The type of an element of the array in which its values travel.
    pub sent: &'static str,
    /// Whether it is one that Shopify guards.
    pub guard: Option<Guard>,
}

/// What Shopify shows only to apps that may see protected customer data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// It leads to a person, but tells nothing by itself.
    Refusable,
    /// It tells of a person, so that an erasure empties it.
    Personal,
}

impl Column {
    /// Whether an erasure empties it.
    pub(super) fn is_personal(&self) -> bool {
        self.guard == Some(Guard::Personal)
    }
}

#[derive(Debug)]
pub(super) struct Statements {
    pub judge: String,
    pub compare: String,
    pub write: String,
    pub delete: String,
    pub remove_missing: String,
    pub settle: String,
    pub bury: String,
    pub bury_members: String,
    pub erase: String,
    pub erase_members: String,
    pub clear: String,
    pub live: String,
    pub missing: String,
    pub sweepable: String,
}

impl Table {
    /// Describes a table.
    pub const fn new(
        name: &'static str,
        kind: &'static str,
        keys: &'static [&'static str],
        owner: Option<Owner>,
        other_owner: Option<Owner>,
        columns: &'static [Column],
    ) -> Self {
        Self {
            name,
            kind,
            keys,
            owner,
            other_owner,
            columns,
            statements: OnceLock::new(),
        }
    }

    /// Whether Shopify may refuse to show what its rows tell of persons.
    pub fn is_personal(&self) -> bool {
        self.columns.iter().any(Column::is_personal)
    }

    /// Whose members its rows are.
    pub(super) fn owners(&self) -> impl Iterator<Item = Owner> {
        self.owner.into_iter().chain(self.other_owner)
    }

    /// Its statements, written out at the first use.
    pub(super) fn statements(&self) -> &Statements {
        self.statements.get_or_init(|| Statements {
            judge: self.judge(),
            compare: self.compare(),
            write: self.write(),
            delete: self.delete(),
            remove_missing: self.remove_missing(),
            settle: self.settle(),
            bury: self.bury(),
            bury_members: self.bury_members(),
            erase: self.erase(),
            erase_members: self.erase_members(),
            clear: self.clear(),
            live: self.live(),
            missing: self.missing(),
            sweepable: self.sweepable(),
        })
    }

    /// All statements, for a test that prepares them.
    pub fn all_statements(&self) -> Vec<&str> {
        let Statements {
            judge,
            compare,
            write,
            delete,
            remove_missing,
            settle,
            bury,
            bury_members,
            erase,
            erase_members,
            clear,
            live,
            missing,
            sweepable,
        } = self.statements();
        let all = [
            judge,
            compare,
            write,
            delete,
            remove_missing,
            settle,
            bury,
            bury_members,
            erase,
            erase_members,
            clear,
            live,
            missing,
            sweepable,
        ];
        // What makes no sense for this table is empty.
        let all = all.into_iter().map(String::as_str);
        all.filter(|statement| !statement.is_empty()).collect()
    }
}
