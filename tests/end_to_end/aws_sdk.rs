//! The Step Functions door, driven by AWS's client for Rust, pointed here and otherwise unchanged.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::config::{
    AsyncSleep, BehaviorVersion, Credentials, Region, SharedAsyncSleep, Sleep,
};
use aws_sdk_sfn::error::ProvideErrorMetadata;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType, StateMachineType};

use crate::executions::left_running;
use crate::harness::{Server, Workplace, get};

const MACHINE: &str = "arn:aws:states:local:000000000000:stateMachine:akin";
const INPUT: &str = r#"{"movieID":"1","user":"abby","rating":6}"#;

fn client(server: &Server) -> Client {
    Client::from_conf(config(server).build())
}

fn config(server: &Server) -> aws_sdk_sfn::config::Builder {
    aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
        .endpoint_url(format!("http://{}", server.address))
        .retry_config(RetryConfig::disabled())
}

/// Does not sleep, and notes for how long it would have.
#[derive(Debug, Clone, Default)]
struct Noted(Arc<Mutex<Vec<Duration>>>);

impl AsyncSleep for Noted {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.lock().unwrap().push(duration);
        // A client's deadlines are sleeps, too, and must not pass.
        let is_pause = duration == TOLD;
        Sleep::new(async move {
            if !is_pause {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// How long a client is told to wait for a first version.
const TOLD: Duration = Duration::from_secs(5);

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

async fn ended(client: &Client, arn: &str) -> DescribeExecutionOutput {
    loop {
        let execution = client.describe_execution().execution_arn(arn).send().await.unwrap();
        if *execution.status() != ExecutionStatus::Running {
            return execution;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn an_execution_is_started_described_listed_and_has_a_history() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    run(async {
        let client = client(&server);
        let started = client.start_execution().state_machine_arn(MACHINE).name("mine").input(INPUT);
        let started = started.send().await.unwrap();
        let arn = started.execution_arn();
        assert_eq!(arn, MACHINE.replace("stateMachine", "execution") + ":mine");

        let execution = ended(&client, arn).await;
        assert_eq!(*execution.status(), ExecutionStatus::Succeeded);
        assert_eq!((execution.name(), execution.input()), (Some("mine"), Some(INPUT)));
        assert_eq!(execution.state_machine_arn(), MACHINE);
        assert_eq!(execution.start_date(), started.start_date());
        assert!(execution.stop_date().unwrap() >= execution.start_date());
        let output: serde_json::Value = serde_json::from_str(execution.output().unwrap()).unwrap();
        assert_eq!(output["user"], "abby");
        assert!(!output["recommendations"].as_array().unwrap().is_empty(), "{output}");
        assert_eq!(get(&server, &format!("/executions/{arn}")).json()["output"], output);

        let more = client.start_execution().state_machine_arn(MACHINE).input(INPUT);
        let second = more.send().await.unwrap().execution_arn().to_owned();
        ended(&client, &second).await;
        let pages = client.list_executions().state_machine_arn(MACHINE).max_results(1);
        let mut pages = pages.into_paginator().items().send();
        let mut listed = Vec::new();
        while let Some(one) = pages.next().await {
            listed.push(one.unwrap().execution_arn().to_owned());
        }
        assert_eq!(listed, [second, arn.to_owned()]);

        let history = client.get_execution_history().execution_arn(arn).send().await.unwrap();
        let kinds: Vec<_> = history.events().iter().map(|event| event.r#type().clone()).collect();
        let expected = [
            HistoryEventType::ExecutionStarted,
            HistoryEventType::TaskStateEntered,
            HistoryEventType::TaskStateExited,
            HistoryEventType::ExecutionSucceeded,
        ];
        assert_eq!(kinds, expected);
        let machine = client.describe_state_machine().state_machine_arn(MACHINE).send().await;
        assert_eq!(*machine.unwrap().r#type(), StateMachineType::Standard);
    });
}

#[test]
fn an_execution_is_stopped() {
    let workplace = Workplace::new();
    let arns = left_running(&workplace, &["1"]);
    let server = Server::start(&workplace, &[]);
    run(async {
        let client = client(&server);
        let stop = client.stop_execution().execution_arn(&arns[0]).error("Enough").cause("because");
        let stopped = stop.send().await.unwrap();
        let execution = ended(&client, &arns[0]).await;
        assert_eq!(*execution.status(), ExecutionStatus::Aborted);
        assert_eq!(execution.stop_date(), Some(stopped.stop_date()));
        assert_eq!((execution.error(), execution.cause()), (Some("Enough"), Some("because")));
        let listed = client.list_executions().state_machine_arn(MACHINE);
        let listed = listed.status_filter(ExecutionStatus::Aborted).send().await.unwrap();
        assert_eq!(listed.executions().len(), 1);
    });
}

#[test]
fn a_client_comes_back_at_the_pace_that_it_is_told() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &[]);
    run(async {
        let noted = Noted::default();
        let config = config(&server).retry_config(RetryConfig::standard());
        let config = config.sleep_impl(SharedAsyncSleep::new(noted.clone())).build();
        let start = Client::from_conf(config).start_execution().state_machine_arn(MACHINE);
        let refused = start.input(INPUT).send().await.unwrap_err().into_service_error();
        assert_eq!(refused.code(), Some("ServiceUnavailableException"), "{refused:?}");
        let pauses = noted.0.lock().unwrap().iter().filter(|pause| **pause == TOLD).count();
        // Three attempts.
        assert_eq!(pauses, 2, "{noted:?}");
    });
}

#[test]
fn errors_come_as_the_clients_own_types() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    run(async {
        let client = client(&server);
        let start = |input: &str| {
            client.start_execution().state_machine_arn(MACHINE).name("mine").input(input)
        };
        let array = start(r#"["1","abby",6]"#).send().await.unwrap_err().into_service_error();
        assert!(array.is_invalid_execution_input(), "{array:?}");
        assert!(array.message().unwrap_or_default().contains("expected an object"), "{array:?}");
        let arn = start(INPUT).send().await.unwrap().execution_arn().to_owned();
        ended(&client, &arn).await;
        let again = start(INPUT).send().await.unwrap_err().into_service_error();
        assert!(again.is_execution_already_exists(), "{again:?}");
        let spaced = client.start_execution().state_machine_arn(MACHINE).name("a b").input(INPUT);
        assert!(spaced.send().await.unwrap_err().into_service_error().is_invalid_name());
        let other = MACHINE.replace("akin", "other");
        let other = client.start_execution().state_machine_arn(other).input(INPUT).send().await;
        assert!(other.unwrap_err().into_service_error().is_state_machine_does_not_exist());
        let missing = arn.replace("mine", "missing");
        let missing = client.describe_execution().execution_arn(missing).send().await;
        assert!(missing.unwrap_err().into_service_error().is_execution_does_not_exist());
        let nonsense = client.stop_execution().execution_arn("nonsense").send().await;
        assert!(nonsense.unwrap_err().into_service_error().is_invalid_arn());
        let token = client.list_executions().state_machine_arn(MACHINE).next_token("nonsense");
        assert!(token.send().await.unwrap_err().into_service_error().is_invalid_token());
    });
}
