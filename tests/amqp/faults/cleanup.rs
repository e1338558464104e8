//! Cleanup without an orderly shutdown: after a crash, and after a server has gone.

use std::future::pending;
use std::process::{Command, Stdio};
use std::time::Duration;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::{CallError, RpcClient};
use rpc_tests::support::rabbitmq::UrlForm;
use rpc_transport_amqp::AmqpTransport;

use crate::fault_env::{EVENT_TIMEOUT, FaultEnv, client, is_fanout_queue, is_reply_queue, until};
use crate::history::{History, Step};
use crate::scenario;
use crate::service::{ServerOptions, serve};

/// The URL for `a_process_that_calls_and_serves`.
const URL: &str = "RPC_FAULT_URL";

scenario!(a_process_that_is_killed_leaves_no_queue_after_a_while);
scenario!(a_queue_without_consumers_is_named);
scenario!(calls_work_after_thousands_have_found_no_server);

async fn a_process_that_is_killed_leaves_no_queue_after_a_while(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("process {seed}")).await;
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "cleanup::a_process_that_calls_and_serves"])
        .env(URL, env.url(&env.callers, "transient_ttl=1"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("it has its queues", async || {
        let queues = env.node.queues(&env.vhost).await.unwrap();
        let consumed =
            |is: fn(&str) -> bool| queues.iter().any(|q| is(&q.name) && q.consumers == 1);
        consumed(is_reply_queue) && consumed(is_fanout_queue)
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();
    env.until_nothing_is_left().await;
}

#[tokio::test]
#[ignore = "runs until it is killed, by `a_process_that_is_killed_leaves_no_queue_after_a_while`"]
async fn a_process_that_calls_and_serves() {
    let transport = AmqpTransport::from_url(&std::env::var(URL).unwrap()).unwrap();
    let history = History::begin();
    let _server = serve(&transport, ServerOptions::named("one"), &history).await;
    let client: RpcClient = client(&transport);
    history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
    pending::<()>().await;
}

async fn a_queue_without_consumers_is_named(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("deserted {seed}")).await;
    let history = History::begin();
    let transport = env.transport(&env.callers, "");
    let server = serve(&transport, ServerOptions::named("one"), &history).await;
    server.stop();
    server.wait().await.unwrap();
    let queue = match form {
        UrlForm::Rabbit => "`bank`",
        _ => "`rpc/bank`",
    };
    let client = client(&transport);
    // Seen, and remembered.
    for _ in 0..2 {
        let told = history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await;
        let CallError::Transport(error) = told.unwrap_err() else { panic!("another error") };
        assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
        assert!(error.to_string().contains(queue), "{error}");
    }
    assert_eq!(history.begun(), 0);
    drop((client, server));
    env.close(vec![transport]).await;
}

/// More checks than a connection has channels: the broker closes a channel for each check of a missing queue.
async fn calls_work_after_thousands_have_found_no_server(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("nobody {seed}")).await;
    let history = History::begin();
    let transport = env.transport(&env.callers, "");
    let client = client(&transport);
    let nobody = (0..16).map(|_| {
        let (history, client) = (history.clone(), client.clone());
        tokio::spawn(async move {
            for _ in 0..160 {
                let told = history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await;
                assert!(told.unwrap_err().is_missing_server());
            }
        })
    });
    for calls in nobody.collect::<Vec<_>>() {
        calls.await.unwrap();
    }
    let server = serve(&transport, ServerOptions::named("one"), &history).await;
    history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    drop((client, server));
    env.close(vec![transport]).await;
}
