//! Addresses: of customers, of orders, of locations. One form in the graph, one in REST.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::Catalogue;
use super::seed::Mix;
use super::text;
use crate::graphql::value::{Args, FieldError, Object, Resolved, Value};

/// An address. A place without a person has no names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// First name.
    pub first_name: Option<Box<str>>,
    /// Last name.
    pub last_name: Option<Box<str>>,
    /// Company.
    pub company: Option<Box<str>>,
    /// Street and number.
    pub address1: Box<str>,
    /// Flat, floor.
    pub address2: Option<Box<str>>,
    /// Which of the known towns.
    pub town: u8,
    /// A town that is none of the known ones, in the country of `town`.
    pub city: Option<Box<str>>,
    /// Postal code.
    pub zip: Box<str>,
    /// Telephone.
    pub phone: Option<Box<str>>,
}

/// A town: city, province, its code, country, its code, postal code.
type Town = [&'static str; 6];

const TOWNS: [Town; 8] = [
    ["Ottawa", "Ontario", "ON", "Canada", "CA", "K2P 2L8"],
    ["Louisville", "Kentucky", "KY", "United States", "US", "40202"],
    ["Québec", "Quebec", "QC", "Canada", "CA", "G1R 4P5"],
    ["New York", "New York", "NY", "United States", "US", "10013"],
    ["München", "", "", "Germany", "DE", "80331"],
    ["Łódź", "", "", "Poland", "PL", "90-001"],
    ["São Paulo", "São Paulo", "SP", "Brazil", "BR", "01310-100"],
    ["Cork", "Cork", "CO", "Ireland", "IE", "T12 W8KP"],
];

/// New values for the fields of an address that are given.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressFields {
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Street and number.
    pub address1: Option<String>,
    /// City; province and country stay.
    pub city: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
}

impl Address {
    /// An address without a person.
    pub fn made(mix: &mut Mix) -> Self {
        let town = mix.below(TOWNS.len() as u64) as u8;
        Self {
            address1: format!("{} {}", 1 + mix.below(400), mix.pick(&text::STREETS)).into(),
            address2: mix.chance(0.2).then(|| format!("Apt #{}", 1 + mix.below(90)).into()),
            town,
            zip: TOWNS[usize::from(town)][5].into(),
            phone: mix
                .chance(0.7)
                .then(|| format!("+1613555{:04}", mix.below(10_000)).into()),
            ..Self::default()
        }
    }

    /// Takes the fields that are given; whether any was.
    pub fn change(&mut self, fields: &AddressFields) -> bool {
        let text = |text: &String| Some(text.as_str().into());
        let before = self.clone();
        self.first_name = fields.first_name.as_ref().map_or(self.first_name.take(), text);
        self.last_name = fields.last_name.as_ref().map_or(self.last_name.take(), text);
        self.company = fields.company.as_ref().map_or(self.company.take(), text);
        self.city = fields.city.as_ref().map_or(self.city.take(), text);
        self.phone = fields.phone.as_ref().map_or(self.phone.take(), text);
        if let Some(address1) = &fields.address1 {
            self.address1 = address1.as_str().into();
        }
        if let Some(zip) = &fields.zip {
            self.zip = zip.as_str().into();
        }
        *self != before
    }

    /// City.
    pub fn city(&self) -> &str {
        self.city.as_deref().unwrap_or(self.town()[0])
    }

    /// Province, where there are any.
    pub fn province(&self) -> Option<&'static str> {
        Some(self.town()[1]).filter(|province| !province.is_empty())
    }

    /// Its code.
    pub fn province_code(&self) -> Option<&'static str> {
        Some(self.town()[2]).filter(|code| !code.is_empty())
    }

    /// Country.
    pub fn country(&self) -> &'static str {
        self.town()[3]
    }

    /// Its two letters.
    pub fn country_code(&self) -> &'static str {
        self.town()[4]
    }

    /// First and last name.
    pub fn name(&self) -> Option<String> {
        full_name(self.first_name.as_deref(), self.last_name.as_deref())
    }

    fn town(&self) -> &'static Town {
        &TOWNS[usize::from(self.town) % TOWNS.len()]
    }
}

impl Catalogue {
    /// The form inside an order.
    pub(super) fn address_body(&self, address: &Address) -> Json {
        json!({
            "first_name": self.open("MailingAddress.firstName", &address.first_name),
            "address1": self.open("MailingAddress.address1", &address.address1),
            "phone": self.open("MailingAddress.phone", &address.phone),
            "city": self.open("MailingAddress.city", address.city()),
            "zip": self.open("MailingAddress.zip", &address.zip),
            "province": address.province(),
            "country": address.country(),
            "last_name": self.open("MailingAddress.lastName", &address.last_name),
            "address2": self.open("MailingAddress.address2", &address.address2),
            "company": self.open("MailingAddress.company", &address.company),
            "latitude": null,
            "longitude": null,
            "name": self.open("MailingAddress.name", address.name()),
            "country_code": address.country_code(),
            "province_code": address.province_code(),
        })
    }
}

/// Both names, or the one there is.
pub fn full_name(first: Option<&str>, last: Option<&str>) -> Option<String> {
    match (first, last) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
        (None, None) => None,
    }
}

/// `MailingAddress` in the graph.
pub struct AddressNode<'c> {
    /// The number of its gid, and whose address it is: the gid carries both.
    pub id: (i64, &'static str),
    /// The address.
    pub address: &'c Address,
}

/// The gid of an address; it says whose it is.
pub fn gid(id: i64, model: &str) -> String {
    format!("gid://shopify/MailingAddress/{id}?model_name={model}")
}

impl Object for AddressNode<'_> {
    fn type_name(&self) -> &'static str {
        "MailingAddress"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let address = self.address;
        Ok(match name {
            "id" => Value::Text(gid(self.id.0, self.id.1)),
            "firstName" => Value::opt_str(address.first_name.as_deref()),
            "lastName" => Value::opt_str(address.last_name.as_deref()),
            "name" => address.name().map_or(Value::Null, Value::Text),
            "company" => Value::opt_str(address.company.as_deref()),
            "address1" => Value::Str(&address.address1),
            "address2" => Value::opt_str(address.address2.as_deref()),
            "city" => Value::Str(address.city()),
            "province" => Value::opt_str(address.province()),
            "provinceCode" => Value::opt_str(address.province_code()),
            "country" => Value::Str(address.country()),
            "countryCode" | "countryCodeV2" => Value::Str(address.country_code()),
            "zip" => Value::Str(&address.zip),
            "phone" => Value::opt_str(address.phone.as_deref()),
            "latitude" | "longitude" => Value::Null,
            _ => return Err(FieldError::unresolved("MailingAddress", name)),
        })
    }
}
