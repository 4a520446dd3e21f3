//! Projects objects onto a selection set, straight into JSON text.
//!
//! One walk serves two purposes. In an API answer a connection is written where it stands (`edges`, `nodes`,
//! `pageInfo`). In a bulk operation a connection leaves its parent's line and its nodes become lines of their own.
//! A field that fails is written as `null` and listed in `errors`; nothing is bubbled further up.

use serde_json::{Value as Json, json};

use super::access::Access;
use super::cost;
use super::page::cursor;
use super::plan::{Plan, Planned, Source};
use super::value::{ACCESS_DENIED, Args, Connection, FieldError, Object, Row, Value};
use crate::bulk::Lines;
use crate::clock;
use crate::json::{self, Escape};

/// One walk over a document.
pub struct Executor<'d> {
    /// What plans are made from.
    pub source: Source<'d>,
    /// The alphabet of strings.
    pub escape: Escape,
    /// What the app may not see.
    pub access: Access,
    /// Entries of `errors`.
    pub errors: Vec<Json>,
    /// Points for what was written: a connection's own and one for each object that is not an amount.
    pub points: f64,
    path: Vec<Json>,
}

impl<'d> Executor<'d> {
    /// A walk that has seen nothing yet.
    pub fn new(source: Source<'d>, escape: Escape) -> Self {
        Self {
            source,
            escape,
            access: Access::default(),
            errors: Vec::new(),
            points: 0.0,
            path: Vec::new(),
        }
    }

    /// Writes `object` with its connections in place.
    pub fn write(&mut self, object: &dyn Object, plan: &Plan<'d>, out: &mut Vec<u8>) {
        self.object(object, plan, out, &mut None);
    }

    /// Writes `object` as a line of a bulk result, and the nodes of its connections as lines behind it.
    pub fn write_line(&mut self, object: &dyn Object, plan: &Plan<'d>, parent: Option<&str>, lines: &mut Lines) {
        let mut children = Some(Lines::default());
        let start = lines.bytes.len();
        self.object(object, plan, &mut lines.bytes, &mut children);
        if let Some(parent) = parent {
            lines.bytes.pop();
            lines.bytes.extend_from_slice(b",\"__parentId\":");
            json::string(&mut lines.bytes, parent, self.escape);
            lines.bytes.push(b'}');
        }
        lines.bytes.push(b'\n');
        lines.mark(start, parent.is_none());
        if let Some(children) = children {
            lines.append(children);
        }
    }

    fn object(&mut self, object: &dyn Object, plan: &Plan<'d>, out: &mut Vec<u8>, children: &mut Option<Lines>) {
        let fields = plan.fields(object.type_name(), &self.source);
        self.points += cost::of_object(object.type_name());
        out.push(b'{');
        let mut comma = false;
        for field in fields.iter() {
            let value = self.resolve(object, field);
            if let (Value::Connection(connection), Some(lines)) = (&value, children.as_mut()) {
                self.child_lines(object, connection, &field.below, lines);
                continue;
            }
            if comma {
                out.push(b',');
            }
            comma = true;
            out.extend_from_slice(&field.prefix);
            self.path.push(Json::String(field.key.to_owned()));
            self.value(value, field, out, children);
            self.path.pop();
        }
        out.push(b'}');
    }

    fn resolve<'s>(&mut self, object: &'s dyn Object, field: &Planned<'d>) -> Value<'s> {
        if field.name == "__typename" {
            return Value::Str(object.type_name());
        }
        let given = match self.access.field(object.type_name(), field.name) {
            Some(denied) => Err(denied),
            None => object.field(field.name, &field.args),
        };
        let shown = given.and_then(|value| match self.access.value(field.name, &value) {
            Some(denied) => Err(denied),
            None => Ok(value),
        });
        shown.unwrap_or_else(|error| {
            self.fail(field.key, error);
            Value::Null
        })
    }

    fn value(&mut self, value: Value<'_>, field: &Planned<'d>, out: &mut Vec<u8>, children: &mut Option<Lines>) {
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Int(number) => json::int(out, number),
            Value::Float(number) => out.extend_from_slice(Json::from(number).to_string().as_bytes()),
            Value::Str(text) => json::string(out, text, self.escape),
            Value::Text(text) => json::string(out, &text, self.escape),
            Value::Digits(number) => {
                out.push(b'"');
                json::int(out, number);
                out.push(b'"');
            }
            Value::Money(hundredths) => {
                out.push(b'"');
                json::int(out, hundredths / 100);
                out.extend_from_slice(&[
                    b'.',
                    b'0' + (hundredths / 10 % 10) as u8,
                    b'0' + (hundredths % 10) as u8,
                ]);
                out.push(b'"');
            }
            Value::Time(seconds) => json::string(out, &clock::utc(seconds), self.escape),
            Value::Gid(kind, number) => {
                out.push(b'"');
                json::contents(out, "gid://shopify/", self.escape);
                json::contents(out, kind, self.escape);
                json::contents(out, "/", self.escape);
                json::int(out, number);
                out.push(b'"');
            }
            Value::Object(object) => self.object(&*object, &field.below, out, children),
            Value::Connection(connection) => self.connection(&connection, &field.below, out),
            Value::List(items) => {
                out.push(b'[');
                for (at, item) in items.into_iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.path.push(Json::from(at));
                    self.value(item, field, out, children);
                    self.path.pop();
                }
                out.push(b']');
            }
        }
    }

    fn child_lines(&mut self, parent: &dyn Object, connection: &Connection<'_>, plan: &Plan<'d>, lines: &mut Lines) {
        let parent = match parent.field("id", &Args::default()) {
            Ok(Value::Gid(kind, number)) => format!("gid://shopify/{kind}/{number}"),
            Ok(Value::Text(gid)) => gid,
            _ => String::new(),
        };
        for edges in plan
            .fields("Connection", &self.source)
            .iter()
            .filter(|field| field.name == "edges")
        {
            for node in edges
                .below
                .fields("Edge", &self.source)
                .iter()
                .filter(|field| field.name == "node")
            {
                for row in &connection.rows {
                    self.write_line(&*row.node, &node.below, Some(&parent), lines);
                }
            }
        }
    }

    fn connection(&mut self, connection: &Connection<'_>, plan: &Plan<'d>, out: &mut Vec<u8>) {
        let fields = plan.fields("Connection", &self.source);
        self.points += cost::CONNECTION;
        out.push(b'{');
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&field.prefix);
            self.path.push(Json::String(field.key.to_owned()));
            match field.name {
                "__typename" => self.quoted(out, &format!("{}Connection", connection.node_type)),
                "nodes" => self.rows(connection, out, |executor, row, out| {
                    executor.object(&*row.node, &field.below, out, &mut None);
                }),
                "edges" => self.rows(connection, out, |executor, row, out| {
                    executor.edge(connection.node_type, row, &field.below, out);
                }),
                "pageInfo" => self.page_info(connection, &field.below, out),
                other => {
                    self.fail_here(FieldError::unresolved(
                        &format!("{}Connection", connection.node_type),
                        other,
                    ));
                    out.extend_from_slice(b"null");
                }
            }
            self.path.pop();
        }
        out.push(b'}');
    }

    fn rows(
        &mut self,
        connection: &Connection<'_>,
        out: &mut Vec<u8>,
        mut each: impl FnMut(&mut Self, &Row<'_>, &mut Vec<u8>),
    ) {
        out.push(b'[');
        for (at, row) in connection.rows.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.path.push(Json::from(at));
            each(self, row, out);
            self.path.pop();
        }
        out.push(b']');
    }

    fn edge(&mut self, node_type: &str, row: &Row<'_>, plan: &Plan<'d>, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, field) in plan.fields("Edge", &self.source).iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&field.prefix);
            match field.name {
                "node" => self.object(&*row.node, &field.below, out, &mut None),
                "cursor" => self.quoted(out, &cursor(row.place)),
                _ => self.quoted(out, &format!("{node_type}Edge")),
            }
        }
        out.push(b'}');
    }

    fn page_info(&mut self, connection: &Connection<'_>, plan: &Plan<'d>, out: &mut Vec<u8>) {
        let place = |row: Option<&Row<'_>>| row.map_or(Json::Null, |row| Json::String(cursor(row.place)));
        out.push(b'{');
        for (at, field) in plan.fields("PageInfo", &self.source).iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&field.prefix);
            let value = match field.name {
                "hasNextPage" => json!(connection.has_next),
                "hasPreviousPage" => json!(connection.has_previous),
                "startCursor" => place(connection.rows.first()),
                "endCursor" => place(connection.rows.last()),
                _ => json!("PageInfo"),
            };
            json::value(out, &value, self.escape);
        }
        out.push(b'}');
    }

    fn quoted(&self, out: &mut Vec<u8>, text: &str) {
        json::string(out, text, self.escape);
    }

    fn fail(&mut self, key: &str, error: FieldError) {
        self.path.push(Json::String(key.to_owned()));
        self.fail_here(error);
        self.path.pop();
    }

    fn fail_here(&mut self, error: FieldError) {
        // The same missing field in 10,000 rows is one fault.
        if self.errors.len() < 100 {
            let mut extensions = json!({"code": error.code});
            if error.code == ACCESS_DENIED {
                extensions["documentation"] = "https://shopify.dev/api/usage/access-scopes".into();
                if let Some((_, required)) = error.message.split_once("Required access: ") {
                    extensions["requiredAccess"] = required.into();
                }
            }
            self.errors
                .push(json!({"message": error.message, "path": self.path, "extensions": extensions}));
        }
    }
}
