//! Sixteen callers that call and cast until the run ends, and the checks at its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_core::{RpcClient, RunningServer, Transport as _};
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_amqp::AmqpTransport;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::fault_env::{FaultEnv, client, until};
use crate::history::{EventKind, History, Kind, Record, Step};
use crate::log::warnings;
use crate::promise::Promise;
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
    pub(crate) acknowledge: AckMode,
    /// Those of the callers.
    transports: Vec<AmqpTransport>,
    clients: Vec<RpcClient>,
    servers: Vec<(AmqpTransport, RunningServer)>,
    callers: Vec<JoinHandle<()>>,
    ending: Arc<AtomicBool>,
    timer_lag: TimerLag,
    /// What goes wrong allows this.
    pub(crate) promise: Promise,
    /// The servers that nothing happens to.
    pub(crate) steady: Vec<&'static str>,
    /// How many messages waited for the broker when something went wrong: at most.
    waited: u64,
}

impl<'n> Load<'n> {
    /// Creates two transports for callers, and no server yet.
    pub(crate) fn prepare(
        env: FaultEnv<'n>,
        seed: u64,
        acknowledge: AckMode,
        options: &'static str,
    ) -> Self {
        warnings();
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
            promise: Promise::connection_lost(acknowledge),
            steady: Vec::new(),
            waited: 0,
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

    pub(crate) fn add(&mut self, server: (AmqpTransport, RunningServer)) {
        self.servers.push(server);
    }

    /// Stops the server that was started last, as the end of its process would, and starts it again.
    pub(crate) async fn restart(&mut self, name: &'static str) {
        let (transport, server) = self.servers.pop().unwrap();
        server.stop();
        server.wait().await.unwrap();
        transport.close().await;
        self.serve(name).await;
    }

    pub(crate) fn setting(&self, name: &'static str) -> ServerOptions {
        ServerOptions { acknowledge: self.acknowledge, ..ServerOptions::named(name) }
    }

    /// Starts the callers.
    pub(crate) fn call(&mut self) {
        self.ending = Arc::default();
        for number in 0..CALLERS {
            let client = self.clients[number % self.clients.len()].clone();
            let rng = SeededRng::new(self.rng.seed());
            let (history, ending) = (self.history.clone(), Arc::clone(&self.ending));
            self.callers.push(tokio::spawn(call(client, history, rng, ending)));
        }
    }

    /// Returns a client for messages beside those of the callers.
    pub(crate) fn client(&self) -> RpcClient {
        self.clients[0].clone()
    }

    /// Lets the callers run for a random time between these bounds, in milliseconds.
    pub(crate) async fn go_on(&mut self, shortest: u64, longest: u64) {
        let millis = Duration::from_millis;
        sleep(self.rng.between(millis(shortest), millis(longest))).await;
    }

    pub(crate) fn record_fault(&mut self, what: impl Into<String>) {
        let in_flight: u64 = self.servers.iter().map(|(_, it)| it.stats().in_flight).sum();
        let running = self.history.begun().saturating_sub(self.history.finished()) as u64;
        self.waited = self.waited.max(in_flight.saturating_sub(running));
        self.history.record(EventKind::Fault(what.into()));
    }

    /// Waits after the last fault until everything works again, and stops the callers. Returns what happened since the last time.
    pub(crate) async fn settle(&mut self) -> Record {
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
        for (_, server) in &self.servers {
            until("no method runs", async || server.stats().in_flight == 0).await;
        }
        Record {
            acknowledge: self.acknowledge,
            promise: self.promise,
            steady: self.steady.clone(),
            waited: std::mem::take(&mut self.waited),
            ..Record::new(self.history.end(), self.timer_lag.take())
        }
    }

    /// Checks all rules after the last fault, and stops everything.
    pub(crate) async fn end(mut self) {
        assert_kept(&self.settle().await);
        self.stop().await;
    }

    /// Stops everything, and sees to it that nothing is left.
    pub(crate) async fn stop(mut self) {
        self.timer_lag.end().await;
        for (transport, server) in self.servers.drain(..) {
            server.stop();
            server.wait().await.unwrap();
            self.transports.push(transport);
        }
        drop(self.clients);
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
        if step.is_call() && rng.percent(5) {
            let after = rng.between(Duration::ZERO, Duration::from_millis(50));
            history.take_and_drop(&client, step, after).await;
        } else {
            let _ = history.take(&client, step).await;
        }
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
    let kind = match rng.below(100) {
        0..15 => Kind::Cast,
        15..20 => Kind::Fanout,
        _ => Kind::Call,
    };
    Step { kind, takes, timeout }
}
