//! Calls on two threads: nothing is lost, mixed up or left behind when callers, servers and the broker run in parallel. The
//! conformance suite shows it on one thread. And one thread that a method blocks.

#![allow(clippy::unwrap_used, unreachable_pub)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::server::RunningServer;
use rpc_core::{CallError, Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const SHORT: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Worker {
    ran: Mutex<HashSet<u64>>,
    twice: AtomicU64,
    began: Notify,
}

#[endpoint]
impl Worker {
    /// Records the number and returns it. For every other number it yields to the scheduler first.
    pub async fn double(&self, _ctx: &Context, number: u64) -> u64 {
        if !self.ran.lock().unwrap().insert(number) {
            self.twice.fetch_add(1, Ordering::Relaxed);
        }
        if number % 2 == 1 {
            tokio::task::yield_now().await;
        }
        number * 2
    }

    /// Blocks its thread until the deadline of a call with [`SHORT`] has passed.
    pub async fn block(&self, _ctx: &Context) {
        std::thread::sleep(SHORT * 2);
    }

    pub async fn hang(&self, _ctx: &Context) {
        self.began.notify_one();
        std::future::pending::<()>().await;
    }
}

async fn serve(
    transport: &MemTransport,
    name: &'static str,
    worker: &Arc<Worker>,
) -> RunningServer {
    serve_until(transport, name, worker, Duration::from_secs(30)).await
}

/// Starts a server with this shutdown timeout.
async fn serve_until(
    transport: &MemTransport,
    name: &'static str,
    worker: &Arc<Worker>,
    shutdown_timeout: Duration,
) -> RunningServer {
    Server::builder(transport.clone(), Target::topic("work").server(name))
        .endpoint::<Worker>(Arc::clone(worker))
        .shutdown_timeout(shutdown_timeout)
        .build()
        .unwrap()
        .start()
        .await
        .unwrap()
}

fn client(transport: &MemTransport) -> WorkerClient {
    WorkerClient::new(transport.clone(), Target::topic("work"))
}

async fn nothing_is_left(transport: &MemTransport, servers: Vec<RunningServer>) {
    for server in servers {
        server.stop();
        server.wait().await.unwrap();
        assert_eq!(server.stats().in_flight, 0);
    }
    let left = (transport.pending_calls(), transport.queued(), transport.unacked());
    assert_eq!(left, (0, 0, 0), "pending_calls, queued, unacknowledged");
}

const CALLERS: u64 = 16;
const CALLS: u64 = 400;

/// Starts callers that each make their calls one after the other, and check the results.
fn spawn_callers(transport: &MemTransport) -> Vec<JoinHandle<()>> {
    let callers = (0..CALLERS).map(|caller| {
        let client = client(transport);
        tokio::spawn(async move {
            for number in caller * CALLS..(caller + 1) * CALLS {
                let answer = client.double(&Context::new(), number).await;
                assert_eq!(answer.unwrap(), number * 2);
            }
        })
    });
    callers.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_gets_its_own_reply_and_runs_once() {
    let (transport, worker) = (MemTransport::new(), Arc::new(Worker::default()));
    let servers =
        vec![serve(&transport, "one", &worker).await, serve(&transport, "two", &worker).await];
    let callers = spawn_callers(&transport);
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(worker.ran.lock().unwrap().len() as u64, CALLERS * CALLS);
    assert_eq!(worker.twice.load(Ordering::Relaxed), 0);
    let received: u64 = servers.iter().map(|server| server.stats().received).sum();
    assert_eq!(received, CALLERS * CALLS);
    nothing_is_left(&transport, servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_cancelled_in_the_middle_leave_nothing_behind() {
    let (transport, worker) = (MemTransport::new(), Arc::new(Worker::default()));
    let server = serve(&transport, "one", &worker).await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let client = client(&transport);
            tokio::spawn(async move {
                for number in caller * CALLS..(caller + 1) * CALLS {
                    let ctx = Context::new();
                    tokio::select! {
                        biased;
                        answer = client.double(&ctx, number) => assert_eq!(answer.unwrap(), number * 2),
                        () = tokio::task::yield_now() => {}
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(worker.twice.load(Ordering::Relaxed), 0);
    nothing_is_left(&transport, vec![server]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_come_and_go_under_load_lose_and_repeat_nothing() {
    let (transport, worker) = (MemTransport::new(), Arc::new(Worker::default()));
    let steady = serve(&transport, "steady", &worker).await;
    let callers = spawn_callers(&transport);
    while callers.iter().any(|caller| !caller.is_finished()) {
        let passing = serve(&transport, "passing", &worker).await;
        tokio::task::yield_now().await;
        passing.stop();
        assert_eq!(passing.wait().await.unwrap().aborted, 0);
    }
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(worker.ran.lock().unwrap().len() as u64, CALLERS * CALLS);
    assert_eq!(worker.twice.load(Ordering::Relaxed), 0);
    nothing_is_left(&transport, vec![steady]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_outlives_the_shutdown_timeout_is_aborted_and_its_caller_told() {
    let (transport, worker) = (MemTransport::new(), Arc::new(Worker::default()));
    let server = serve_until(&transport, "one", &worker, Duration::from_millis(200)).await;
    let call = tokio::spawn(client(&transport).hang(&Context::new()).into_future());
    worker.began.notified().await;
    server.stop();
    let report = server.wait().await.unwrap();
    assert_eq!(report.aborted, 1);
    let error = call.await.unwrap().unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error}") };
    assert_eq!((lost.kind(), error.ran()), (TransportErrorKind::Interrupted, Ran::Unknown));
    nothing_is_left(&transport, vec![server]).await;
}

/// The server takes both messages in one turn of its loop, so it must look at the clock before each of them.
#[tokio::test]
async fn a_call_that_expires_while_another_method_blocks_the_thread_is_never_executed() {
    let (transport, worker) = (MemTransport::new(), Arc::new(Worker::default()));
    let server = serve(&transport, "one", &worker).await;
    let (client, ctx) = (client(&transport), Context::new());
    let (blocked, late) = tokio::join!(client.block(&ctx), client.double(&ctx, 1).timeout(SHORT));
    blocked.unwrap();
    let error = late.unwrap_err();
    assert!(matches!(error, CallError::Timeout(_)), "{error:?}");
    assert_ne!(error.ran(), Ran::Yes);
    nothing_is_left(&transport, vec![server]).await;
    assert!(worker.ran.lock().unwrap().is_empty(), "it ran after its deadline");
}
