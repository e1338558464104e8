//! A service, and well-behaved callers who call and cast beside hostile messages.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rpc_core::server::Concurrency;
use rpc_core::{Context, RunningServer, Server, Target, endpoint};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_transport_amqp::AmqpTransport;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many callers there are.
const CALLERS: u64 = 3;

/// What has run.
#[derive(Debug, Default)]
pub struct Runs {
    calls: Mutex<HashMap<u64, usize>>,
    casts: Mutex<HashMap<u64, usize>>,
}

impl Runs {
    /// Returns how often each cast has run.
    pub fn casts(&self) -> HashMap<u64, usize> {
        self.casts.lock().unwrap().clone()
    }
}

pub struct Service {
    pub runs: Arc<Runs>,
    /// Casts wait until it opens.
    pub barrier: Option<watch::Receiver<bool>>,
}

#[endpoint(client = pub ServiceClient)]
impl Service {
    pub fn echo(&self, _ctx: &Context, number: u64) -> u64 {
        *self.runs.calls.lock().unwrap().entry(number).or_default() += 1;
        number
    }

    pub async fn note(&self, _ctx: &Context, number: u64) {
        *self.runs.casts.lock().unwrap().entry(number).or_default() += 1;
        if let Some(barrier) = &self.barrier {
            let _ = barrier.clone().wait_for(|open| *open).await;
        }
    }
}

pub async fn serve(
    transport: &AmqpTransport,
    target: Target,
    service: Service,
    concurrency: usize,
) -> RunningServer {
    let server = Server::builder(transport.clone(), target).endpoint(service);
    let server = server.concurrency(Concurrency::Limit(concurrency));
    server.build().unwrap().start().await.unwrap()
}

/// Callers at work.
pub struct Neighbours {
    tasks: JoinSet<(u64, Vec<u64>)>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

/// The callers' first number; the numbers of hostile messages are smaller.
const FIRST_NUMBER: u64 = 1000;

impl Neighbours {
    /// Has callers call and cast, each without a pause. A call that fails or returns something else fails the test.
    pub fn begin(client: &ServiceClient) -> Self {
        let (mut tasks, stop, done) =
            (JoinSet::new(), Arc::<AtomicBool>::default(), Arc::default());
        for caller in 0..CALLERS {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            let done: Arc<AtomicU64> = Arc::clone(&done);
            tasks.spawn(async move {
                let (ctx, mut calls, mut confirmed) = (Context::new(), 0, Vec::new());
                let mut number = FIRST_NUMBER + caller;
                while !stop.load(Ordering::SeqCst) {
                    let echo = client.echo(&ctx, number).timeout(EVENT_TIMEOUT).await;
                    assert_eq!(
                        echo.unwrap_or_else(|error| panic!("call {number}: {error}")),
                        number
                    );
                    calls += 1;
                    let cast = client.note(&ctx, number).cast().timeout(EVENT_TIMEOUT).await;
                    cast.unwrap_or_else(|error| panic!("cast {number}: {error}"));
                    confirmed.push(number);
                    number += CALLERS;
                    done.fetch_add(1, Ordering::SeqCst);
                }
                (calls, confirmed)
            });
        }
        Self { tasks, stop, done }
    }

    /// Returns how many calls and casts have been made so far, in pairs.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// Has the callers finish. Waits until each cast has run, and asserts that it ran once. Returns how many messages they sent.
    pub async fn end(mut self, runs: &Runs) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        let (mut calls, mut confirmed) = (0, Vec::new());
        while let Some(caller) = self.tasks.join_next().await {
            let (its_calls, casts) = caller.unwrap();
            calls += its_calls;
            confirmed.extend(casts);
        }
        let has_run =
            |casts: &HashMap<u64, usize>| confirmed.iter().all(|it| casts.contains_key(it));
        until("each cast has run", async || has_run(&runs.casts.lock().unwrap())).await;
        assert_ran_once(&runs.casts());
        assert_ran_once(&runs.calls.lock().unwrap());
        calls + confirmed.len() as u64
    }
}

/// Asserts that nothing of the callers ran twice.
fn assert_ran_once(runs: &HashMap<u64, usize>) {
    let twice: Vec<_> =
        runs.iter().filter(|(number, times)| **number >= FIRST_NUMBER && **times != 1).collect();
    assert!(twice.is_empty(), "these did not run once: {twice:?}");
}
