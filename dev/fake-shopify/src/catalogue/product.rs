//! A product and its variants, kept small: long texts and identifiers that follow from the seed are made when asked.

use std::borrow::Cow;

use super::inventory::Stock;
use super::metafield::{Of, Owner};
use super::seed::Mix;
use super::text;

/// A product.
#[derive(Clone, Debug)]
pub struct Product {
    /// The number of its gid.
    pub id: i64,
    /// What its made-up texts follow from.
    pub seed: u64,
    /// Title.
    pub title: Box<str>,
    /// Handle; it stays when the title changes, as at Shopify.
    pub handle: Box<str>,
    /// Active, draft, archived or unlisted.
    pub status: Status,
    /// Vendor.
    pub vendor: Cow<'static, str>,
    /// Product type.
    pub product_type: Cow<'static, str>,
    /// Sorted, as Shopify gives them.
    pub tags: Vec<Cow<'static, str>>,
    /// The body.
    pub description: Description,
    /// Theme template, mostly none.
    pub template_suffix: Option<Box<str>>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
    /// Seconds since 1970, none if it was never published.
    pub published_at: Option<i64>,
    /// The numbers of its pictures, by position. A number is never given twice.
    pub pictures: Vec<u8>,
    /// How many pictures it ever had.
    pub pictured: u8,
    /// How many options it has, 1 to 3.
    pub options: u8,
    /// By position.
    pub variants: Vec<Variant>,
}

/// A variant. Its position is its place in the product, counted from one.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The number of its gid.
    pub id: i64,
    /// Which combination of option values it is; unique within the product.
    pub combination: u16,
    /// Price in hundredths.
    pub price: u32,
    /// Compare-at price in hundredths.
    pub compare_at: Option<u32>,
    /// Stock-keeping unit.
    pub sku: Option<Box<str>>,
    /// Whether it has a barcode; the digits follow from the id.
    pub barcode: bool,
    /// Whether it is taxable.
    pub taxable: bool,
    /// Whether it may be sold when out of stock.
    pub oversell: bool,
    /// Its inventory item.
    pub stock: Stock,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
}

/// The body of a product.
#[derive(Clone, Debug)]
pub enum Description {
    /// Made from the seed and this revision.
    Made(u32),
    /// Written by an edit.
    Written(Box<str>),
}

/// The status of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// For sale.
    Active,
    /// Not yet.
    Draft,
    /// No longer.
    Archived,
    /// By link only.
    Unlisted,
}

impl Status {
    /// The GraphQL enum value.
    pub fn upper(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draft => "DRAFT",
            Self::Archived => "ARCHIVED",
            Self::Unlisted => "UNLISTED",
        }
    }

    /// The word in webhook bodies and search terms.
    pub fn lower(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draft => "draft",
            Self::Archived => "archived",
            Self::Unlisted => "unlisted",
        }
    }

    /// The status of a word in either case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Draft, Self::Archived, Self::Unlisted]
            .into_iter()
            .find(|status| status.lower().eq_ignore_ascii_case(word))
    }
}

/// The values an option can take; a combination is a number in the mixed base of their lengths.
const OPTIONS: [(&str, &[&str]); 3] = [
    (
        "Size",
        &["XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL", "34", "36", "38", "40"],
    ),
    (
        "Color",
        &[
            "Black",
            "Écru",
            "Navy",
            "Olive",
            "Rust",
            "Sand",
            "Sky & Sea",
            "Grün",
            "Plum",
            "Red",
            "Grey",
            "White",
        ],
    ),
    (
        "Material",
        &[
            "Cotton", "Linen", "Wool", "Silk", "Hemp", "Denim", "Jersey", "Fleece", "Canvas", "Velvet", "Cashmere",
            "Nylon", "Tencel", "Modal", "Leather",
        ],
    ),
];

impl Product {
    /// The body as HTML.
    pub fn description_html(&self) -> Cow<'_, str> {
        match &self.description {
            Description::Made(revision) => Cow::Owned(text::description(self.seed, *revision, &self.title)),
            Description::Written(html) => Cow::Borrowed(html),
        }
    }

    /// What its metafields follow from.
    pub fn of(&self) -> Of {
        Of {
            owner: Owner::Product,
            id: self.id,
            seed: self.seed,
            created_at: self.created_at,
        }
    }

    /// The sum of the variants' stock.
    pub fn total_inventory(&self) -> i64 {
        self.variants.iter().map(|variant| i64::from(variant.quantity())).sum()
    }

    /// The names of its options and the values its variants use, in order of first use.
    pub fn option_values(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        (0..usize::from(self.options))
            .map(|option| {
                let mut values = Vec::new();
                for variant in &self.variants {
                    let value = self.option_value(variant, option);
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                (OPTIONS[option].0, values)
            })
            .collect()
    }

    /// The name of an option, counted from zero.
    pub fn option_name(&self, option: usize) -> &'static str {
        OPTIONS[option].0
    }

    /// A variant's value of an option, counted from zero.
    pub fn option_value(&self, variant: &Variant, option: usize) -> &'static str {
        let mut rest = usize::from(variant.combination);
        for (_, values) in &OPTIONS[..option] {
            rest /= values.len();
        }
        let values = OPTIONS[option].1;
        values[rest % values.len()]
    }

    /// How many combinations its options allow.
    pub fn capacity(&self) -> usize {
        OPTIONS[..usize::from(self.options)]
            .iter()
            .map(|(_, values)| values.len())
            .product()
    }

    /// A variant's title: its option values.
    pub fn variant_title(&self, variant: &Variant) -> String {
        let mut title = String::new();
        for option in 0..usize::from(self.options) {
            if option > 0 {
                title.push_str(" / ");
            }
            title.push_str(self.option_value(variant, option));
        }
        title
    }

    /// The picture a variant shows: some show the first of the product.
    pub fn picture_of(&self, variant: &Variant) -> Option<u8> {
        self.pictures.first().copied().filter(|_| variant.combination % 3 == 1)
    }

    /// The variants that show this picture.
    pub fn shown_by(&self, picture: u8) -> Vec<i64> {
        let variants = self.variants.iter();
        let show = variants.filter(|variant| self.picture_of(variant) == Some(picture));
        show.map(|variant| variant.id).collect()
    }
}

impl Variant {
    /// What its metafields follow from.
    pub fn of(&self) -> Of {
        Of {
            owner: Owner::ProductVariant,
            id: self.id,
            seed: Mix::new(self.id as u64).next(),
            created_at: self.created_at,
        }
    }

    /// Its barcode, thirteen digits.
    pub fn barcode(&self) -> Option<String> {
        self.barcode
            .then(|| format!("{:013}", self.id.rem_euclid(10_000_000_000_000)))
    }
}
