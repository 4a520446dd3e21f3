//! Every mirrored table. A new one is a row type in one of these files and a line below; the compiler asks for the rest.

mod collections;
mod customers;
mod inventory;
mod metafields;
mod orders;
mod products;

pub use collections::{Collection, CollectionProduct};
pub use customers::{Customer, CustomerAddress, CustomerPurchases, CustomerTags, EmailConsent, SmsConsent};
pub use inventory::{InventoryItem, InventoryLevel, Location};
pub use metafields::Metafield;
pub use orders::{Fulfillment, Order, OrderLineItem, OrderTransaction, Refund, RefundLineItem};
pub use products::{Product, ProductMedia, ProductOption, ProductVariant};

use super::batch::Work;
use super::{Error, Key, Row, Table};

macro_rules! tables {
    ($($row:ident in $pile:ident,)*) => {
        /// A row of some mirrored table.
        #[derive(Debug, Clone)]
        #[expect(missing_docs, reason = "the row types have docs")]
        pub enum AnyRow {
            $($row(Box<$row>),)*
        }

        impl AnyRow {
            /// The body as it came.
            pub fn raw(&self) -> &str {
                match self {
                    $(Self::$row(row) => row.raw(),)*
                }
            }

            /// Its table and its key.
            pub fn place(&self) -> (&'static Table, Key) {
                match self {
                    $(Self::$row(row) => ($row::table(), row.key()),)*
                }
            }

            /// Forgets what identifies a person.
            pub fn erase(&mut self) {
                match self {
                    $(Self::$row(row) => row.erase(),)*
                }
            }
        }

        $(impl From<$row> for AnyRow {
            fn from(row: $row) -> Self {
                Self::$row(Box::new(row))
            }
        })*

        /// Rows by table.
        #[derive(Debug, Default)]
        pub(super) struct Piles<'r> {
            $($pile: Vec<&'r $row>,)*
        }

        impl<'r> Piles<'r> {
            /// Adds a row.
            pub(super) fn add(&mut self, row: &'r AnyRow) {
                match row {
                    $(AnyRow::$row(row) => self.$pile.push(row),)*
                }
            }

            /// Writes all, table by table.
            pub(super) async fn write(self, work: &mut Work<'_>) -> Result<(), Error> {
                $(work.write(self.$pile).await?;)*
                Ok(())
            }
        }

        /// Every mirrored table, owners before their members.
        pub fn tables() -> Vec<&'static Table> {
            vec![$($row::table(),)*]
        }
    };
}

tables! {
    Product in products,
    ProductOption in product_options,
    ProductMedia in product_media,
    ProductVariant in product_variants,
    Collection in collections,
    CollectionProduct in collection_products,
    Location in locations,
    InventoryItem in inventory_items,
    InventoryLevel in inventory_levels,
    Customer in customers,
    CustomerTags in customer_tags,
    CustomerPurchases in customer_purchases,
    EmailConsent in customer_email_consents,
    SmsConsent in customer_sms_consents,
    CustomerAddress in customer_addresses,
    Order in orders,
    OrderLineItem in order_line_items,
    OrderTransaction in order_transactions,
    Refund in refunds,
    RefundLineItem in refund_line_items,
    Fulfillment in fulfillments,
    Metafield in metafields,
}
