//! The Invoke API in AWS's form, over functions that answer, fail, hang and die.

use std::time::{Duration, Instant};

use dev_stack::functions::Function;
use dev_stack::process::{Signal, parent_of, send};
use serde_json::json;

use crate::bench::{Bench, eventually, probe};

#[tokio::test(flavor = "multi_thread")]
async fn a_function_gets_its_true_deadline_its_size_and_its_own_environment() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    for _ in 0..2 {
        let (error, answer) = bench.invoke("probe", &json!({ "x": 1 })).await;
        assert_eq!(error, None);
        let remaining = answer["remaining_ms"].as_u64().unwrap();
        assert!((1_500..=2_000).contains(&remaining), "{remaining} ms remain of 2 s");
        assert_eq!(answer["memory"], 256);
        assert_eq!(answer["color"], "green");
        assert_eq!(
            answer["home"],
            json!(null),
            "the user's environment leaks into functions"
        );
        assert_eq!(answer["event"]["x"], 1);
    }
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_a_200_with_the_header_and_its_type() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    let (error, answer) = bench.invoke("probe", &json!({ "fail": "Throttled" })).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(
        answer,
        json!({ "errorType": "Throttled", "errorMessage": "as ordered" })
    );
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_out_of_time_is_killed_and_the_next_call_works() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    let begin = Instant::now();
    let (error, answer) = bench.invoke("probe", &json!({ "sleep_ms": 60_000 })).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(answer["errorType"], "Sandbox.Timedout");
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_exits_is_told_and_the_next_call_works() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    let (error, answer) = bench.invoke("probe", &json!({ "exit": 3 })).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(answer["errorType"], "Runtime.ExitError");
    assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_ends_at_its_start_is_told_at_once() {
    // As one does whose configuration is not right.
    let bench = Bench::start(vec![Function {
        binary: "/bin/false",
        ..probe("probe", 1)
    }])
    .await;
    for _ in 0..2 {
        let begin = Instant::now();
        let (error, answer) = bench.invoke("probe", &json!({})).await;
        assert_eq!(error.as_deref(), Some("Unhandled"));
        assert_eq!(answer["errorType"], "Runtime.ExitError");
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_between_two_calls_costs_no_call() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    let name = "mercury-probe";
    for kill_emulator in [false, true] {
        assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
        let (emulator, function) = bench.runtime.processes(name).pop().unwrap();
        assert_eq!(function.len(), 1);
        send(if kill_emulator { emulator } else { function[0] }, Signal::KILL);
        eventually("the process is gone", async || {
            bench
                .runtime
                .processes(name)
                .first()
                .is_none_or(|(_, function)| function.is_empty())
        })
        .await;
        assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
    }
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_in_mid_call_is_an_error_of_that_call_alone() {
    let bench = Bench::start(vec![probe("probe", 2)]).await;
    assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
    let (emulator, _) = bench.runtime.processes("mercury-probe").pop().unwrap();
    let file = bench.home.dir.join("calls");
    drop(std::fs::remove_file(&file));
    let order = json!({ "count_in": file, "sleep_ms": 1_500 });
    let hit = bench.invoke("probe", &order);
    let kill = async {
        eventually("the call is under way", async || file.exists()).await;
        send(emulator, Signal::KILL);
    };
    let ((error, answer), ()) = tokio::join!(hit, kill);
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(answer["errorType"], "Runtime.ExitError");
    assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_run_side_by_side_as_far_as_allowed() {
    let bench = Bench::start(vec![probe("probe", 3)]).await;
    let order = json!({ "sleep_ms": 300 });
    let calls = (0..6).map(|_| bench.invoke("probe", &order));
    let begin = Instant::now();
    let answers = futures_util::future::join_all(calls).await;
    let took = begin.elapsed();
    assert!(answers.iter().all(|(error, _)| error.is_none()));
    let mut processes: Vec<u64> = answers
        .iter()
        .map(|(_, answer)| answer["pid"].as_u64().unwrap())
        .collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 3);
    assert!(
        took >= Duration::from_millis(600),
        "six calls of 0.3 s over three places took {took:?}"
    );
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_the_place_taken_until_the_end() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    let order = json!({ "sleep_ms": 1_000 });
    let given_up = tokio::time::timeout(Duration::from_millis(300), bench.invoke("probe", &order)).await;
    assert!(given_up.is_err());
    // A second call into the same emulator would crash it.
    let begin = Instant::now();
    assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
    assert!(begin.elapsed() >= Duration::from_millis(400));
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_call_is_accepted_at_once_and_repeated_twice() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    let file = bench.home.dir.join("calls");
    drop(std::fs::remove_file(&file));
    let order = json!({ "count_in": file, "fail": "Permanent" });
    let response = bench.invoke_as("Event", "probe", &order).await;
    assert_eq!(response.status(), 202);
    assert_eq!(response.text().await.unwrap(), "");
    let calls = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    eventually("three calls", async || calls() == 3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(calls(), 3, "it was repeated more often than AWS does");
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lambda_refuses_is_refused() {
    let bench = Bench::start(vec![probe("probe", 1)]).await;
    let kind = |response: &reqwest::Response| {
        response
            .headers()
            .get("x-amzn-errortype")
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let unknown = bench.invoke_as("RequestResponse", "nobody", &json!({})).await;
    assert_eq!(
        (unknown.status().as_u16(), kind(&unknown).as_deref()),
        (404, Some("ResourceNotFoundException"))
    );
    let large = json!({ "x": "x".repeat(6 * 1024 * 1024) });
    let large = bench.invoke_as("RequestResponse", "probe", &large).await;
    assert_eq!(
        (large.status().as_u16(), kind(&large).as_deref()),
        (413, Some("RequestTooLargeException"))
    );
    let just_small_enough = json!({ "answer": 1, "x": "x".repeat(6 * 1024 * 1024 - 64) });
    assert_eq!(bench.invoke("probe", &just_small_enough).await, (None, json!(1)));
    let url = format!("{}/2015-03-31/functions/mercury-probe/invocations", bench.aws_url);
    let broken = bench.client.post(url).body("{").send().await.unwrap();
    assert_eq!(
        (broken.status().as_u16(), kind(&broken).as_deref()),
        (400, Some("InvalidRequestContentException"))
    );
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_no_process_behind_not_even_one_at_work() {
    let bench = Bench::start(vec![probe("probe", 2)]).await;
    let file = bench.home.dir.join("calls");
    drop(std::fs::remove_file(&file));
    assert_eq!(bench.invoke("probe", &json!({})).await.0, None);
    let order = json!({ "count_in": file, "sleep_ms": 1_900 });
    assert_eq!(bench.invoke_as("Event", "probe", &order).await.status(), 202);
    eventually("the call is under way", async || file.exists()).await;
    let processes = bench.runtime.processes("mercury-probe");
    assert_eq!(processes.len(), 1);
    bench.stop().await;
    for (emulator, function) in processes {
        for pid in function.into_iter().chain([emulator]) {
            assert_eq!(parent_of(pid), None, "process {pid} lives on");
        }
    }
}
