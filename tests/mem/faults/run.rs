//! Runs a plan.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc_core::error::ExpectedErrors;
use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse, from_fn};
use rpc_core::server::ShutdownCause;
use rpc_core::{
    Call, CallError, Context, Retry, RpcClient, RunningServer, Server, Target, Transport as _,
};
use rpc_transport_mem::MemTransport;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::history::{EventKind, History, Left, Record, ServerNo, Told};
use crate::plan::{Action, Kind, Method, NAMES, Pace, Plan, ServerPlan, Step, TOPIC};
use crate::recording_transport::{CALL, Recording, RecordingTransport};
use crate::service::{Service, ServiceClient, ServiceRejectExpected};

/// The environment of one run.
#[derive(Clone)]
struct RunEnv(Arc<Inner>);

struct Inner {
    plan: Arc<Plan>,
    broker: MemTransport,
    history: History,
    client: RpcClient,
    /// The servers by their numbers, kept to the end for their statistics.
    servers: Mutex<Vec<Option<Arc<RunningServer>>>>,
    supervisors: Mutex<Vec<JoinHandle<()>>>,
    ending: AtomicBool,
}

/// Runs a plan to its end, or until it hangs.
pub(crate) async fn run(plan: Arc<Plan>) -> Record {
    let limit = match plan.pace {
        Pace::Paused => Duration::from_secs(24 * 60 * 60),
        Pace::Real => Duration::from_secs(60),
    };
    let env = RunEnv::set(plan);
    let hangs = match timeout(limit, env.play()).await {
        Ok(hangs) => hangs,
        Err(_) => Some("the callers or the servers do not come to an end"),
    };
    env.record(hangs)
}

async fn pass(call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    next.run(call).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunEnv {
    fn set(plan: Arc<Plan>) -> Self {
        let faults = plan.faults.clone();
        let broker = MemTransport::builder().queue_capacity(plan.capacity).faults(faults).build();
        let history = History::begin();
        let recording =
            Recording { history: history.clone(), confirming: None, server: ServerNo::MAX };
        let transport = RecordingTransport::over(broker.clone(), recording);
        let client = RpcClient::builder(transport, Target::topic(TOPIC));
        let client = client.timeout(plan.pace.default_timeout());
        let client = if plan.is_layered { client.layer(from_fn(pass)) } else { client };
        let client = client.build();
        let (servers, supervisors) = (Mutex::default(), Mutex::default());
        let ending = AtomicBool::new(false);
        Self(Arc::new(Inner { plan, broker, history, client, servers, supervisors, ending }))
    }

    /// Plays the run from the start of the first server to the end of the last one. Returns what did not end.
    async fn play(&self) -> Option<&'static str> {
        let plan = Arc::clone(&self.0.plan);
        for server in &plan.servers {
            self.supervise(server.clone()).await;
        }
        let callers: Vec<_> = plan.callers.iter().cloned().map(|s| self.clone().call(s)).collect();
        let callers: Vec<_> = callers.into_iter().map(tokio::spawn).collect();
        self.conduct().await;
        for caller in callers {
            caller.await.expect("no caller panics");
        }
        self.0.broker.fault_log().expect("there are faults").disable();
        if plan.is_calm && !self.until(|left| left.queued == 0).await {
            return Some("messages stay in a queue whose servers go on");
        }
        self.stop_all().await;
        if self.is_closed() {
            return self.settle().await;
        }
        self.0.ending.store(false, Ordering::SeqCst);
        for name in NAMES {
            self.supervise(ServerPlan::final_consumer(name)).await;
        }
        let swept = self.until(|left| left.queued == 0).await;
        self.stop_all().await;
        if swept { self.settle().await } else { Some("messages stay in a queue that has a server") }
    }

    /// Waits for what ends in the background.
    async fn settle(&self) -> Option<&'static str> {
        let idle = self.until(|left| left == Left::default()).await;
        (!idle).then_some("something is left on the broker")
    }

    async fn until(&self, done: impl Fn(Left) -> bool) -> bool {
        for _ in 0..10_000 {
            if done(self.left()) {
                return true;
            }
            sleep(Duration::from_millis(1)).await;
        }
        false
    }

    fn left(&self) -> Left {
        let broker = &self.0.broker;
        Left {
            pending_calls: broker.pending_calls(),
            queued: broker.queued(),
            unacknowledged: broker.unacked(),
            listeners: broker.listeners(),
        }
    }

    fn is_closed(&self) -> bool {
        self.0.plan.actions.iter().any(|(_, action)| matches!(action, Action::Close))
    }

    fn record(&self, hangs: Option<&'static str>) -> Record {
        let events = self.0.history.end();
        let calls = events.iter().filter_map(|event| match event.kind {
            EventKind::Sent { call, id } => Some((id, call)),
            _ => None,
        });
        let calls: HashMap<_, _> = calls.collect();
        let log = self.0.broker.fault_log().expect("there are faults");
        let faults =
            log.events().iter().map(|event| (event.fault, calls[&event.message])).collect();
        let servers = lock(&self.0.servers);
        let stats = |server: &Option<Arc<RunningServer>>| Some(server.as_ref()?.stats());
        let stats = servers.iter().map(stats).collect();
        Record { events, faults, stats, left: self.left(), hangs }
    }
}

impl RunEnv {
    /// Starts a server, and starts it again after a crash where the plan says so.
    async fn supervise(&self, plan: ServerPlan) {
        let Some(mut server) = self.start(&plan).await else { return };
        let env = self.clone();
        let supervisor = tokio::spawn(async move {
            loop {
                let (number, running) = server;
                let report = running.wait().await.expect("nobody waits inside of a method");
                let crashed = report.cause == ShutdownCause::ListenerEnded;
                env.0.history.record(EventKind::ServerEnded { server: number, report });
                if !crashed || !plan.respawns {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
                match env.start(&plan).await {
                    Some(next) => server = next,
                    None => return,
                }
            }
        });
        lock(&self.0.supervisors).push(supervisor);
    }

    async fn start(&self, plan: &ServerPlan) -> Option<(ServerNo, Arc<RunningServer>)> {
        let history = self.0.history.clone();
        let number = {
            let mut servers = lock(&self.0.servers);
            servers.push(None);
            servers.len() - 1
        };
        let confirming = self.0.plan.confirming;
        let recording = Recording { history: history.clone(), confirming, server: number };
        let transport = RecordingTransport::over(self.0.broker.clone(), recording);
        let server = Server::builder(transport, Target::topic(TOPIC).server(plan.name))
            .endpoint(Service { server: number, history })
            .ack_mode(plan.acknowledge)
            .concurrency(plan.concurrency)
            .shutdown_timeout(plan.shutdown_timeout);
        let server = if self.0.plan.is_layered { server.layer(from_fn(pass)) } else { server };
        let server = server.build().expect("the plan is sound");
        self.0.history.record(EventKind::Started { server: number, plan: plan.clone() });
        // Refused where the broker has been closed.
        let server = Arc::new(server.start().await.ok()?);
        lock(&self.0.servers)[number] = Some(Arc::clone(&server));
        if self.0.ending.load(Ordering::SeqCst) {
            server.stop();
        }
        Some((number, server))
    }

    async fn stop_all(&self) {
        self.0.ending.store(true, Ordering::SeqCst);
        for (number, server) in lock(&self.0.servers).iter().enumerate() {
            if let Some(server) = server {
                self.0.history.record(EventKind::Stopping { server: number });
                server.stop();
            }
        }
        let supervisors = std::mem::take(&mut *lock(&self.0.supervisors));
        for supervisor in supervisors {
            supervisor.await.expect("no supervisor panics");
        }
    }

    /// Performs the plan's actions, each at its time.
    async fn conduct(&self) {
        let begin = Instant::now();
        for (at, action) in self.0.plan.actions.clone() {
            sleep_until(begin + at).await;
            let (history, broker) = (&self.0.history, &self.0.broker);
            match action {
                Action::Stop(nth) => {
                    let server = nth % lock(&self.0.servers).len();
                    history.record(EventKind::Stopping { server });
                    if let Some(server) = &lock(&self.0.servers)[server] {
                        server.stop();
                    }
                }
                Action::Start(plan) => self.supervise(plan).await,
                Action::Restart => {
                    history.record(EventKind::Restarted);
                    broker.restart();
                }
                Action::Close => {
                    history.record(EventKind::Closed);
                    broker.close().await;
                }
            }
        }
    }
}

impl RunEnv {
    /// Runs the steps of one caller, one after the other.
    async fn call(self, steps: Vec<Step>) {
        for step in steps {
            sleep(step.pause).await;
            self.take(&step).await;
        }
    }

    async fn take(&self, step: &Step) {
        let ctx = Context::new().with(CALL, step.number);
        let mut client = self.0.client.prepare();
        if let Some(name) = step.to {
            client = client.server(name);
        }
        if let Some(timeout) = step.timeout {
            client = client.timeout(timeout);
        }
        if let Some(period) = step.monitor {
            client = client.monitor(period);
        }
        if step.retries > 0 {
            client =
                client.retry(Retry::times(step.retries).initial_backoff(Duration::from_millis(1)));
        }
        let untyped = client.build();
        let client = ServiceClient::from(untyped.clone());
        let (number, takes) = (step.number, step.takes.as_micros() as u64);
        match step.method {
            Method::Run => self.send(step, client.run(&ctx, number, takes)).await,
            Method::Reject => self.send(step, client.reject(&ctx, number, takes)).await,
            Method::Fail => self.send(step, client.fail(&ctx, number, takes)).await,
            Method::Panic => self.send(step, client.panic(&ctx, number, takes)).await,
            Method::Block => self.send(step, client.block(&ctx, number, takes)).await,
            Method::Missing => self.send(step, untyped.call(&ctx, "missing", &())).await,
        }
    }

    async fn send<E: Widen>(&self, step: &Step, call: Call<u32, E>) {
        match step.kind {
            Kind::Call => self.listen(step, async { call.await.map(Some).map_err(E::widen) }).await,
            Kind::Cast => {
                self.listen(step, async { told_of_cast(call.cast().await) }).await;
            }
            Kind::Fanout => {
                self.listen(step, async { told_of_cast(call.fanout().await) }).await;
            }
        }
    }

    async fn listen(&self, step: &Step, index: impl Future<Output = Told>) {
        let (call, begun) = (step.number, Instant::now());
        let patience = async {
            match step.dropped_after {
                Some(after) => sleep(after).await,
                None => std::future::pending().await,
            }
        };
        // Noted after the future is gone.
        let told = tokio::select! {
            biased;
            told = index => Some(told),
            () = patience => None,
        };
        self.0.history.record(match told {
            Some(told) => EventKind::Told { call, told, after: begun.elapsed() },
            None => EventKind::Dropped { call },
        });
    }
}

fn told_of_cast(told: Result<(), CallError>) -> Told {
    told.map(|()| None).map_err(CallError::widen)
}

/// Errors of all methods as one type.
trait Widen: ExpectedErrors {
    fn widen(error: CallError<Self>) -> CallError<ServiceRejectExpected>;
}

impl Widen for std::convert::Infallible {
    fn widen(error: CallError) -> CallError<ServiceRejectExpected> {
        error.widen()
    }
}

impl Widen for ServiceRejectExpected {
    fn widen(error: CallError<Self>) -> CallError<Self> {
        error
    }
}
