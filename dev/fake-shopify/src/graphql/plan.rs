//! A selection set made ready for one concrete type: fragments spread, `@skip` and `@include` decided, variables put
//! into arguments, keys already written as JSON. Made once per type and document, used for every row.

use std::cell::RefCell;
use std::rc::Rc;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::Schema;
use apollo_compiler::executable::{Field, Selection, SelectionSet, Value as Ast};
use apollo_compiler::schema::ExtendedType;
use serde_json::{Map, Value as Json};

use super::value::Args;
use crate::json::{self, Escape};

/// What plans are made from.
pub struct Source<'d> {
    /// The schema, for type conditions and default values.
    pub schema: &'d Schema,
    /// The document, for fragments.
    pub document: &'d ExecutableDocument,
    /// Coerced variables.
    pub variables: &'d Map<String, Json>,
    /// Whether arguments are those of a bulk operation.
    pub bulk: bool,
}

/// The selection sets that apply at one place, planned per concrete type as types turn up.
pub struct Plan<'d> {
    sets: Vec<&'d SelectionSet>,
    by_type: RefCell<Vec<(&'static str, Ready<'d>)>>,
}

/// The fields for one concrete type.
type Ready<'d> = Rc<[Planned<'d>]>;

/// One field to answer.
pub struct Planned<'d> {
    /// The key in the response.
    pub key: &'d str,
    /// The key as JSON text with its colon.
    pub prefix: Box<[u8]>,
    /// The name in the schema.
    pub name: &'d str,
    /// Arguments, ready.
    pub args: Args,
    /// What is selected below.
    pub below: Plan<'d>,
}

impl<'d> Plan<'d> {
    /// The plan of one selection set.
    pub fn new(set: &'d SelectionSet) -> Self {
        Self {
            sets: vec![set],
            by_type: RefCell::default(),
        }
    }

    /// The fields for an object of this type, in the order of the document.
    pub fn fields(&self, type_name: &'static str, source: &Source<'d>) -> Ready<'d> {
        if let Some((_, fields)) = self.by_type.borrow().iter().find(|(known, _)| *known == type_name) {
            return Rc::clone(fields);
        }
        let mut fields = Vec::new();
        for set in &self.sets {
            collect(set, type_name, source, &mut fields);
        }
        let fields: Ready<'d> = fields.into();
        self.by_type.borrow_mut().push((type_name, Rc::clone(&fields)));
        fields
    }
}

fn collect<'d>(set: &'d SelectionSet, type_name: &'static str, source: &Source<'d>, out: &mut Vec<Planned<'d>>) {
    for selection in &set.selections {
        if !included(selection, source) {
            continue;
        }
        match selection {
            Selection::Field(field) => match out.iter_mut().find(|known| known.key == field.response_key().as_str()) {
                Some(known) => known.below.sets.push(&field.selection_set),
                None => out.push(planned(field, source)),
            },
            Selection::InlineFragment(fragment) => {
                let condition = fragment.type_condition.as_deref();
                if condition.is_none_or(|condition| applies(condition, type_name, source)) {
                    collect(&fragment.selection_set, type_name, source, out);
                }
            }
            Selection::FragmentSpread(spread) => {
                let fragment = &source.document.fragments[&spread.fragment_name];
                if applies(&fragment.selection_set.ty, type_name, source) {
                    collect(&fragment.selection_set, type_name, source, out);
                }
            }
        }
    }
}

fn applies(condition: &str, type_name: &str, source: &Source<'_>) -> bool {
    condition == type_name || source.schema.is_subtype(condition, type_name)
}

fn included(selection: &Selection, source: &Source<'_>) -> bool {
    let condition = |directive: &str| -> Option<bool> {
        let argument = selection
            .directives()
            .get(directive)?
            .specified_argument_by_name("if")?;
        constant(argument, source).as_ref().and_then(Json::as_bool)
    };
    condition("skip") != Some(true) && condition("include") != Some(false)
}

fn planned<'d>(field: &'d Field, source: &Source<'d>) -> Planned<'d> {
    let mut prefix = Vec::new();
    json::string(&mut prefix, field.response_key(), Escape::Plain);
    prefix.push(b':');
    Planned {
        key: field.response_key(),
        prefix: prefix.into(),
        name: &field.name,
        args: Args {
            given: arguments(field, source),
            bulk: source.bulk,
        },
        below: Plan::new(&field.selection_set),
    }
}

/// The arguments of a field: those given, and the defaults of those left out.
pub fn arguments(field: &Field, source: &Source<'_>) -> Map<String, Json> {
    let mut given = Map::new();
    for definition in &field.definition.arguments {
        let value = match field.specified_argument_by_name(&definition.name) {
            Some(value) => constant(value, source),
            None => None,
        };
        let value = value.or_else(|| {
            definition
                .default_value
                .as_deref()
                .and_then(|value| constant(value, source))
        });
        if let Some(value) = value {
            given.insert(definition.name.to_string(), value);
        }
    }
    given
}

/// A value of the document as JSON; `None` for a variable that was not given.
fn constant(value: &Ast, source: &Source<'_>) -> Option<Json> {
    Some(match value {
        Ast::Null => Json::Null,
        Ast::Enum(name) => Json::String(name.to_string()),
        Ast::Variable(name) => return source.variables.get(name.as_str()).cloned(),
        Ast::String(text) => Json::String(text.clone()),
        Ast::Float(number) => number.try_to_f64().ok().map_or(Json::Null, Json::from),
        Ast::Int(number) => number.as_str().parse::<i64>().ok().map_or(Json::Null, Json::from),
        Ast::Boolean(flag) => Json::Bool(*flag),
        Ast::List(items) => Json::Array(items.iter().filter_map(|item| constant(item, source)).collect()),
        Ast::Object(fields) => Json::Object(
            fields
                .iter()
                .filter_map(|(name, item)| Some((name.to_string(), constant(item, source)?)))
                .collect(),
        ),
    })
}

/// Whether the field gives a connection: an object type whose name ends so and that has `edges`.
pub fn is_connection(field: &Field, schema: &Schema) -> bool {
    let type_name = field.ty().inner_named_type();
    type_name.ends_with("Connection")
        && matches!(schema.types.get(type_name), Some(ExtendedType::Object(object)) if object.fields.contains_key("edges"))
}
