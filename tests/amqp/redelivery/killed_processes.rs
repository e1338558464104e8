//! Methods that kill their process.

use std::future::pending;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::server::AckMode;
use rpc_core::{CallError, Context};
use rpc_tests::support::poll::until;
use rpc_tests::support::rabbitmq::UrlForm;
use tokio::time::sleep;

use crate::case::{Case, FORMS};
use crate::service::Log;

/// The URL for `a_process_that_serves`.
const URL: &str = "RPC_REDELIVERY_URL";

/// A process that serves the topic.
struct Process(Child);

impl Process {
    fn start(url: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "killed_processes::a_process_that_serves"])
            .env(URL, url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "runs until it is killed, by the tests of this file"]
async fn a_process_that_serves() {
    let url = std::env::var(URL).unwrap();
    let transport = rpc_transport_amqp::AmqpTransport::from_url(&url).unwrap();
    let target = rpc_core::Target::topic(crate::case::TOPIC).server("process");
    let service = crate::service::Service { server: "process", log: Log::default() };
    let server = rpc_core::Server::builder(transport, target).endpoint(service);
    let _running = server.ack_mode(AckMode::Confirmed).build().unwrap().start().await.unwrap();
    pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callers_of_a_process_that_is_killed_are_told_within_seconds() {
    let case = Case::new("killed", UrlForm::Amqp, "").await;
    let process = Process::start(&case.url);
    let ctx = Context::new();
    let client = case.client();
    until("it serves", async || client.work(&ctx, 0, 0).await.is_ok()).await;
    let minute = Duration::from_secs(60);
    let calls: Vec<_> = (1..=8)
        .map(|number| tokio::spawn(client.work(&ctx, number, 600_000).timeout(5 * minute)))
        .collect();
    // The server has taken them. It says so after 50 ms.
    assert_eq!(client.work(&ctx, 9, 0).await.unwrap(), 9);
    sleep(Duration::from_secs(2)).await;
    drop(process);
    for call in calls {
        let told = tokio::time::timeout(minute, call).await.expect("told long before the deadline");
        let CallError::Transport(error) = told.unwrap().unwrap_err() else {
            panic!("another error")
        };
        assert_eq!(
            (error.kind(), error.ran()),
            (TransportErrorKind::Interrupted, Ran::Unknown),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_kills_its_process_visits_one_server() {
    for form in FORMS {
        let case = Case::new("abort", form, "").await;
        let mut processes: Vec<_> = (0..3).map(|_| Process::start(&case.url)).collect();
        until("three servers consume", async || {
            let queues = case.node.queues(&case.vhost).await.unwrap();
            queues.iter().any(|queue| queue.consumers == 3)
        })
        .await;
        let (client, ctx) = (case.client(), Context::new());
        client.abort(&ctx).cast().await.unwrap();
        let mut ended =
            || processes.iter_mut().filter_map(|it| it.has_ended().then_some(())).count();
        until("one of them dies", async || ended() == 1).await;
        // Later messages are served, which a message that came back would have overtaken.
        for number in 0..20 {
            assert_eq!(client.work(&ctx, number, 0).await.unwrap(), number);
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(ended(), 1, "the message visited other servers");
    }
}
