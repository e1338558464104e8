//! Sixteen callers that call and cast until the run ends, and the checks at its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_core::{RpcClient, RunningServer};
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_amqp::AmqpTransport;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::fault_env::{FaultEnv, client, until};
use crate::history::{EventKind, History, Record, Step};
use crate::rules::assert_kept;
use crate::service::{ServerOptions, serve};
use crate::timer_lag::TimerLag;

const CALLERS: usize = 16;
/// How long after the last fault calls may still fail. It is a little more than the longest reconnect delay.
const RECOVERY: Duration = Duration::from_secs(15);

/// A run: its environment, callers and servers.
pub(crate) struct Load<'n> {
    pub(crate) env: FaultEnv<'n>,
    pub(crate) history: History,
    pub(crate) rng: SeededRng,
    /// The options of all its URLs.
    pub(crate) options: &'static str,
    acknowledge: AckMode,
    transports: Vec<AmqpTransport>,
    clients: Vec<RpcClient>,
    servers: Vec<RunningServer>,
    callers: Vec<JoinHandle<()>>,
    ending: Arc<AtomicBool>,
    timer_lag: TimerLag,
    /// Whether the broker may deliver again what it has processed the acknowledgement of.
    pub(crate) broker_forgets: bool,
}

impl<'n> Load<'n> {
    /// Creates two transports for callers, and no server yet.
    pub(crate) fn prepare(
        env: FaultEnv<'n>,
        seed: u64,
        acknowledge: AckMode,
        options: &'static str,
    ) -> Self {
        let timer_lag = TimerLag::measure();
        let history = History::begin();
        let transports: Vec<_> = (0..2).map(|_| env.transport(&env.callers, options)).collect();
        let clients = transports.iter().map(client).collect();
        let (servers, callers, ending) = (Vec::new(), Vec::new(), Arc::default());
        let rng = SeededRng::new(seed);
        Self {
            env,
            history,
            rng,
            options,
            acknowledge,
            transports,
            clients,
            servers,
            callers,
            ending,
            timer_lag,
            broker_forgets: false,
        }
    }

    /// Starts two servers and the callers.
    pub(crate) async fn begin(
        env: FaultEnv<'n>,
        seed: u64,
        acknowledge: AckMode,
        options: &'static str,
    ) -> Self {
        let mut load = Self::prepare(env, seed, acknowledge, options);
        load.serve("one").await;
        load.serve("two").await;
        load.call();
        load
    }

    /// Starts a server, on a transport of its own.
    pub(crate) async fn serve(&mut self, name: &'static str) {
        let server = self.server(name).await;
        self.add(server);
    }

    /// Starts a server that is not part of the run until it is added.
    pub(crate) async fn server(&self, name: &'static str) -> (AmqpTransport, RunningServer) {
        let transport = self.env.transport(&self.env.servers, self.options);
        let server = serve(&transport, self.setting(name), &self.history).await;
        (transport, server)
    }

    pub(crate) fn add(&mut self, (transport, server): (AmqpTransport, RunningServer)) {
        self.transports.push(transport);
        self.servers.push(server);
    }

    pub(crate) fn setting(&self, name: &'static str) -> ServerOptions {
        ServerOptions { acknowledge: self.acknowledge, ..ServerOptions::named(name) }
    }

    /// Starts the callers.
    pub(crate) fn call(&mut self) {
        for number in 0..CALLERS {
            let client = self.clients[number % self.clients.len()].clone();
            let rng = SeededRng::new(self.rng.seed());
            let (history, ending) = (self.history.clone(), Arc::clone(&self.ending));
            self.callers.push(tokio::spawn(call(client, history, rng, ending)));
        }
    }

    /// Lets the callers run for a random time between these bounds, in milliseconds.
    pub(crate) async fn go_on(&mut self, shortest: u64, longest: u64) {
        let millis = Duration::from_millis;
        sleep(self.rng.between(millis(shortest), millis(longest))).await;
    }

    pub(crate) fn record_fault(&self, what: impl Into<String>) {
        self.history.record(EventKind::Fault(what.into()));
    }

    /// Waits after the last fault until everything works again, stops callers and servers, and checks all rules.
    pub(crate) async fn end(mut self) {
        let healed = Instant::now();
        let working = self.history.begun();
        for client in &self.clients {
            self.until_it_works(client, healed).await;
        }
        // The callers notice, too.
        let enough = working + 4 * CALLERS;
        until("callers go on", async || self.history.begun() >= enough).await;
        self.ending.store(true, Ordering::Relaxed);
        for caller in self.callers.drain(..) {
            caller.await.unwrap();
        }
        self.env.until_drained().await;
        for server in &self.servers {
            until("no method runs", async || server.stats().in_flight == 0).await;
            server.stop();
            server.wait().await.unwrap();
        }
        let in_doubt = match self.broker_forgets {
            true => u64::MAX,
            false => self.servers.iter().map(|server| server.stats().in_doubt).sum(),
        };
        self.servers.clear();
        self.clients.clear();
        assert_kept(&Record {
            events: self.history.end(),
            acknowledge: self.acknowledge,
            in_doubt,
            timer_lag: self.timer_lag.end().await,
        });
        self.env.close(self.transports).await;
    }

    async fn until_it_works(&self, client: &RpcClient, healed: Instant) {
        let mut last = None;
        while healed.elapsed() < RECOVERY {
            let step = Step::call(Duration::ZERO, Duration::from_secs(2));
            match self.history.take(client, step).await {
                Ok(_) => return,
                Err(error) => last = Some(error),
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("calls still fail {:?} after the last fault: {last:?}", healed.elapsed());
    }
}

async fn call(client: RpcClient, history: History, mut rng: SeededRng, ending: Arc<AtomicBool>) {
    while !ending.load(Ordering::Relaxed) {
        let step = roll(&mut rng);
        let _ = history.take(&client, step).await;
        sleep(rng.between(Duration::ZERO, Duration::from_millis(10))).await;
    }
}

fn roll(rng: &mut SeededRng) -> Step {
    let millis = Duration::from_millis;
    let takes = match rng.below(20) {
        0..16 => millis(0),
        16..19 => rng.between(millis(1), millis(100)),
        _ => rng.between(millis(100), millis(600)),
    };
    let timeout = rng.between(millis(2000), millis(3000));
    match rng.percent(15) {
        true => Step::cast(takes, timeout),
        false => Step::call(takes, timeout),
    }
}
