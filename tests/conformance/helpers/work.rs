//! An endpoint whose methods a case can hold and release, and the ordered log of their events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc_core::server::Concurrency;
use rpc_core::{Context, MessageId, RpcError, RunningServer, StopHandle, endpoint};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use crate::conformance::harness::TestEnv;

/// An observed event, of the method with this label or the message with this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Began(String),
    Ended(String),
    /// The method's future was dropped.
    Aborted(String),
    /// The method was told that its call was cancelled.
    Cancelled(String),
    Sent(MessageId),
    /// The server received it, and acknowledges slowly.
    Received(MessageId),
    Acked(MessageId),
    StillRunning(MessageId),
    Replied(MessageId),
}

pub(crate) fn began(label: &str) -> Event {
    Event::Began(label.to_owned())
}

pub(crate) fn ended(label: &str) -> Event {
    Event::Ended(label.to_owned())
}

/// Records what happens to one or more [`Work`] endpoints, and releases their held methods.
pub(crate) struct Recorder {
    log: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
    permits: Arc<Semaphore>,
    running: Arc<Running>,
}

#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
}

pub(crate) struct Work {
    log: mpsc::UnboundedSender<Event>,
    permits: Arc<Semaphore>,
    running: Arc<Running>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let (log, events) = mpsc::unbounded_channel();
        Self { log, events, permits: Arc::new(Semaphore::new(0)), running: Arc::default() }
    }

    pub(crate) fn work(&self) -> Work {
        Work {
            log: self.log.clone(),
            permits: Arc::clone(&self.permits),
            running: Arc::clone(&self.running),
        }
    }

    /// Returns a sender of events, for others that record.
    pub(crate) fn log(&self) -> mpsc::UnboundedSender<Event> {
        self.log.clone()
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap()
    }

    /// Waits for a method to begin, and returns its label. Nothing else may happen before.
    pub(crate) async fn began(&mut self) -> String {
        match self.next().await {
            Event::Began(label) => label,
            other => panic!("a method should begin, but: {other:?}"),
        }
    }

    /// Waits for this event, and returns all events up to it.
    pub(crate) async fn until(&mut self, last: &Event) -> Vec<Event> {
        let mut events = Vec::new();
        while events.last() != Some(last) {
            events.push(self.next().await);
        }
        events
    }

    /// Returns the events that have not been read yet.
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Releases this many held methods, in the order in which they began.
    pub(crate) fn release(&self, methods: usize) {
        self.permits.add_permits(methods);
    }

    /// Returns how many methods ran at the same time at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.running.most.load(Ordering::Relaxed)
    }
}

/// A running method. Records its end when it is dropped.
struct RunningMethod<'a> {
    work: &'a Work,
    label: String,
    done: bool,
}

impl<'a> RunningMethod<'a> {
    fn begin(work: &'a Work, label: &str) -> Self {
        let now = work.running.now.fetch_add(1, Ordering::Relaxed) + 1;
        work.running.most.fetch_max(now, Ordering::Relaxed);
        work.log(began(label));
        Self { work, label: label.to_owned(), done: false }
    }
}

impl Drop for RunningMethod<'_> {
    fn drop(&mut self) {
        self.work.running.now.fetch_sub(1, Ordering::Relaxed);
        let label = std::mem::take(&mut self.label);
        self.work.log(if self.done { Event::Ended(label) } else { Event::Aborted(label) });
    }
}

impl Work {
    fn log(&self, event: Event) {
        // The case may have ended without looking.
        let _ = self.log.send(event);
    }

    async fn released(&self) {
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        permit.forget();
    }
}

/// An error that is expected.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{0} is closed")]
pub(crate) struct Closed(pub(crate) String);

/// An error that is not expected.
#[derive(Debug, thiserror::Error, RpcError)]
pub(crate) enum WorkError {
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
        RunningMethod::begin(self, &label).done = true;
        label
    }

    /// Begins, and ends when the case releases it.
    pub async fn hold(&self, _ctx: &Context, label: String) -> String {
        let mut running = RunningMethod::begin(self, &label);
        self.released().await;
        running.done = true;
        label
    }

    /// Does the same on a thread that may block.
    #[rpc(blocking)]
    pub fn block(&self, _ctx: &Context, label: String) -> String {
        let mut running = RunningMethod::begin(self, &label);
        Handle::current().block_on(self.released());
        running.done = true;
        label
    }

    /// Sleeps this long.
    pub async fn sleep(&self, _ctx: &Context, millis: u64) -> u64 {
        sleep(Duration::from_millis(millis)).await;
        millis
    }

    /// Begins, and ends when its call is cancelled or the case releases it.
    pub async fn until_cancelled(&self, ctx: &Context, label: String) {
        let mut running = RunningMethod::begin(self, &label);
        tokio::select! {
            () = ctx.cancelled() => {
                assert!(ctx.is_cancelled());
                self.log(Event::Cancelled(label));
            }
            () = self.released() => assert!(!ctx.is_cancelled()),
        }
        running.done = true;
    }

    /// Returns the time until the deadline, in milliseconds.
    pub fn remaining(&self, ctx: &Context) -> Option<u64> {
        ctx.remaining().map(|left| left.as_millis() as u64)
    }

    /// Fails: as expected, by panicking, or in any other way.
    #[expected(Closed)]
    pub async fn fail(&self, _ctx: &Context, how: String) -> Result<(), WorkError> {
        match how.as_str() {
            "as expected" => Err(Closed(how).into()),
            "by panicking" => panic!("out of paper"),
            _ => Err(WorkError::DiskFull),
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

/// Starts server `one`, which runs one message at a time, and keeps it busy until the case releases a method.
pub(crate) async fn busy(env: &TestEnv, recorder: &mut Recorder) -> Arc<RunningServer> {
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Limit(1));
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    client.hold(&Context::new(), "busy".into()).cast().await.unwrap();
    assert_eq!(recorder.began().await, "busy");
    server
}

/// Fills the queue of a busy server with casts, and returns how many it holds.
pub(crate) async fn fill_queue(env: &TestEnv) -> usize {
    let client: WorkClient = env.client();
    let capacity = env.broker().queue_capacity().unwrap();
    for number in 0..capacity {
        client.run(&Context::new(), number.to_string()).cast().await.unwrap();
    }
    capacity
}

/// An endpoint whose method stops its server.
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
