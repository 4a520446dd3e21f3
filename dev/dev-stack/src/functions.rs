//! The deployed functions: what `template.yaml` says about each, as far as a local run needs it.
//!
//! A test holds this table against the template.

use std::time::Duration;

/// The seven queues, each with a drain function of its own.
pub const QUEUES: [&str; 7] = [
    "product-sync",
    "variant-sync",
    "collection-sync",
    "customer-sync",
    "order-sync",
    "webhook-process",
    "bulk-import",
];

/// What stands before each function's name; deployed it is the stack's name.
pub const PREFIX: &str = "mercury-";

/// One deployed function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The name without the prefix.
    pub name: String,
    /// The package, which is also the program.
    pub binary: &'static str,
    /// The queue it drains, if it is a drain.
    pub queue: Option<&'static str>,
    /// After this long AWS kills it.
    pub timeout: Duration,
    /// In MiB; told to the function, not enforced.
    pub memory: u32,
    /// How many invocations at once.
    pub concurrency: usize,
    /// What this function alone has in its environment.
    pub environment: Vec<(&'static str, String)>,
}

impl Function {
    /// The name under which it is invoked.
    pub fn full_name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// How often AWS repeats an asynchronous invocation that failed: a drain is invoked again by its schedule anyway.
    pub fn asynchronous_retries(&self) -> usize {
        if self.queue == Some("webhook-process") { 0 } else { 2 }
    }
}

/// All functions.
pub fn all() -> Vec<Function> {
    let plain = |name: &'static str, timeout, memory, concurrency| Function {
        name: name.to_owned(),
        binary: name,
        queue: None,
        timeout: Duration::from_secs(timeout),
        memory,
        concurrency,
        environment: Vec::new(),
    };
    let mut functions = vec![
        plain("webhook-ingest", 10, 256, 4),
        plain("admin", 30, 256, 2),
        plain("bulk-import", 170, 256, 2),
        plain("reconcile", 120, 256, 1),
    ];
    functions.extend(QUEUES.map(drain));
    functions
}

fn drain(queue: &'static str) -> Function {
    // An import maps over several drains of this queue at once, and its schedule adds one.
    let concurrency = if queue == "product-sync" { 4 } else { 2 };
    // It stays until after its next tick, so that a webhook never waits for one.
    let environment = if queue == "webhook-process" {
        // Sooner than in the cloud, because here somebody waits for it.
        vec![("LINGER_SECONDS", "75".to_owned()), ("REFRESH_SECONDS", "5".to_owned())]
    } else {
        Vec::new()
    };
    Function {
        name: format!("drain-{queue}"),
        binary: "queue-drain",
        queue: Some(queue),
        timeout: Duration::from_secs(if queue == "webhook-process" { 120 } else { 300 }),
        memory: 512,
        concurrency,
        environment,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_table_says_what_the_template_says() {
        let text = std::fs::read_to_string(crate::home::root().unwrap().join("template.yaml")).unwrap();
        let template: Value = serde_saphyr::from_str(&text).unwrap();
        let default = template["Globals"]["Function"]["MemorySize"].as_u64().unwrap();
        let mut deployed = BTreeMap::new();
        for (_, resource) in template["Resources"].as_object().unwrap() {
            if resource["Type"] != "AWS::Serverless::Function" {
                continue;
            }
            let properties = &resource["Properties"];
            let name = properties["FunctionName"]
                .as_str()
                .unwrap()
                .trim_start_matches("${AWS::StackName}-")
                .to_owned();
            let linger = properties["Environment"]["Variables"]["LINGER_SECONDS"]
                .as_str()
                .map(str::to_owned);
            let memory = properties["MemorySize"].as_u64().unwrap_or(default);
            let binary = resource["Metadata"]["BuildProperties"]["Binary"]
                .as_str()
                .unwrap()
                .to_owned();
            deployed.insert(name, (binary, properties["Timeout"].as_u64().unwrap(), memory, linger));
        }
        let local = all().into_iter().map(|function| {
            let linger = function.environment.iter().find(|(name, _)| *name == "LINGER_SECONDS");
            let linger = linger.map(|(_, value)| value.clone());
            (
                function.name,
                (
                    function.binary.to_owned(),
                    function.timeout.as_secs(),
                    function.memory.into(),
                    linger,
                ),
            )
        });
        assert_eq!(local.collect::<BTreeMap<_, _>>(), deployed);
    }
}
