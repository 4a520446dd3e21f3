//! Step Functions beside the gateway: that errors carry their names through, and that the deployed definition is taken.

use std::time::Duration;

use dev_stack::state_machine::StateMachine;
use serde_json::{Value, json};

use crate::bench::{Bench, probe};

async fn finished(machine: &StateMachine, execution: &str) -> dev_stack::state_machine::Execution {
    for _ in 0..300 {
        let state = machine.describe(execution).await.unwrap();
        if state.status != "RUNNING" {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the execution does not end");
}

fn machine(event: &Value) -> Value {
    let retry = json!([{ "ErrorEquals": ["Retryable"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1 }]);
    machine_with(&retry, event)
}

fn machine_with(retry: &Value, event: &Value) -> Value {
    json!({
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": { "FunctionName": "mercury-probe", "Payload": event },
                "Retry": retry,
                "Catch": [{ "ErrorEquals": ["Permanent", "Retryable", "Sandbox.Timedout", "Runtime.ExitError"], "Next": "Caught" }],
                "End": true,
            },
            "Caught": { "Type": "Fail", "ErrorPath": "$.Error", "CausePath": "$.Cause" },
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_keep_their_names_on_the_way_to_catch_and_retry() {
    let bench = Bench::start_with(vec![probe("probe", 2)], true).await;
    let file = bench.home.dir.join("calls");
    drop(std::fs::remove_file(&file));
    let cases = [
        ("answer", json!({}), None),
        ("permanent", json!({ "fail": "Permanent" }), Some("Permanent")),
        (
            "retryable",
            json!({ "count_in": file, "fail": "Retryable" }),
            Some("Retryable"),
        ),
        ("timeout", json!({ "sleep_ms": 9_000 }), Some("Sandbox.Timedout")),
        ("exit", json!({ "exit": 1 }), Some("Runtime.ExitError")),
    ];
    for (name, event, error) in cases {
        let machine = StateMachine::create_from(&machine(&event), &bench.aws_url, name)
            .await
            .unwrap();
        let execution = machine.start(name, &json!({})).await.unwrap();
        let end = finished(&machine, &execution).await;
        assert_eq!(end.error.as_deref(), error, "{name}: {end:?}");
        assert_eq!(end.status, if error.is_none() { "SUCCEEDED" } else { "FAILED" });
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap().lines().count(),
        3,
        "one call and two repetitions"
    );
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_repeated_whatever_lambda_calls_its_failure_but_not_if_we_say_that_it_is_permanent() {
    let bench = Bench::start_with(vec![probe("probe", 1)], true).await;
    let deployed = StateMachine::deployed(&bench.home.root).unwrap();
    let states = deployed["States"].as_object().unwrap();
    let steps: Vec<&Value> = states.values().filter(|state| state["Type"] == "Task").collect();
    let retry = &steps[0]["Retry"];
    assert!(steps.len() > 4 && steps.iter().all(|step| step["Retry"] == *retry));

    for (error, calls) in [("Lambda.ResourceNotReadyException", 2), ("Permanent", 1)] {
        let file = bench.home.dir.join(error);
        drop(std::fs::remove_file(&file));
        let event = json!({ "count_in": file, "fail": error, "times": 1 });
        let name = error.replace('.', "-");
        let machine = StateMachine::create_from(&machine_with(retry, &event), &bench.aws_url, &name)
            .await
            .unwrap();
        let execution = machine.start(&name, &json!({})).await.unwrap();
        let end = finished(&machine, &execution).await;
        assert_eq!(end.status, if calls > 1 { "SUCCEEDED" } else { "FAILED" }, "{end:?}");
        assert_eq!(
            std::fs::read_to_string(&file).unwrap().lines().count(),
            calls,
            "{error}"
        );
    }
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_definition_runs() {
    // The only function that it reaches when the first answer is the end.
    let bench = Bench::start_with(vec![probe("bulk-import", 1)], true).await;
    let machine = StateMachine::create(&bench.home.root, &bench.aws_url).await.unwrap();
    // The probe answers without a next step: the machine must give up, and say so.
    let execution = machine
        .start("one", &json!({ "jobId": "j", "operation": "products" }))
        .await
        .unwrap();
    let end = finished(&machine, &execution).await;
    assert_eq!(
        (end.status.as_str(), end.error.as_deref()),
        ("FAILED", Some("ImportFailed"))
    );
    assert_eq!(machine.executions().await.unwrap(), [execution]);
    bench.stop().await;
}
