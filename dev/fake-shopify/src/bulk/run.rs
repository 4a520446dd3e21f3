//! The run of one operation: list the roots, render them batch by batch at the set pace, end as the script says.

use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::validation::Valid;
use serde_json::{Map, json};
use tokio::time::Instant;

use super::{Lines, Operation, Refusal, ResultFile, check};
use crate::catalogue;
use crate::clock;
use crate::faults::Fault;
use crate::graphql::value::{ACCESS_DENIED, Args, FieldError, Object, Value};
use crate::graphql::{Escape, Executor, Plan, Source, arguments, schema};
use crate::shop::{Shop, State};
use crate::webhook::{self, Event};

/// Roots rendered under one hold of the catalogue's lock.
const BATCH: usize = 250;

type Document = Arc<Valid<ExecutableDocument>>;

/// Starts an operation for this query, if its text and the number of running ones allow.
pub fn start(state: &Arc<State>, shop: &Arc<Shop>, query: &str, grouped: bool) -> Result<Operation, Refusal> {
    let invalid = |message| Refusal {
        field: Some("query"),
        message,
        code: "INVALID",
    };
    let document = check(query).map_err(invalid)?;
    // A field this fake cannot answer is told at once, not in a file of nulls.
    // What the app may not see is found out by the run.
    if let Err(error) = roots(shop, &document)
        && error.code != ACCESS_DENIED
    {
        return Err(invalid(error.message));
    }
    let operation = shop
        .bulk
        .add(query, grouped || state.config.bulk.always_grouped, &state.url)?;
    tokio::spawn(run(Arc::clone(state), Arc::clone(shop), operation.clone(), document));
    Ok(operation)
}

async fn run(state: Arc<State>, shop: Arc<Shop>, operation: Operation, document: Document) {
    clock::pause(state.config.bulk.start_delay).await;
    let id = operation.id;
    let started = shop.bulk.update(id, |operation| {
        if operation.status == "CREATED" {
            operation.status = "RUNNING";
        }
    });
    let fault = state.faults.take(["bulk_operation"]);
    let mut rendered = Rendered::default();
    if started.is_some_and(|operation| operation.status == "RUNNING") {
        rendered = render_all(&state, &shop, id, document, &fault).await;
    }
    finish(&state, &shop, &operation, rendered, fault);
    announce(&state, &shop, id);
}

#[derive(Default)]
struct Rendered {
    batches: Vec<Lines>,
    cancelled: bool,
    /// The code and the reason.
    failure: Option<(String, String)>,
}

async fn render_all(state: &State, shop: &Arc<Shop>, id: i64, document: Document, fault: &Option<Fault>) -> Rendered {
    let begun = Instant::now();
    let mut rendered = Rendered::default();
    let mut gids = roots(shop, &document).unwrap_or_else(|error| {
        rendered.failure = Some((error.code.to_owned(), error.message));
        Vec::new()
    });
    if matches!(fault, Some(Fault::BulkEnd { .. })) {
        gids.truncate(gids.len().div_ceil(2));
    }
    let mut objects = 0;
    for batch in gids.chunks(BATCH) {
        let (shop_, document, batch) = (Arc::clone(shop), Arc::clone(&document), batch.to_vec());
        let work = tokio::task::spawn_blocking(move || render(&shop_, &document, &batch));
        let (lines, errors) = work.await.expect("rendering does not panic");
        if let Some(error) = errors {
            rendered.failure = Some(error);
            break;
        }
        objects += lines.marks.len();
        let roots = lines.marks.iter().filter(|mark| mark.root).count();
        let now = shop.bulk.update(id, |operation| {
            operation.objects += lines.marks.len() as u64;
            operation.roots += roots as u64;
        });
        rendered.batches.push(lines);
        if now.is_some_and(|operation| operation.status == "CANCELING") {
            rendered.cancelled = true;
            break;
        }
        let due = Duration::from_secs_f64(objects as f64 / state.config.bulk.objects_per_second);
        clock::pause(due.saturating_sub(begun.elapsed())).await;
    }
    rendered
}

/// The gids of the root connection's rows, as they are now.
fn roots(shop: &Shop, document: &ExecutableDocument) -> Result<Vec<String>, FieldError> {
    let variables = Map::new();
    let source = Source {
        schema: schema::schema(),
        document,
        variables: &variables,
        bulk: true,
    };
    let operation = document
        .operations
        .iter()
        .next()
        .expect("a checked document has one operation");
    let field = operation
        .root_fields(document)
        .next()
        .expect("a checked document has one root field");
    let args = Args {
        given: arguments(field, &source),
        bulk: true,
    };
    let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
    let refused = || FieldError::unresolved("QueryRoot (as the root of a bulk query)", &field.name);
    let value = catalogue::root_field(&catalogue, &field.name, &args, &mut Vec::new()).ok_or_else(refused)??;
    if let Some(denied) = catalogue.facts.access().value(&field.name, &value) {
        return Err(denied);
    }
    let Value::Connection(connection) = value else {
        return Err(refused());
    };
    let gid = |node: &dyn Object| match node.field("id", &Args::default()) {
        Ok(Value::Gid(kind, number)) => Some(format!("gid://shopify/{kind}/{number}")),
        Ok(Value::Text(gid)) => Some(gid),
        _ => None,
    };
    Ok(connection.rows.iter().filter_map(|row| gid(&*row.node)).collect())
}

/// The lines of these roots. A root that was deleted meanwhile has none.
fn render(shop: &Shop, document: &ExecutableDocument, gids: &[String]) -> (Lines, Option<(String, String)>) {
    let variables = Map::new();
    let source = Source {
        schema: schema::schema(),
        document,
        variables: &variables,
        bulk: true,
    };
    let operation = document
        .operations
        .iter()
        .next()
        .expect("a checked document has one operation");
    let top = Plan::new(&operation.selection_set);
    let mut executor = Executor::new(source, Escape::Bulk);
    let mut lines = Lines::default();
    let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
    executor.access = catalogue.facts.access();
    let root_fields = top.fields("QueryRoot", &executor.source);
    for root in root_fields.iter() {
        let edges = root.below.fields("Connection", &executor.source);
        for edge in edges.iter().filter(|field| field.name == "edges") {
            let nodes = edge.below.fields("Edge", &executor.source);
            for node in nodes.iter().filter(|field| field.name == "node") {
                for object in gids.iter().filter_map(|gid| catalogue::node(&catalogue, gid)) {
                    executor.write_line(&*object, &node.below, None, &mut lines);
                }
            }
        }
    }
    let error = executor.errors.first().map(|error| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let code = match error["extensions"]["code"].as_str() {
            Some(ACCESS_DENIED) => ACCESS_DENIED,
            _ => "INTERNAL_SERVER_ERROR",
        };
        (code.to_owned(), text(&error["message"]))
    });
    (lines, error)
}

fn finish(state: &State, shop: &Shop, operation: &Operation, rendered: Rendered, fault: Option<Fault>) {
    let missing = match fault {
        Some(Fault::ShortFile { missing }) => missing,
        _ => 0,
    };
    let mixed = (!operation.grouped).then_some(state.config.seed ^ operation.id as u64);
    if let Some((_, reason)) = &rendered.failure {
        eprintln!("bulk operation {} failed: {reason}", operation.id);
    }
    let file = Arc::new(ResultFile::new(
        rendered.batches,
        mixed,
        missing,
        state.config.bulk.final_newline,
    ));
    shop.bulk.update(operation.id, |operation| {
        let ended = Some(clock::seconds());
        match (operation.status, fault) {
            ("CANCELING", _) => operation.status = "CANCELED",
            (
                _,
                Some(Fault::BulkEnd {
                    status,
                    error_code,
                    partial,
                }),
            ) => {
                operation.status = match status.as_str() {
                    "CANCELED" => "CANCELED",
                    "EXPIRED" => "EXPIRED",
                    _ => "FAILED",
                };
                operation.error_code = error_code.filter(|_| operation.status == "FAILED");
                operation.completed_at = ended.filter(|_| operation.status != "CANCELED");
                operation.partial = partial;
                operation.file = partial.then_some(file);
            }
            _ if rendered.failure.is_some() => {
                operation.status = "FAILED";
                operation.error_code = rendered.failure.map(|(code, _)| code);
                operation.completed_at = ended;
            }
            _ => {
                operation.status = "COMPLETED";
                operation.completed_at = ended;
                operation.file = Some(file);
            }
        }
    });
}

/// Sends `bulk_operations/finish` to whom it concerns.
fn announce(state: &Arc<State>, shop: &Arc<Shop>, id: i64) {
    let Some(operation) = shop.bulk.get(id) else { return };
    let time = |seconds: i64| clock::local(seconds, state.config.offset_minutes);
    let body = json!({
        "admin_graphql_api_id": operation.gid(),
        "completed_at": operation.completed_at.map(time),
        "created_at": time(operation.created_at),
        "error_code": operation.error_code.as_deref().map(str::to_lowercase),
        "status": operation.status.to_lowercase(),
        "type": "query",
    });
    let event = Event {
        topic: "bulk_operations/finish".to_owned(),
        resource_id: None,
        triggered_at: shop.clock.tick(),
        body: body.to_string().into(),
    };
    for delivery in webhook::deliveries(state, shop, &[event]) {
        tokio::spawn(webhook::deliver(Arc::clone(state), Arc::clone(shop), delivery));
    }
}
