//! Keeps one connection to the broker up: reconnects whenever it breaks, to the next host, after a delay.
//!
//! A connection that has been made is a [`Session`]. Its users follow the supervisor from session to session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Session;
use super::broker_error::describe;
use super::connect::connect;
use super::connect_error::ConnectError;
use crate::config::Config;

/// How long the broker may take to close a connection in an orderly way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that is made anew whenever it breaks. It connects when a session is first asked for.
pub(crate) struct ConnectionSupervisor {
    role: &'static str,
    config: Arc<Config>,
    status: watch::Sender<Status>,
    retry: Notify,
    /// Closes the connection for good.
    stop: CancellationToken,
}

#[derive(Clone)]
pub(super) enum Status {
    /// No session was ever asked for.
    Idle,
    /// There is no connection; and the error of the last attempt.
    Connecting(Option<Arc<ConnectError>>),
    Up(Arc<Session>),
    Closed,
}

/// The reason why no session can be had.
#[derive(Debug, Clone)]
pub(crate) enum Unavailable {
    /// The configuration has to be changed first.
    Failed(Arc<ConnectError>),
    Closed,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "no connection: {error}"),
            Self::Closed => f.write_str("the transport has been closed"),
        }
    }
}

impl ConnectionSupervisor {
    /// Creates a supervisor that has not connected yet. Its name on the broker and in logs ends with `role`.
    pub(crate) fn new(
        role: &'static str,
        config: &Arc<Config>,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            role,
            config: Arc::clone(config),
            status: watch::Sender::new(Status::Idle),
            retry: Notify::new(),
            stop: stop.clone(),
        })
    }

    /// Returns a receiver of the connection's status.
    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Waits for a session and returns it.
    ///
    /// # Errors
    ///
    /// Fails if the last attempt failed for a reason that does not pass, or if the transport has been closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the supervisor goes on connecting.
    pub(crate) async fn session(self: &Arc<Self>) -> Result<Arc<Session>, Unavailable> {
        self.start();
        let mut status = self.status.subscribe();
        loop {
            match &*status.borrow_and_update() {
                Status::Up(session) if !session.has_ended() => return Ok(Arc::clone(session)),
                Status::Connecting(Some(error)) if error.is_permanent() => {
                    return Err(Unavailable::Failed(Arc::clone(error)));
                }
                Status::Closed => return Err(Unavailable::Closed),
                _ => {}
            }
            // The sender is ours.
            let _ = status.changed().await;
        }
    }

    /// Returns why there is no connection: the error of the last attempt.
    pub(crate) fn last_error(&self) -> Option<Arc<ConnectError>> {
        match &*self.status.borrow() {
            Status::Connecting(error) => error.clone(),
            _ => None,
        }
    }

    /// Waits until there is no connection and there will be none: after the supervisor was stopped, or before it started.
    pub(crate) async fn ended(&self) {
        let ended = |status: &Status| matches!(status, Status::Idle | Status::Closed);
        // The sender is ours.
        let _ = self.status.subscribe().wait_for(ended).await;
    }

    /// Waits for a session however long it takes. Returns `None` once the transport is closed.
    pub(crate) async fn next_session(self: &Arc<Self>) -> Option<Arc<Session>> {
        loop {
            match self.session().await {
                Ok(session) => return Some(session),
                Err(Unavailable::Closed) => return None,
                Err(Unavailable::Failed(_)) => {
                    let mut status = self.status.subscribe();
                    let changed = |status: &Status| !matches!(status, Status::Connecting(_));
                    let _ = status.wait_for(changed).await;
                }
            }
        }
    }

    /// Starts to connect, once.
    fn start(self: &Arc<Self>) {
        let first = self.status.send_if_modified(|status| {
            let idle = matches!(status, Status::Idle);
            if idle {
                *status = Status::Connecting(None);
            }
            idle
        });
        if first {
            let guard = CloseOnDrop(Arc::clone(self));
            tokio::spawn(async move { guard.0.run().await });
        }
    }

    /// Connects to one host after the other, starting anywhere, until the supervisor is stopped.
    async fn run(&self) {
        let mut host = fastrand::usize(..);
        let mut delay = self.config.backoff.initial;
        while !self.stop.is_cancelled() {
            let made = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                made = self.try_hosts(&mut host) => made,
            };
            let (error, permanent) = match made {
                Ok(session) => {
                    let began = Instant::now();
                    self.run_session(session).await;
                    // A connection that breaks as soon as it is made does not reset the delay.
                    if began.elapsed() > delay {
                        delay = self.config.backoff.initial;
                    }
                    (None, false)
                }
                Err(error) => {
                    let permanent = error.is_permanent();
                    (Some(Arc::new(error)), permanent)
                }
            };
            self.status.send_replace(Status::Connecting(error));
            if permanent {
                delay = self.config.backoff.max;
            }
            let jittered = jitter(delay, permanent);
            delay = (delay * 2).min(self.config.backoff.max);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(jittered) => {}
                () = self.retry.notified() => {}
            }
        }
    }

    /// Cuts the delay before the next attempt short, for whoever has to delete queues before the end.
    pub(crate) fn retry_now(&self) {
        self.retry.notify_one();
    }

    /// Tries each host once.
    ///
    /// # Errors
    ///
    /// Fails if no host can be connected to, with the last host's error; or, if there is one, with an error that can pass.
    async fn try_hosts(&self, host: &mut usize) -> Result<Session, ConnectError> {
        let hosts = &self.config.hosts;
        let mut failed: Option<ConnectError> = None;
        for _ in hosts {
            let next = &hosts[*host % hosts.len()];
            // The host that a connection was just lost to is tried again last.
            *host = host.wrapping_add(1);
            match connect(&self.config, next, self.role).await {
                Ok(connection) => {
                    let (host, port) = (&next.name, next.port);
                    tracing::debug!(%host, port, role = self.role, "connected");
                    return Ok(Session::new(connection, format!("{host}:{port}").into()));
                }
                Err(error) => {
                    tracing::warn!(role = self.role, "cannot connect to {error}");
                    if failed.as_ref().is_none_or(ConnectError::is_permanent) {
                        failed = Some(error);
                    }
                }
            }
        }
        Err(failed.unwrap_or_else(|| unreachable!("a configuration has at least one host")))
    }

    /// Hands out the connection until it ends.
    async fn run_session(&self, session: Session) {
        let mut blocked = session.connection.blocked();
        let session = Arc::new(session);
        self.status.send_replace(Status::Up(Arc::clone(&session)));
        let why = loop {
            tokio::select! {
                error = session.connection.closed() => break describe(&error),
                Ok(()) = blocked.changed() => self.log_blocked(blocked.borrow_and_update().as_deref()),
                () = session.given_up() => break "it was given up".to_owned(),
                () = self.stop.cancelled() => break String::new(),
            }
        };
        session.end();
        if !self.stop.is_cancelled() {
            tracing::warn!(role = self.role, "lost the connection: {why}");
        }
        // A session that was given up may still be connected. Its exclusive consumers would keep those of the next one out.
        let closed = session.connection.close(200, "not needed any longer");
        if timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            session.connection.abort();
        }
    }

    fn log_blocked(&self, reason: Option<&str>) {
        let role = self.role;
        match reason {
            Some(reason) => tracing::warn!(role, %reason, "the broker blocked the connection"),
            None => tracing::info!(role, "the broker unblocked the connection"),
        }
    }
}

/// Marks the supervisor as closed when its task ends, also when its runtime is shut down.
struct CloseOnDrop(Arc<ConnectionSupervisor>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Status::Up(session) = self.0.status.send_replace(Status::Closed) {
            session.end();
        }
    }
}

/// Returns a random delay of up to `delay` (full jitter), so that a thousand clients do not come back at the same time. After an
/// error that does not pass it is at least half of `delay`.
fn jitter(delay: Duration, permanent: bool) -> Duration {
    let part = fastrand::f64();
    delay.mul_f64(if permanent { 0.5 + part / 2.0 } else { part })
}
