//! One connection to the broker, kept up: made anew whenever it breaks, on the next host, after a pause.
//!
//! A connection that has been made is a [`Session`]. Nothing of a session survives it: whoever needs channels follows the
//! link from session to session and makes them anew, so that nothing of an old connection can be mistaken for the new one's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::{Connection, Event};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::connection::connect::connect;
use crate::connection::connect_error::ConnectFailure;
use crate::random;

/// How often a session is looked at besides what it reports itself.
const LOOK: Duration = Duration::from_millis(500);
/// So many channels of a connection may be spoilt before it is replaced: half of what RabbitMQ grants.
const SPOILT: usize = 1000;
/// How long the broker may take to close a connection in good order.
const CLOSE: Duration = Duration::from_secs(2);

/// A supervised connection. It connects when it is first asked for.
pub(crate) struct Link {
    role: &'static str,
    config: Arc<Config>,
    status: watch::Sender<Status>,
    hurry: Notify,
    /// Ends the link for good.
    stop: CancellationToken,
}

#[derive(Clone)]
pub(crate) enum Status {
    /// Never asked for.
    Idle,
    /// No connection, and why the last attempt failed.
    Connecting(Option<Arc<ConnectFailure>>),
    Up(Arc<Session>),
    Closed,
}

/// Why there is no session to be had.
#[derive(Debug, Clone)]
pub(crate) enum Unavailable {
    /// Trying again soon is of no use.
    Refused(Arc<ConnectFailure>),
    Closed,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(failure) => write!(f, "no connection: {failure}"),
            Self::Closed => f.write_str("the transport has been closed"),
        }
    }
}

/// One connection that was made.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    blocked: watch::Sender<bool>,
    ended: CancellationToken,
    spoilt: AtomicUsize,
}

impl Session {
    /// Whether the broker takes no messages for now.
    pub(crate) fn is_blocked(&self) -> bool {
        *self.blocked.borrow()
    }

    /// Sees when the broker blocks and unblocks.
    pub(crate) fn blocked(&self) -> watch::Receiver<bool> {
        self.blocked.subscribe()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Resolves when the connection is gone.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Notes what an operation on one of its channels failed with.
    ///
    /// The client library refuses the number of a channel that the broker closed over an error from then on, and numbers come
    /// to an end: of a connection that had no end, nobody could open a channel at last.
    pub(crate) fn note(&self, error: &lapin::Error) {
        let spoils = error.is_amqp_soft_error();
        if spoils && self.spoilt.fetch_add(1, Ordering::Relaxed) + 1 >= SPOILT {
            self.end();
        }
    }

    /// How many channels have been spoilt.
    pub(crate) fn spoilt(&self) -> usize {
        self.spoilt.load(Ordering::Relaxed)
    }

    /// Sleeps, but not beyond the session's end.
    pub(crate) async fn pause(&self, time: Duration) {
        let _ = timeout(time, self.ended()).await;
    }

    /// Gives the connection up.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }
}

impl Link {
    pub(crate) fn new(
        role: &'static str,
        config: &Arc<Config>,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            role,
            config: Arc::clone(config),
            status: watch::Sender::new(Status::Idle),
            hurry: Notify::new(),
            stop: stop.clone(),
        })
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The session, as soon as there is one.
    ///
    /// Cancel safe: the link goes on connecting.
    pub(crate) async fn session(self: &Arc<Self>) -> Result<Arc<Session>, Unavailable> {
        self.begin();
        let mut status = self.status.subscribe();
        loop {
            match &*status.borrow_and_update() {
                Status::Up(session) if !session.has_ended() => return Ok(Arc::clone(session)),
                Status::Connecting(Some(failure)) if failure.is_lasting() => {
                    return Err(Unavailable::Refused(Arc::clone(failure)));
                }
                Status::Closed => return Err(Unavailable::Closed),
                _ => {}
            }
            // The sender is ours.
            let _ = status.changed().await;
        }
    }

    /// Resolves when there is no connection, nor will be one: after the link was stopped, or before it began.
    pub(crate) async fn ended(&self) {
        let ended = |status: &Status| matches!(status, Status::Idle | Status::Closed);
        // The sender is ours.
        let _ = self.status.subscribe().wait_for(ended).await;
    }

    /// The next session, however long it takes, unless the link is closed.
    pub(crate) async fn next_session(self: &Arc<Self>) -> Option<Arc<Session>> {
        loop {
            match self.session().await {
                Ok(session) => return Some(session),
                Err(Unavailable::Closed) => return None,
                Err(Unavailable::Refused(_)) => {
                    let mut status = self.status.subscribe();
                    let mended = |status: &Status| !matches!(status, Status::Connecting(_));
                    let _ = status.wait_for(mended).await;
                }
            }
        }
    }

    /// Begins to connect, once.
    fn begin(self: &Arc<Self>) {
        let first = self.status.send_if_modified(|status| {
            let idle = matches!(status, Status::Idle);
            if idle {
                *status = Status::Connecting(None);
            }
            idle
        });
        if first {
            let running = Running(Arc::clone(self));
            tokio::spawn(async move { running.0.run().await });
        }
    }

    async fn run(&self) {
        let mut host = random::bits() as usize;
        let mut pauses = self.config.backoff.first;
        while !self.stop.is_cancelled() {
            let made = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                made = self.round(&mut host) => made,
            };
            let (failure, lasting) = match made {
                Ok(connection) => {
                    let began = Instant::now();
                    self.keep(connection).await;
                    // One that breaks as soon as it is made is as good as none.
                    if began.elapsed() > pauses {
                        pauses = self.config.backoff.first;
                    }
                    (None, false)
                }
                Err(failure) => {
                    let lasting = failure.is_lasting();
                    (Some(Arc::new(failure)), lasting)
                }
            };
            self.status.send_replace(Status::Connecting(failure));
            if lasting {
                pauses = self.config.backoff.longest;
            }
            let pause = jittered(pauses, lasting);
            pauses = (pauses * 2).min(self.config.backoff.longest);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(pause) => {}
                () = self.hurry.notified() => {}
            }
        }
    }

    /// Cuts a pause short, for who has to clean up before the end.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Tries each host once. Fails with the last host's reason, or with one that can pass, if there is any.
    async fn round(&self, host: &mut usize) -> Result<Connection, ConnectFailure> {
        let hosts = &self.config.hosts;
        let mut failed: Option<ConnectFailure> = None;
        for _ in hosts {
            let next = &hosts[*host % hosts.len()];
            // The one that a connection was just lost to is the last to be tried again.
            *host = host.wrapping_add(1);
            match connect(&self.config, next, self.role).await {
                Ok(connection) => {
                    let (host, port) = (&next.name, next.port);
                    tracing::debug!(%host, port, role = self.role, "connected");
                    return Ok(connection);
                }
                Err(failure) => {
                    tracing::warn!(role = self.role, "cannot connect to {failure}");
                    if failed.as_ref().is_none_or(ConnectFailure::is_lasting) {
                        failed = Some(failure);
                    }
                }
            }
        }
        Err(failed.unwrap_or_else(|| unreachable!("a configuration has at least one host")))
    }

    /// Has the connection used until it ends.
    async fn keep(&self, connection: Connection) {
        let mut events = Box::pin(connection.events_listener());
        let session = Arc::new(Session {
            connection,
            blocked: watch::Sender::new(false),
            ended: CancellationToken::new(),
            spoilt: AtomicUsize::new(0),
        });
        self.status.send_replace(Status::Up(Arc::clone(&session)));
        let why = loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(role = self.role, %reason, "the broker takes no messages for now");
                        session.blocked.send_replace(true);
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!(role = self.role, "the broker takes messages again");
                        session.blocked.send_replace(false);
                    }
                    // The end of a channel alone, as over a queue that is not there, is told here, too.
                    Some(Event::Error(error)) if !error.is_amqp_soft_error() => break error.to_string(),
                    Some(_) => {}
                    None => break "the connection is gone".to_owned(),
                },
                () = sleep(LOOK) => if !session.connection.status().connected() {
                    break "the broker closed it".to_owned();
                },
                () = session.ended() => break "it was given up".to_owned(),
                () = self.stop.cancelled() => break String::new(),
            }
        };
        session.end();
        if !self.stop.is_cancelled() {
            tracing::warn!(role = self.role, "lost the connection: {why}");
        }
        // One that was given up may be whole; consumers that it still has would be in the way of the next one's.
        if session.connection.status().connected() {
            let closed = session.connection.close(200, "not needed any longer".into());
            let _ = timeout(CLOSE, closed).await;
        }
    }
}

/// What a link that runs holds: it is closed when it runs no longer, also where that is because its runtime is gone.
struct Running(Arc<Link>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Status::Up(session) = self.0.status.send_replace(Status::Closed) {
            session.end();
        }
    }
}

/// Full jitter, so that a thousand clients of a broker do not come back at the same time; a configuration that has to be
/// mended is tried again no sooner than after half the pause.
fn jittered(pause: Duration, lasting: bool) -> Duration {
    let part = random::part();
    pause.mul_f64(if lasting { 0.5 + part / 2.0 } else { part })
}
