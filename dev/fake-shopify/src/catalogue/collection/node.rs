//! `Collection` in the graph, with its sources.

use super::{Collection, Column, Members, Rule};
use crate::catalogue::metafield::{Of, Owner};
use crate::catalogue::product::Product;
use crate::catalogue::product_node::ProductNode;
use crate::catalogue::search::{self, Filter, Warning};
use crate::catalogue::seed::Mix;
use crate::catalogue::{Catalogue, by_id, count, counted, counted_list};
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Fields, Leaf, Object, Place, Resolved, Value, gid_number};

/// A collection.
#[derive(Clone, Copy)]
pub struct CollectionNode<'c> {
    /// Its shop.
    pub catalogue: &'c Catalogue,
    /// The collection.
    pub collection: &'c Collection,
}

impl Collection {
    /// What its metafields follow from. It does not say when it was made, so they are as old as its first publication.
    pub fn of(&self) -> Of {
        Of {
            owner: Owner::Collection,
            id: self.id,
            seed: Mix::new(self.id as u64).next(),
            created_at: self.published_at,
        }
    }
}

impl<'c> CollectionNode<'c> {
    fn products(self, args: &Args) -> Resolved<'c> {
        let catalogue = self.catalogue;
        let value: fn(&Product) -> i64 = match args.text("sortKey").unwrap_or("COLLECTION_DEFAULT") {
            "COLLECTION_DEFAULT" | "ID" | "MANUAL" => |product| product.id,
            "CREATED" => |product| product.created_at,
            other => {
                let message = format!("fake-shopify does not sort the products of a collection by {other}");
                return Err(FieldError::bad_request(message));
            }
        };
        let place = |product: &'c Product| {
            let place = Place {
                value: value(product),
                id: product.id,
            };
            (place, product)
        };
        let keys = catalogue.members(self.collection).map(place).collect();
        Connection::page("Product", args, page::PAGE, keys, move |product| {
            Box::new(ProductNode { catalogue, product })
        })
    }

    fn image(self) -> Value<'c> {
        if !self.collection.pictured {
            return Value::Null;
        }
        let url = format!(
            "https://cdn.shopify.com/s/files/1/collections/{}.jpg?v=1",
            self.collection.handle
        );
        Fields::value(
            "Image",
            vec![
                ("url", Leaf::Text(url)),
                ("altText", Leaf::Str(&self.collection.title)),
                ("width", Leaf::Int(1_600)),
                ("height", Leaf::Int(900)),
            ],
        )
    }

    fn rule_set(self) -> Value<'c> {
        let Members::Rules { any, rules } = &self.collection.members else {
            return Value::Null;
        };
        Value::object(RuleSet { any: *any, rules })
    }
}

impl Object for CollectionNode<'_> {
    fn type_name(&self) -> &'static str {
        "Collection"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let (catalogue, collection) = (self.catalogue, self.collection);
        Ok(match name {
            "id" => Value::Gid("Collection", collection.id),
            "legacyResourceId" => Value::Digits(collection.id),
            "title" => Value::Str(&collection.title),
            "handle" => Value::Str(&collection.handle),
            "descriptionHtml" => Value::Str(&collection.description),
            "sortOrder" => Value::Text(collection.sort_order.to_uppercase().replace('-', "_")),
            "templateSuffix" => Value::opt_str(collection.template_suffix),
            "updatedAt" => Value::Time(collection.updated_at),
            "seo" => Fields::value(
                "SEO",
                vec![("title", Leaf::Str(&collection.title)), ("description", Leaf::Null)],
            ),
            "image" => self.image(),
            "productsCount" => counted(catalogue.members(collection).count(), None),
            "hasProduct" => {
                let product = gid_number(args.text("id").unwrap_or_default(), "Product");
                let product = product.and_then(|id| catalogue.products.get(&id));
                Value::Bool(product.is_some_and(|product| collection.has(product)))
            }
            "sources" => Value::List(vec![Value::object(SourceNode(collection))]),
            "ruleSet" => self.rule_set(),
            "products" => return self.products(args),
            "metafields" => return catalogue.metafields(collection.of(), args),
            "metafield" => catalogue.metafield(collection.of(), args),
            _ => return Err(FieldError::unresolved("Collection", name)),
        })
    }
}

/// The one source a collection has here: its rules, or what was picked for it.
struct SourceNode<'c>(&'c Collection);

impl Object for SourceNode<'_> {
    fn type_name(&self) -> &'static str {
        "CollectionConditionsSource"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        Ok(match name {
            "id" => Value::Gid("CollectionConditionsSource", self.0.source),
            "title" => Value::Str(&self.0.title),
            "description" | "exclusion" | "app" => Value::Null,
            "targetType" => Value::Str("PRODUCTS"),
            "shareable" => Value::Bool(false),
            "inclusion" => Value::object(Inclusion(self.0)),
            _ => return Err(FieldError::unresolved("CollectionConditionsSource", name)),
        })
    }
}

struct Inclusion<'c>(&'c Collection);

impl Object for Inclusion<'_> {
    fn type_name(&self) -> &'static str {
        "CollectionSourceInclusion"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let (any, rules) = match &self.0.members {
            Members::Picked(_) => (false, &[][..]),
            Members::Rules { any, rules } => (*any, rules.as_slice()),
        };
        Ok(match name {
            "matchType" if rules.is_empty() => Value::Null,
            "matchType" => Value::Str(if any { "ANY" } else { "ALL" }),
            "conditions" => Value::List(rules.iter().map(condition).collect()),
            _ => return Err(FieldError::unresolved("CollectionSourceInclusion", name)),
        })
    }
}

fn condition((id, rule): &(i64, Rule)) -> Value<'_> {
    let (kind, relation) = match rule.column {
        Column::Tag => ("CollectionSourceInclusionConditionProductTag", "TAGGED_WITH"),
        Column::Type => ("CollectionSourceInclusionConditionProductType", "EQUALS"),
    };
    Fields::value(
        kind,
        vec![
            ("id", Leaf::Gid(kind, *id)),
            ("matchType", Leaf::Str("ANY")),
            ("relation", Leaf::Str(relation)),
            ("values", Leaf::Texts(vec![rule.value.clone()])),
        ],
    )
}

struct RuleSet<'c> {
    any: bool,
    rules: &'c [(i64, Rule)],
}

impl Object for RuleSet<'_> {
    fn type_name(&self) -> &'static str {
        "CollectionRuleSet"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let rule = |(_, rule): &'s (i64, Rule)| {
            Fields::value(
                "CollectionRule",
                vec![
                    ("column", Leaf::Text(rule.column().to_uppercase())),
                    ("relation", Leaf::Str("EQUALS")),
                    ("condition", Leaf::Str(&rule.value)),
                ],
            )
        };
        Ok(match name {
            "appliedDisjunctively" => Value::Bool(self.any),
            "rules" => Value::List(self.rules.iter().map(rule).collect()),
            _ => return Err(FieldError::unresolved("CollectionRuleSet", name)),
        })
    }
}

/// The collections a product is in.
pub fn of_product<'c>(catalogue: &'c Catalogue, product: &'c Product, args: &Args) -> Resolved<'c> {
    let within = catalogue
        .collections
        .values()
        .filter(|collection| collection.has(product));
    page(catalogue, args, |collection| collection.id, within)
}

/// A field of `QueryRoot` about collections.
pub fn root_field<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Option<Resolved<'c>> {
    Some(match name {
        "collection" => by_id(args, "Collection").map(|id| {
            let collection = id.and_then(|id| catalogue.collections.get(&id));
            Value::nullable(collection.map(|collection| CollectionNode { catalogue, collection }))
        }),
        "collections" => collections(catalogue, args, warnings),
        "collectionsCount" if !args.given.contains_key("query") => Ok(count(catalogue.collections.len(), args)),
        "collectionsCount" => filter(args, warnings).and_then(|filter| {
            counted_list(catalogue.collections.values(), args, |it| {
                accepted(&filter, it, catalogue)
            })
        }),
        _ => return None,
    })
}

fn filter(args: &Args, warnings: &mut Vec<Warning>) -> Result<Filter, FieldError> {
    let query = args.text("query").unwrap_or_default();
    search::parse(query, search::COLLECTIONS, "collections", warnings)
}

fn collections<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let filter = filter(args, warnings)?;
    let value: fn(&Collection) -> i64 = match args.text("sortKey").unwrap_or("ID") {
        "ID" => |collection| collection.id,
        "UPDATED_AT" => |collection| collection.updated_at,
        other => {
            let message = format!("fake-shopify does not sort collections by {other}");
            return Err(FieldError::bad_request(message));
        }
    };
    let found = catalogue.collections.values();
    page(
        catalogue,
        args,
        value,
        found.filter(|it| accepted(&filter, it, catalogue)),
    )
}

fn accepted(filter: &Filter, collection: &Collection, catalogue: &Catalogue) -> bool {
    filter.accepts(|field, term| match field {
        "id" => term.number(collection.id),
        "updated_at" => term.time(collection.updated_at),
        "title" => term.text(&collection.title),
        "handle" => term.text(&collection.handle),
        "product_id" => catalogue.members(collection).any(|product| term.number(product.id)),
        "collection_type" => term.text(match collection.members {
            Members::Picked(_) => "custom",
            Members::Rules { .. } => "smart",
        }),
        _ => false,
    })
}

fn page<'c>(
    catalogue: &'c Catalogue,
    args: &Args,
    value: fn(&Collection) -> i64,
    found: impl Iterator<Item = &'c Collection>,
) -> Resolved<'c> {
    let place = |collection: &'c Collection| {
        let place = Place {
            value: value(collection),
            id: collection.id,
        };
        (place, collection)
    };
    Connection::page(
        "Collection",
        args,
        page::PAGE,
        found.map(place).collect(),
        |collection| Box::new(CollectionNode { catalogue, collection }),
    )
}
