//! Changes of customers and their addresses.

use serde::{Deserialize, Serialize};

use super::seed::made;
use super::{Customer, wire};
use crate::catalogue::Catalogue;
use crate::catalogue::address::{Address, AddressFields};
use crate::catalogue::edit::Act;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::Mix;

/// What a new customer is made of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewCustomer {
    /// What its texts follow from.
    pub seed: u64,
    /// First name instead of a made-up one.
    pub first_name: Option<String>,
    /// Mail address instead of a made-up one.
    pub email: Option<String>,
    /// How many addresses; none to three if not given.
    pub addresses: Option<usize>,
}

/// New values for a customer; a bare number means its id and nothing else.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerFields {
    /// Which.
    pub id: i64,
    /// First name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Telephone.
    #[serde(default)]
    pub phone: Option<String>,
    /// Note.
    #[serde(default)]
    pub note: Option<String>,
    /// Whether no tax is taken.
    #[serde(default)]
    pub tax_exempt: Option<bool>,
}

/// An address of a customer.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressEdit {
    /// Whose.
    pub customer: i64,
    /// Which; a new one if not given.
    pub address: Option<i64>,
    /// Its values.
    pub fields: AddressFields,
    /// Whether it becomes the default.
    pub default: bool,
    /// Whether it goes.
    pub remove: bool,
}

/// Two customers who are one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The one who stays.
    pub keep: i64,
    /// The one who goes.
    pub remove: i64,
}

impl From<i64> for CustomerFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Catalogue {
    pub(in crate::catalogue) fn create_customer(&mut self, new: &NewCustomer, act: &mut Act) -> Result<i64, String> {
        let mut customer = made(self, Mix::new(new.seed).next());
        let now = act.now();
        (customer.created_at, customer.updated_at) = (now, now);
        for consent in [&mut customer.email_consent, &mut customer.sms_consent] {
            consent.updated_at = consent.updated_at.map(|_| now);
        }
        if let Some(name) = &new.first_name {
            customer.first_name = Some(name.as_str().into());
        }
        if let Some(email) = &new.email {
            customer.email = Some(email.as_str().into());
        }
        if let Some(wanted) = new.addresses {
            while customer.addresses.len() < wanted {
                let id = self.ids.fresh(Kind::Address);
                customer.addresses.push((id, Address::made(&mut Mix::new(id as u64))));
            }
            customer.addresses.truncate(wanted);
            customer.default_address = customer.addresses.first().map(|(id, _)| *id);
        }
        let id = customer.id;
        self.customers.insert(id, customer);
        self.tell_customer("customers/create", id, act)
    }

    pub(in crate::catalogue) fn update_customer(
        &mut self,
        fields: &CustomerFields,
        act: &mut Act,
    ) -> Result<i64, String> {
        let customer = self.customer_mut(fields.id)?;
        let given = [
            (&mut customer.first_name, &fields.first_name),
            (&mut customer.last_name, &fields.last_name),
            (&mut customer.email, &fields.email),
            (&mut customer.phone, &fields.phone),
            (&mut customer.note, &fields.note),
        ];
        let mut changed = fields.tax_exempt.is_some();
        for (column, value) in given {
            if let Some(value) = value {
                *column = Some(value.as_str().into());
                changed = true;
            }
        }
        customer.tax_exempt = fields.tax_exempt.unwrap_or(customer.tax_exempt);
        if !changed {
            let calls = customer
                .note
                .as_deref()
                .and_then(|note| note.strip_prefix("Call №")?.parse().ok());
            let calls: u32 = calls.unwrap_or(0);
            customer.note = Some(format!("Call №{}", calls + 1).into());
        }
        customer.updated_at = customer.updated_at.max(act.now());
        self.tell_customer("customers/update", fields.id, act)
    }

    /// One who ordered something cannot be deleted.
    pub(in crate::catalogue) fn delete_customer(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        if self.summary(id).orders > 0 {
            return Err(format!("customer {id} has orders"));
        }
        let gone = self.customers.remove(&id).ok_or_else(|| format!("no customer {id}"))?;
        act.tell("customers/delete", id, &wire::deleted(&gone));
        Ok(id)
    }

    /// Opens the account or closes it.
    pub(in crate::catalogue) fn set_account(&mut self, id: i64, open: bool, act: &mut Act) -> Result<i64, String> {
        let customer = self.customer_mut(id)?;
        customer.state = if open { "enabled" } else { "disabled" };
        customer.updated_at = customer.updated_at.max(act.now());
        let topic = if open { "customers/enable" } else { "customers/disable" };
        self.tell_customer(topic, id, act)?;
        self.tell_customer("customers/update", id, act)
    }

    pub(in crate::catalogue) fn edit_address(&mut self, edit: &AddressEdit, act: &mut Act) -> Result<i64, String> {
        let new = match edit.address {
            None if !edit.remove => {
                self.customer_mut(edit.customer)?;
                Some(self.ids.fresh(Kind::Address))
            }
            _ => None,
        };
        let customer = self.customer_mut(edit.customer)?;
        let id = new.or(edit.address).ok_or("an address to remove must be named")?;
        if new.is_some() {
            let mut address = Address::made(&mut Mix::new(id as u64));
            (address.first_name, address.last_name) = (customer.first_name.clone(), customer.last_name.clone());
            customer.addresses.push((id, address));
        }
        let known = customer.addresses.iter().position(|(known, _)| *known == id);
        let at = known.ok_or_else(|| format!("customer {} has no address {id}", edit.customer))?;
        if edit.remove {
            customer.addresses.remove(at);
        } else {
            customer.addresses[at].1.change(&edit.fields);
        }
        let default_gone = edit.remove && customer.default_address == Some(id);
        if default_gone || customer.default_address.is_none() {
            customer.default_address = customer.addresses.first().map(|(id, _)| *id);
        } else if edit.default && !edit.remove {
            customer.default_address = Some(id);
        }
        customer.updated_at = customer.updated_at.max(act.now());
        self.tell_customer("customers/update", edit.customer, act)
    }

    /// The one who stays gets the orders, addresses and tags of the other. Told are the merge, the deletion of one and
    /// the update of the other, each by itself, then each order that changed hands, but for those that are too old for
    /// the app. What Shopify does with these is not known.
    pub(in crate::catalogue) fn merge_customers(&mut self, merge: &Merge, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        if merge.keep == merge.remove {
            return Err("a customer cannot be merged with itself".to_owned());
        }
        self.customer_mut(merge.keep)?;
        let gone = self
            .customers
            .remove(&merge.remove)
            .ok_or_else(|| format!("no customer {}", merge.remove))?;
        let kept = self.customer_mut(merge.keep)?;
        kept.addresses.extend(gone.addresses.iter().cloned());
        kept.default_address = kept.default_address.or(gone.default_address);
        let mut added: Vec<String> = Vec::new();
        for tag in &gone.tags {
            if !kept.tags.contains(tag) {
                added.push(tag.to_string());
                kept.tags.push(tag.clone());
            }
        }
        kept.tags.sort_unstable();
        kept.updated_at = kept.updated_at.max(now);
        let moved = self.move_orders(merge.remove, merge.keep, now);
        act.tell("customers/merge", merge.keep, &wire::merged(merge.keep, merge.remove));
        act.tell("customers/delete", merge.remove, &wire::deleted(&gone));
        self.tell_customer("customers/update", merge.keep, act)?;
        if !added.is_empty() {
            act.tell(
                "customer.tags_added",
                merge.keep,
                &wire::tags(merge.keep, &added, act.at),
            );
        }
        for order in &moved {
            if self.sees(&self.orders[order]) {
                self.tell_order("orders/updated", *order, act);
            }
        }
        if !moved.is_empty() {
            self.tell_summary(Some(merge.keep), act);
        }
        Ok(merge.keep)
    }

    /// Moves a customer's clock and tells of it as it is now.
    pub(in crate::catalogue) fn touch_customer(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let customer = self.customer_mut(id)?;
        customer.updated_at = customer.updated_at.max(act.now());
        self.tell_customer("customers/update", id, act)
    }

    /// Tells of a customer as it is now.
    pub(in crate::catalogue) fn tell_customer(
        &self,
        topic: &'static str,
        id: i64,
        act: &mut Act,
    ) -> Result<i64, String> {
        if let Some(customer) = self.customers.get(&id) {
            act.tell(topic, id, &self.customer_body(customer));
        }
        Ok(id)
    }

    /// Tells what a customer bought so far.
    pub(in crate::catalogue) fn tell_summary(&self, customer: Option<i64>, act: &mut Act) {
        if let Some(id) = customer.filter(|id| self.customers.contains_key(id)) {
            act.tell("customers/purchasing_summary", id, &self.summary_body(id, act.at));
        }
    }

    pub(in crate::catalogue) fn customer_mut(&mut self, id: i64) -> Result<&mut Customer, String> {
        self.customers.get_mut(&id).ok_or_else(|| format!("no customer {id}"))
    }
}
