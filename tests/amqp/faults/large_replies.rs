//! Large replies, which take a client's task longer than small ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc_core::server::Concurrency;
use rpc_core::{Context, Server, Target, endpoint};
use rpc_tests::support::rabbitmq::{Cut, Direction, UrlForm};
use rpc_tests::support::seeded_rng::SeededRng;
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::fault_env::{FaultEnv, until};
use crate::scenario;
use crate::service::TOPIC;

scenario!(all_large_replies_come_when_the_connection_breaks_in_the_middle);

const CALLS: usize = 100;
/// How long a call may take on a busy machine, as each of the megabytes is encoded and decoded.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The connection's task hands replies of more than 64 KiB to another one.
const SMALLEST: usize = 64 * 1024;

struct Printer {
    begun: Arc<AtomicUsize>,
    barrier: watch::Receiver<bool>,
}

#[endpoint(client = PrinterClient)]
impl Printer {
    pub async fn print(&self, _ctx: &Context, length: usize) -> String {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let _ = self.barrier.clone().wait_for(|open| *open).await;
        "x".repeat(length)
    }
}

async fn all_large_replies_come_when_the_connection_breaks_in_the_middle(form: UrlForm, seed: u64) {
    let mut rng = SeededRng::new(seed);
    let env = FaultEnv::shared(form, &format!("large replies {seed}")).await;
    let (begun, barrier) = (Arc::<AtomicUsize>::default(), watch::Sender::new(false));
    let printer = Printer { begun: Arc::clone(&begun), barrier: barrier.subscribe() };
    let transports = [env.transport(&env.callers, ""), env.transport(&env.servers, "")];
    let server = Server::builder(transports[1].clone(), Target::topic(TOPIC).server("one"));
    let server = server.endpoint(printer).concurrency(Concurrency::Limit(CALLS));
    let server = server.build().unwrap().start().await.unwrap();
    let client = PrinterClient::new(transports[0].clone(), Target::topic(TOPIC));
    let mut calls = JoinSet::new();
    for call in 0..CALLS {
        let length = SMALLEST + 1 + call * 50;
        let printed = client.print(&Context::new(), length).timeout(CALL_TIMEOUT);
        calls.spawn(async move { (length, printed.await) });
    }
    until("all methods run", async || begun.load(Ordering::SeqCst) == CALLS).await;

    let received = || env.callers.bytes(Direction::ToClient);
    let cut_at = received() + 1 + rng.below(CALLS * SMALLEST) as u64;
    barrier.send_replace(true);
    let some_are_there = async {
        while received() < cut_at {
            yield_now().await;
        }
    };
    timeout(CALL_TIMEOUT, some_are_there).await.expect("replies come");
    env.callers.cut(if rng.percent(50) { Cut::Reset } else { Cut::Finish });
    while let Some(call) = calls.join_next().await {
        let (length, printed) = call.unwrap();
        assert_eq!(printed.unwrap_or_else(|error| panic!("{error}")).len(), length);
    }
    assert_eq!(begun.load(Ordering::SeqCst), CALLS, "no method ran twice");
    env.until_drained().await;
    server.stop();
    server.wait().await.unwrap();
    drop((client, server));
    env.close(transports.into()).await;
}
