//! An endpoint whose methods a case holds and lets go, and the log of what happened to them, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc_core::server::Concurrency;
use rpc_core::{Context, MessageId, RpcError, RunningServer, StopHandle, endpoint};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use crate::conformance::harness::World;

/// What happened, to the method with this label or the message with this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Began(String),
    Ended(String),
    /// The method's future was dropped.
    CutOff(String),
    /// The method was told that its caller had gone.
    Abandoned(String),
    Sent(MessageId),
    /// By a server that is slow to acknowledge.
    Taken(MessageId),
    Acknowledged(MessageId),
    Heartbeat(MessageId),
    Answered(MessageId),
}

pub(crate) fn began(label: &str) -> Event {
    Event::Began(label.to_owned())
}

pub(crate) fn ended(label: &str) -> Event {
    Event::Ended(label.to_owned())
}

/// The case's side of one or more [`Work`]s.
pub(crate) struct Watch {
    log: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
    gate: Arc<Semaphore>,
    running: Arc<Running>,
}

#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
}

pub(crate) struct Work {
    log: mpsc::UnboundedSender<Event>,
    gate: Arc<Semaphore>,
    running: Arc<Running>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        let (log, events) = mpsc::unbounded_channel();
        Self { log, events, gate: Arc::new(Semaphore::new(0)), running: Arc::default() }
    }

    pub(crate) fn work(&self) -> Work {
        Work {
            log: self.log.clone(),
            gate: Arc::clone(&self.gate),
            running: Arc::clone(&self.running),
        }
    }

    /// Where others write what they saw.
    pub(crate) fn log(&self) -> mpsc::UnboundedSender<Event> {
        self.log.clone()
    }

    /// The next event; waits for it.
    pub(crate) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap()
    }

    /// Waits for a method to begin; its label. Nothing else may happen before.
    pub(crate) async fn began(&mut self) -> String {
        match self.next().await {
            Event::Began(label) => label,
            other => panic!("a method should begin, but: {other:?}"),
        }
    }

    /// What happens up to this event, and the event.
    pub(crate) async fn until(&mut self, last: &Event) -> Vec<Event> {
        let mut events = Vec::new();
        while events.last() != Some(last) {
            events.push(self.next().await);
        }
        events
    }

    /// What happened beyond that.
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Lets this many held methods go, in the order in which they began.
    pub(crate) fn release(&self, methods: usize) {
        self.gate.add_permits(methods);
    }

    /// How many held methods ran at the same time at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.running.most.load(Ordering::Relaxed)
    }
}

/// A method under way. Logs its end, whatever it is.
struct Doing<'a> {
    work: &'a Work,
    label: String,
    done: bool,
}

impl<'a> Doing<'a> {
    fn begin(work: &'a Work, label: &str) -> Self {
        let now = work.running.now.fetch_add(1, Ordering::Relaxed) + 1;
        work.running.most.fetch_max(now, Ordering::Relaxed);
        work.log(began(label));
        Self { work, label: label.to_owned(), done: false }
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        self.work.running.now.fetch_sub(1, Ordering::Relaxed);
        let label = std::mem::take(&mut self.label);
        self.work.log(if self.done { Event::Ended(label) } else { Event::CutOff(label) });
    }
}

impl Work {
    fn log(&self, event: Event) {
        // The case may have ended without looking.
        let _ = self.log.send(event);
    }

    async fn let_go(&self) {
        let permit = self.gate.acquire().await.expect("the gate is never closed");
        permit.forget();
    }
}

/// An error that is expected.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{0} is closed")]
pub(crate) struct Closed(pub(crate) String);

/// An error that is not.
#[derive(Debug, thiserror::Error, RpcError)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error("the disk is full")]
    DiskFull,
}

/// A value that cannot be encoded.
#[derive(Debug, Deserialize)]
pub(crate) struct Unencodable;

impl Serialize for Unencodable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("this value stays at home"))
    }
}

#[endpoint(client = pub(crate) WorkClient)]
impl Work {
    /// Begins and ends at once.
    pub fn run(&self, _ctx: &Context, label: String) -> String {
        Doing::begin(self, &label).done = true;
        label
    }

    /// Begins, and ends when the case lets it go.
    pub async fn hold(&self, _ctx: &Context, label: String) -> String {
        let mut doing = Doing::begin(self, &label);
        self.let_go().await;
        doing.done = true;
        label
    }

    /// The same on a thread that may block.
    #[rpc(blocking)]
    pub fn block(&self, _ctx: &Context, label: String) -> String {
        let mut doing = Doing::begin(self, &label);
        Handle::current().block_on(self.let_go());
        doing.done = true;
        label
    }

    /// Takes this long.
    pub async fn last(&self, _ctx: &Context, millis: u64) -> u64 {
        sleep(Duration::from_millis(millis)).await;
        millis
    }

    /// Begins, and ends when its caller has gone or the case lets it go.
    pub async fn mind_the_caller(&self, ctx: &Context, label: String) {
        let mut doing = Doing::begin(self, &label);
        tokio::select! {
            () = ctx.cancelled() => {
                assert!(ctx.is_cancelled());
                self.log(Event::Abandoned(label));
            }
            () = self.let_go() => assert!(!ctx.is_cancelled()),
        }
        doing.done = true;
    }

    /// How long the caller still waits, in milliseconds.
    pub fn remaining(&self, ctx: &Context) -> Option<u64> {
        ctx.remaining().map(|left| left.as_millis() as u64)
    }

    /// Fails: as expected, by panicking, or in any other way.
    #[expected(Closed)]
    pub async fn fail(&self, _ctx: &Context, how: String) -> Result<(), Trouble> {
        match how.as_str() {
            "as expected" => Err(Closed(how).into()),
            "by panicking" => panic!("out of paper"),
            _ => Err(Trouble::DiskFull),
        }
    }

    /// Panics on a thread that may block.
    #[rpc(blocking)]
    pub fn panic_aside(&self, _ctx: &Context) {
        panic!("out of ink");
    }

    /// Succeeds with a value that cannot be encoded.
    pub fn unencodable(&self, _ctx: &Context) -> Unencodable {
        Unencodable
    }
}

/// A server `one` that runs one message at a time, and is busy with a held method until the case lets it go.
pub(crate) async fn busy(world: &World, watch: &mut Watch) -> Arc<RunningServer> {
    let builder = world.server("one").endpoint(watch.work()).concurrency(Concurrency::Limit(1));
    let server = world.start(builder).await;
    let client: WorkClient = world.client();
    client.hold(&Context::new(), "busy".into()).cast().await.unwrap();
    assert_eq!(watch.began().await, "busy");
    server
}

/// Lets a method stop its server.
pub(crate) struct Control {
    pub(crate) server: StopHandle,
}

#[endpoint(namespace = "control", client = pub(crate) ControlClient)]
impl Control {
    /// Stops the server.
    pub fn stop(&self, _ctx: &Context) {
        self.server.stop();
    }
}
