//! The plan of a run: everything that the seed decides.

use std::fmt;
use std::time::Duration;

use rpc_core::server::{AckMode, Concurrency};
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_mem::{Fault, FaultPlan};

pub(crate) const TOPIC: &str = "bank";
pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];
const CALLERS: usize = 16;

/// The clock of a run.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One thread and paused time: the seed decides nearly everything.
    Paused,
    /// Two threads and real time: the seed decides what is tried, the machine decides the outcome.
    Real,
}

impl Pace {
    /// Returns the default timeout of calls. Without a fault no call takes as long.
    pub(crate) const fn default_timeout(self) -> Duration {
        match self {
            Self::Paused => Duration::from_secs(60),
            Self::Real => Duration::from_secs(2),
        }
    }

    /// Returns the largest number of steps of a caller.
    const fn steps(self) -> usize {
        match self {
            Self::Paused => 8,
            Self::Real => 4,
        }
    }

    /// Returns how late a call may time out: by the resolution of the clock, or by what a busy machine adds.
    pub(crate) const fn lateness(self) -> Duration {
        match self {
            Self::Paused => Duration::from_millis(1),
            Self::Real => Duration::from_secs(5),
        }
    }
}

pub(crate) struct Plan {
    pub(crate) pace: Pace,
    /// No fault affects a whole server: no server stops or crashes, and the broker neither restarts nor closes.
    pub(crate) is_calm: bool,
    pub(crate) capacity: usize,
    pub(crate) faults: FaultPlan,
    /// Whether clients and servers have a layer, which does nothing.
    pub(crate) is_layered: bool,
    /// How long it takes to confirm acknowledgements and replies.
    pub(crate) confirming: Option<Duration>,
    pub(crate) servers: Vec<ServerPlan>,
    pub(crate) actions: Vec<(Duration, Action)>,
    pub(crate) callers: Vec<Vec<Step>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ServerPlan {
    pub(crate) name: &'static str,
    pub(crate) acknowledge: AckMode,
    pub(crate) concurrency: Concurrency,
    pub(crate) shutdown_timeout: Duration,
    /// Whether it is started again after a crash.
    pub(crate) respawns: bool,
}

impl ServerPlan {
    /// Returns the plan of a server that consumes what is left in the queues at the end of a run.
    pub(crate) fn final_consumer(name: &'static str) -> Self {
        Self {
            name,
            acknowledge: AckMode::default(),
            concurrency: Concurrency::default(),
            shutdown_timeout: Duration::from_secs(30),
            respawns: false,
        }
    }
}

/// An event that affects servers in the middle of a run.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Stops the server that was started as number n, modulo the number of servers.
    Stop(usize),
    Start(ServerPlan),
    Restart,
    Close,
}

/// One call or cast of a caller.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) number: u32,
    pub(crate) pause: Duration,
    pub(crate) method: Method,
    pub(crate) takes: Duration,
    pub(crate) kind: Kind,
    /// `None` stands for the client's own timeout.
    pub(crate) timeout: Option<Duration>,
    pub(crate) to: Option<&'static str>,
    pub(crate) monitor: Option<Duration>,
    pub(crate) retries: u32,
    /// After how long the caller drops it.
    pub(crate) dropped_after: Option<Duration>,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Method {
    Run,
    Reject,
    Fail,
    Panic,
    Block,
    /// No server has it.
    Missing,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Cast,
    Fanout,
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Plan {
    pub(crate) fn new(seed: u64, pace: Pace) -> Self {
        let mut rng = SeededRng::new(seed);
        let rng = &mut rng;
        let is_calm = rng.percent(25);
        let same_mode = rng.percent(70).then(|| ack_mode(rng));
        let servers = (0..=rng.below(3)).map(|_| server(rng, same_mode)).collect();
        let actions = if is_calm { Vec::new() } else { actions(rng, same_mode) };
        // Not every run has these, as the seed does not decide their times: the machine decides how long a blocking method
        // takes, and the backoff of retries is random.
        let (blocks, retries) = (rng.percent(25), rng.percent(50));
        let mut number = 0;
        let callers = (0..CALLERS).map(|_| {
            let steps = 1 + rng.below(pace.steps());
            (0..steps)
                .map(|_| {
                    number += 1;
                    step(rng, number, blocks, retries)
                })
                .collect()
        });
        let callers = callers.collect();
        Self {
            pace,
            is_calm,
            capacity: rng.pick(&[1, 2, 4, 1024, 1024, 1024]),
            faults: faults(rng, seed, is_calm),
            is_layered: rng.percent(20),
            confirming: rng.percent(25).then(|| rng.between(Duration::ZERO, millis(8))),
            servers,
            actions,
            callers,
        }
    }

    /// Returns whether the seed decides everything.
    pub(crate) fn is_exact(&self) -> bool {
        self.pace == Pace::Paused
            && self.steps().all(|step| step.method != Method::Block && step.retries == 0)
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.callers.iter().flatten()
    }

    pub(crate) fn timeout(&self, step: &Step) -> Duration {
        step.timeout.unwrap_or(self.pace.default_timeout())
    }
}

fn faults(rng: &mut SeededRng, seed: u64, is_calm: bool) -> FaultPlan {
    let mut faults = FaultPlan::with_seed(seed).max_delay(millis(30));
    for &fault in Fault::ALL {
        let affects_servers = matches!(fault, Fault::Restart | Fault::CrashListener);
        if rng.percent(50) || (is_calm && affects_servers) {
            continue;
        }
        let percent = if affects_servers { rng.below(5) } else { rng.below(25) };
        faults = faults.probability(fault, percent as f64 / 100.0);
    }
    faults.limit(Fault::CrashListener, 4)
}

fn ack_mode(rng: &mut SeededRng) -> AckMode {
    match rng.below(10) {
        0..4 => AckMode::Confirmed,
        4 => AckMode::AtMostOnce,
        5..7 => AckMode::BeforeInvoke,
        _ => AckMode::AfterReply,
    }
}

fn server(rng: &mut SeededRng, same_mode: Option<AckMode>) -> ServerPlan {
    let acknowledge = same_mode.unwrap_or_else(|| ack_mode(rng));
    ServerPlan {
        name: rng.pick(&NAMES),
        acknowledge,
        concurrency: rng.pick(&[
            Concurrency::Serial,
            Concurrency::Limit(1),
            Concurrency::Limit(2),
            Concurrency::Limit(4),
            Concurrency::Limit(64),
        ]),
        shutdown_timeout: rng.pick(&[
            Duration::ZERO,
            millis(5),
            millis(50),
            Duration::from_secs(30),
        ]),
        respawns: rng.percent(70),
    }
}

fn actions(rng: &mut SeededRng, same_mode: Option<AckMode>) -> Vec<(Duration, Action)> {
    let mut actions: Vec<_> = (0..rng.below(6))
        .map(|_| {
            let action = match rng.below(10) {
                0..4 => Action::Stop(rng.below(4)),
                4..8 => Action::Start(server(rng, same_mode)),
                _ => Action::Restart,
            };
            (rng.between(Duration::ZERO, millis(150)), action)
        })
        .collect();
    if rng.percent(6) {
        actions.push((rng.between(millis(20), millis(200)), Action::Close));
    }
    actions.sort_by_key(|(at, _)| *at);
    actions
}

fn step(rng: &mut SeededRng, number: u32, blocks: bool, retries: bool) -> Step {
    let method = match rng.below(20) {
        0..2 => Method::Reject,
        2 => Method::Fail,
        3 => Method::Panic,
        4 => Method::Missing,
        5..7 if blocks => Method::Block,
        _ => Method::Run,
    };
    let kind = match rng.below(20) {
        0..3 => Kind::Cast,
        3 => Kind::Fanout,
        _ => Kind::Call,
    };
    let timeout = match rng.below(10) {
        0..3 => Some(rng.between(Duration::from_micros(100), millis(20))),
        3..5 => Some(rng.between(millis(20), millis(300))),
        _ => None,
    };
    Step {
        number,
        pause: rng.between(Duration::ZERO, millis(25)),
        method,
        takes: if rng.percent(60) { Duration::ZERO } else { rng.between(millis(1), millis(60)) },
        kind,
        timeout,
        to: (kind != Kind::Fanout && rng.percent(25)).then(|| rng.pick(&NAMES)),
        monitor: (kind == Kind::Call && rng.percent(10))
            .then(|| rng.between(millis(2), millis(30))),
        retries: if retries && rng.percent(40) { 2 } else { 0 },
        dropped_after: rng.percent(10).then(|| rng.between(Duration::ZERO, millis(20))),
    }
}

/// Formats the configuration for the report of a failed run.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "faults: {}", self.faults)?;
        let layers = if self.is_layered { "layered, " } else { "" };
        writeln!(f, "{layers}queues of {}, confirming takes {:?}", self.capacity, self.confirming)?;
        self.servers.iter().try_for_each(|server| writeln!(f, "at first: {server:?}"))?;
        self.actions.iter().try_for_each(|(at, action)| writeln!(f, "after {at:?}: {action:?}"))
    }
}
