//! A Python server that restarts under load, beside one in Rust.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::{RpcClient, Server, Target};
use rpc_tests::interop::{InteropEnv, Serving, cases};
use rpc_tests::support::poll::EVENT_TIMEOUT;
use serde_json::Value as Json;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::lifecycle::RustService;
use crate::python_service::{PeerClient, ctx};

/// The exchange that programs with durable queues share. The default one is not durable in the other cases.
const EXCHANGE: &str = "durable";
const QUORUM: &str = "rabbit_quorum_queue=true";
/// Without it, oslo.messaging deletes the fanout queue of a server that stops, and acknowledges and drops what it receives before
/// the broker has answered: Python servers alone then lose half of the casts of this test. With it they lose and double none.
const KEEPS_FANOUT_QUEUE: &str = "use_queue_manager=true&hostname=node1";
const RESTARTS: usize = 13;
/// At most so many casts are sent during a restart. On a busy machine restarts take long, and Python falls behind.
const CASTS: usize = 300;
/// Between two casts.
const INTERVAL: Duration = Duration::from_millis(2);
/// How long each of the Python servers runs before it is stopped. The next one starts meanwhile.
const RUNS: Duration = Duration::from_millis(400);
const POLL: Duration = Duration::from_millis(20);

/// A Python server that stops has received messages that it has not run. They come back to the queue, marked as redelivered.
async fn what_restarting_python_servers_return_runs_exactly_once(env: InteropEnv) {
    let target = Target::topic(env.topic().to_owned()).exchange(EXCHANGE);
    let (ran, mut ran_by_rust) = mpsc::unbounded_channel();
    let server = Server::builder(env.connect(QUORUM), target.clone().server("rust"));
    let server = env.start(server.endpoint(RustService(ran))).await;
    let client: PeerClient = RpcClient::new(env.connect(QUORUM), target).into();

    let permits = Arc::new(Semaphore::new(0));
    let casting = tokio::spawn(cast_until_closed(client, Arc::clone(&permits)));
    let options = format!("{QUORUM}&{KEEPS_FANOUT_QUEUE}&processname={}", env.topic());
    let mut stopping = JoinSet::new();
    for number in 0..RESTARTS {
        permits.add_permits(CASTS);
        // Each has a name of its own, so its reports end with it.
        let python = env.python_server(&format!("python-{number}")).await.exchange(EXCHANGE);
        let python = python.options(&options).start().await.unwrap();
        sleep(RUNS).await;
        stopping.spawn(async move {
            python.stop().await.unwrap();
            python
        });
    }
    let mut pythons = stopping.join_all().await;
    permits.close();
    let casts = casting.await.unwrap();

    let mut runs = Runs::default();
    let all_ran = async {
        while (runs.times.len() as u64) < casts {
            sleep(POLL).await;
            runs.by_python(&mut pythons);
            runs.by_rust(&mut ran_by_rust);
        }
    };
    let in_time = timeout(EVENT_TIMEOUT, all_ran).await;
    server.stop();
    server.wait().await.unwrap();
    runs.by_rust(&mut ran_by_rust);
    let stats = server.stats();
    println!("{casts} casts, {} ran in Python, {} here: {stats:?}", runs.python, runs.rust);
    let (lost, twice) = (runs.lost(casts), runs.twice());
    assert!(
        in_time.is_ok(),
        "{} never ran: {:?}…, {stats:?}",
        lost.len(),
        &lost[..lost.len().min(10)]
    );
    assert!(twice.is_empty(), "ran twice: {twice:?}, {stats:?}");
    assert!(stats.redelivered > 0, "nothing came back: {stats:?}");
    assert_eq!((stats.rejected, stats.expired, stats.interrupted), (0, 0, 0), "{stats:?}");
    assert!(runs.python > 0 && runs.rust > 0, "{} in Python, {} here", runs.python, runs.rust);
}

/// Casts the numbers from 0 on, one for each permit, until the semaphore is closed. Returns how many there were, when all are
/// confirmed.
async fn cast_until_closed(client: PeerClient, permits: Arc<Semaphore>) -> u64 {
    let (mut casts, mut numbers) = (JoinSet::new(), 0_u64..);
    let mut ticks = interval(INTERVAL);
    while let Ok(permit) = permits.acquire().await {
        permit.forget();
        ticks.tick().await;
        let number = numbers.next().unwrap();
        casts.spawn(client.record(&ctx(), number.into()).cast().into_future());
    }
    casts.join_all().await.into_iter().for_each(Result::unwrap);
    numbers.start
}

/// How often each cast ran, and where.
#[derive(Default)]
struct Runs {
    times: BTreeMap<u64, usize>,
    python: usize,
    rust: usize,
}

impl Runs {
    fn by_python(&mut self, servers: &mut [Serving]) {
        for event in servers.iter_mut().flat_map(Serving::rest) {
            self.python += 1;
            self.note(&event["value"]);
        }
    }

    fn by_rust(&mut self, ran: &mut mpsc::UnboundedReceiver<rpc_core::Value>) {
        while let Ok(value) = ran.try_recv() {
            self.rust += 1;
            self.note(&serde_json::to_value(value).unwrap());
        }
    }

    fn lost(&self, casts: u64) -> Vec<u64> {
        (0..casts).filter(|number| !self.times.contains_key(number)).collect()
    }

    fn twice(&self) -> Vec<u64> {
        self.times.iter().filter(|(_, times)| **times > 1).map(|(number, _)| *number).collect()
    }

    fn note(&mut self, number: &Json) {
        *self.times.entry(number.as_u64().unwrap()).or_default() += 1;
    }
}

cases! {
    what_restarting_python_servers_return_runs_exactly_once;
}
