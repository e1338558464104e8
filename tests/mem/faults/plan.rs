//! What happens in a run: everything about it that the seed decides.

use std::fmt;
use std::time::Duration;

use rpc_core::server::{AckMode, Concurrency};
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_mem::{Fault, FaultPlan};

pub(crate) const TOPIC: &str = "bank";
pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];
const CALLERS: usize = 16;

/// Which clock a run goes by.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One thread, paused time: what the seed decides is nearly everything.
    Paused,
    /// Two threads, real time: the seed decides what is tried, the machine what comes of it.
    Real,
}

impl Pace {
    /// As long as no call ever takes unless something goes wrong.
    pub(crate) const fn default_timeout(self) -> Duration {
        match self {
            Self::Paused => Duration::from_secs(60),
            Self::Real => Duration::from_secs(2),
        }
    }

    /// The most that a caller does.
    const fn steps(self) -> usize {
        match self {
            Self::Paused => 8,
            Self::Real => 4,
        }
    }

    /// How late a call may notice that its time is up: the clock's resolution, or what a busy machine does.
    pub(crate) const fn lateness(self) -> Duration {
        match self {
            Self::Paused => Duration::from_millis(1),
            Self::Real => Duration::from_secs(5),
        }
    }
}

pub(crate) struct Plan {
    pub(crate) pace: Pace,
    /// Nothing strikes a whole server: none is stopped or crashes, the broker neither restarts nor closes.
    pub(crate) is_calm: bool,
    pub(crate) capacity: usize,
    pub(crate) faults: FaultPlan,
    /// Clients and servers have a layer each, which does nothing.
    pub(crate) is_layered: bool,
    /// How long acknowledgements and answers take to be confirmed.
    pub(crate) confirming: Option<Duration>,
    pub(crate) servers: Vec<ServerPlan>,
    pub(crate) acts: Vec<(Duration, Act)>,
    pub(crate) callers: Vec<Vec<Step>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ServerPlan {
    pub(crate) name: &'static str,
    pub(crate) acknowledge: AckMode,
    pub(crate) run_redelivered: bool,
    pub(crate) executor: Concurrency,
    pub(crate) shutdown_timeout: Duration,
    /// Comes back after a crash.
    pub(crate) respawns: bool,
}

impl ServerPlan {
    /// Takes what is left at the end of a run.
    pub(crate) fn sweeper(name: &'static str) -> Self {
        Self {
            name,
            acknowledge: AckMode::BeforeInvoke,
            run_redelivered: false,
            executor: Concurrency::default(),
            shutdown_timeout: Duration::from_secs(30),
            respawns: false,
        }
    }

    pub(crate) fn is_at_most_once(&self) -> bool {
        self.acknowledge == AckMode::BeforeInvoke && !self.run_redelivered
    }
}

/// What befalls the servers in the middle of a run.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Stops the server started as the n-th, modulo how many there are.
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
    /// `None`: the client's own time-out.
    pub(crate) timeout: Option<Duration>,
    pub(crate) to: Option<&'static str>,
    pub(crate) monitor: Option<Duration>,
    pub(crate) retries: u32,
    /// When the caller drops it.
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
        let same_rules = rng.percent(70).then(|| rules(rng));
        let servers = (0..=rng.below(3)).map(|_| server(rng, same_rules)).collect();
        let acts = if is_calm { Vec::new() } else { acts(rng, same_rules) };
        // Neither in every run, for both are beyond the seed: what blocks takes its time from the machine, and pauses
        // between attempts are random.
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
            acts,
            callers,
        }
    }

    /// Whether the seed decides everything.
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
        let strikes_servers = matches!(fault, Fault::Restart | Fault::CrashListener);
        if rng.percent(50) || (is_calm && strikes_servers) {
            continue;
        }
        let percent = if strikes_servers { rng.below(5) } else { rng.below(25) };
        faults = faults.probability(fault, percent as f64 / 100.0);
    }
    faults.limit(Fault::CrashListener, 4)
}

type ServerRules = (AckMode, bool);

fn rules(rng: &mut SeededRng) -> ServerRules {
    match rng.below(10) {
        0..6 => (AckMode::BeforeInvoke, false),
        6 => (AckMode::BeforeInvoke, true),
        _ => (AckMode::AfterReply, false),
    }
}

fn server(rng: &mut SeededRng, same_rules: Option<ServerRules>) -> ServerPlan {
    let (acknowledge, run_redelivered) = same_rules.unwrap_or_else(|| rules(rng));
    ServerPlan {
        name: rng.pick(&NAMES),
        acknowledge,
        run_redelivered,
        executor: rng.pick(&[
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

fn acts(rng: &mut SeededRng, same_rules: Option<ServerRules>) -> Vec<(Duration, Act)> {
    let mut acts: Vec<_> = (0..rng.below(6))
        .map(|_| {
            let act = match rng.below(10) {
                0..4 => Act::Stop(rng.below(4)),
                4..8 => Act::Start(server(rng, same_rules)),
                _ => Act::Restart,
            };
            (rng.between(Duration::ZERO, millis(150)), act)
        })
        .collect();
    if rng.percent(6) {
        acts.push((rng.between(millis(20), millis(200)), Act::Close));
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
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

/// What a failing run says of its configuration.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "faults: {}", self.faults)?;
        let layers = if self.is_layered { "layered, " } else { "" };
        writeln!(f, "{layers}queues of {}, confirming takes {:?}", self.capacity, self.confirming)?;
        self.servers.iter().try_for_each(|server| writeln!(f, "at first: {server:?}"))?;
        self.acts.iter().try_for_each(|(at, act)| writeln!(f, "after {at:?}: {act:?}"))
    }
}
