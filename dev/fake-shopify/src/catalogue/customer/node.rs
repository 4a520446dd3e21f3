//! `Customer` in the graph.

use super::{ADDRESS_MODEL, Consent, Customer};
use crate::catalogue::address::{self, AddressNode};
use crate::catalogue::facts::CURRENCY;
use crate::catalogue::metafield::{Of, Owner};
use crate::catalogue::search::{self, Filter, Term, Warning};
use crate::catalogue::seed::Mix;
use crate::catalogue::{Catalogue, by_id, counted_list, order};
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Fields, Leaf, Object, Place, Resolved, Value};

/// A customer.
#[derive(Clone, Copy)]
pub struct CustomerNode<'c> {
    /// Its shop.
    pub catalogue: &'c Catalogue,
    /// The customer.
    pub customer: &'c Customer,
}

impl Customer {
    /// What its metafields follow from.
    pub fn of(&self) -> Of {
        Of {
            owner: Owner::Customer,
            id: self.id,
            seed: Mix::new(self.id as u64).next(),
            created_at: self.created_at,
        }
    }
}

impl Object for CustomerNode<'_> {
    fn type_name(&self) -> &'static str {
        "Customer"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let (catalogue, customer) = (self.catalogue, self.customer);
        let text = Value::opt_str;
        Ok(match name {
            "id" => Value::Gid("Customer", customer.id),
            "legacyResourceId" => Value::Digits(customer.id),
            "firstName" => text(customer.first_name.as_deref()),
            "lastName" => text(customer.last_name.as_deref()),
            "displayName" => Value::Text(customer.display_name()),
            "email" => text(customer.email.as_deref()),
            "phone" => text(customer.phone.as_deref()),
            "locale" => Value::Str(customer.locale),
            "note" => text(customer.note.as_deref()),
            "state" => Value::Text(customer.state.to_uppercase()),
            "tags" => Value::List(customer.tags.iter().map(|tag| Value::Str(tag)).collect()),
            "taxExempt" => Value::Bool(customer.tax_exempt),
            "taxExemptions" => Value::List(customer.tax_exemptions.iter().map(|one| Value::Str(one)).collect()),
            "verifiedEmail" => Value::Bool(customer.verified_email),
            "dataSaleOptOut" => Value::Bool(false),
            "multipassIdentifier" => Value::Null,
            "numberOfOrders" => Value::Digits(catalogue.summary(customer.id).orders as i64),
            "amountSpent" => catalogue.money(catalogue.summary(customer.id).spent, CURRENCY),
            "lastOrder" => Value::nullable(order::find(catalogue, catalogue.summary(customer.id).last)),
            "createdAt" => Value::Time(customer.created_at),
            "updatedAt" => Value::Time(customer.updated_at),
            "defaultEmailAddress" => email(customer),
            "defaultPhoneNumber" => phone(customer),
            "defaultAddress" => Value::nullable(customer.default_address().map(|(id, address)| node(id, address))),
            "addressesV2" => return addresses(customer, args),
            "addresses" => {
                let limit = args.int("first").and_then(|first| usize::try_from(first).ok());
                let shown = customer.addresses.iter().take(limit.unwrap_or(usize::MAX));
                Value::List(shown.map(|(id, address)| Value::object(node(*id, address))).collect())
            }
            "orders" => return order::of_customer(catalogue, customer.id, args),
            "metafields" => return catalogue.metafields(customer.of(), args),
            "metafield" => catalogue.metafield(customer.of(), args),
            _ => return Err(FieldError::unresolved("Customer", name)),
        })
    }
}

fn node(id: i64, address: &address::Address) -> AddressNode<'_> {
    AddressNode {
        id: (id, ADDRESS_MODEL),
        address,
    }
}

/// The address of this number.
pub fn address_node(catalogue: &Catalogue, id: i64) -> Option<AddressNode<'_>> {
    let mut customers = catalogue.customers.values();
    customers
        .find_map(|customer| customer.address(id))
        .map(|address| node(id, address))
}

fn addresses<'c>(customer: &'c Customer, args: &Args) -> Resolved<'c> {
    let keys = customer
        .addresses
        .iter()
        .map(|one| {
            let id = one.0;
            (Place { value: id, id }, one)
        })
        .collect();
    Connection::page("MailingAddress", args, page::PAGE, keys, |(id, address)| {
        Box::new(node(*id, address))
    })
}

fn email(customer: &Customer) -> Value<'_> {
    let Some(email) = &customer.email else {
        return Value::Null;
    };
    let consent = &customer.email_consent;
    Fields::value(
        "CustomerEmailAddress",
        vec![
            ("emailAddress", Leaf::Str(email)),
            ("validFormat", Leaf::Bool(true)),
            ("marketingState", Leaf::Text(consent.state().to_uppercase())),
            ("marketingOptInLevel", level(consent)),
            ("marketingUpdatedAt", consent.updated_at.map_or(Leaf::Null, Leaf::Time)),
            ("openTrackingLevel", Leaf::Str("UNKNOWN")),
        ],
    )
}

fn phone(customer: &Customer) -> Value<'_> {
    let Some(phone) = &customer.phone else {
        return Value::Null;
    };
    let consent = &customer.sms_consent;
    // The consents of 2026-10 call by another name who was never asked.
    let state = match consent.state() {
        "not_subscribed" => "NEVER_SUBSCRIBED".to_owned(),
        other => other.to_uppercase(),
    };
    let updated_at = || consent.updated_at.map_or(Leaf::Null, Leaf::Time);
    let agreed = Fields::leaf(
        "CustomerSmsMarketingConsent",
        vec![
            ("state", Leaf::Text(state)),
            ("optInLevel", level(consent)),
            ("updatedAt", updated_at()),
            ("collectedFrom", Leaf::Str("OTHER")),
        ],
    );
    Fields::value(
        "CustomerPhoneNumber",
        vec![
            ("phoneNumber", Leaf::Str(phone)),
            ("smsMarketingConsent", agreed),
            ("marketingState", Leaf::Text(consent.state().to_uppercase())),
            ("marketingOptInLevel", level(consent)),
            ("marketingUpdatedAt", updated_at()),
            ("marketingCollectedFrom", Leaf::Str("OTHER")),
        ],
    )
}

fn level(consent: &Consent) -> Leaf<'static> {
    consent
        .level
        .map_or(Leaf::Null, |level| Leaf::Text(level.to_uppercase()))
}

/// A field of `QueryRoot` about customers.
pub fn root_field<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Option<Resolved<'c>> {
    Some(match name {
        "customer" => by_id(args, "Customer").map(|id| {
            let customer = id.and_then(|id| catalogue.customers.get(&id));
            Value::nullable(customer.map(|customer| CustomerNode { catalogue, customer }))
        }),
        "customers" => customers(catalogue, args, warnings),
        "customersCount" => filter(args, "customersCount", warnings).and_then(|filter| {
            counted_list(catalogue.customers.values(), args, |customer| {
                filter.accepts(|field, term| matches(customer, field, term))
            })
        }),
        _ => return None,
    })
}

fn filter(args: &Args, path: &str, warnings: &mut Vec<Warning>) -> Result<Filter, FieldError> {
    search::parse(
        args.text("query").unwrap_or_default(),
        search::CUSTOMERS,
        path,
        warnings,
    )
}

fn customers<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let filter = filter(args, "customers", warnings)?;
    let value: fn(&Customer) -> i64 = match args.text("sortKey").unwrap_or("ID") {
        "ID" => |customer| customer.id,
        "UPDATED_AT" => |customer| customer.updated_at,
        "CREATED_AT" => |customer| customer.created_at,
        other => {
            let message = format!("fake-shopify does not sort customers by {other}");
            return Err(FieldError::bad_request(message));
        }
    };
    let keys = catalogue
        .customers
        .values()
        .filter(|customer| filter.accepts(|field, term| matches(customer, field, term)))
        .map(|customer| {
            let place = Place {
                value: value(customer),
                id: customer.id,
            };
            (place, customer)
        })
        .collect();
    Connection::page("Customer", args, page::PAGE, keys, |customer| {
        Box::new(CustomerNode { catalogue, customer })
    })
}

/// Customers are found by whole days.
fn matches(customer: &Customer, field: &str, term: &Term) -> bool {
    match field {
        "id" => term.number(customer.id),
        "created_at" | "customer_date" => term.day(customer.created_at),
        "updated_at" => term.day(customer.updated_at),
        "email" => customer.email.as_deref().is_some_and(|email| term.text(email)),
        "phone" => customer.phone.as_deref().is_some_and(|phone| term.text(phone)),
        "first_name" => customer.first_name.as_deref().is_some_and(|name| term.text(name)),
        "last_name" => customer.last_name.as_deref().is_some_and(|name| term.text(name)),
        "tag" => customer.tags.iter().any(|tag| term.text(tag)),
        "state" => term.text(customer.state),
        _ => false,
    }
}
