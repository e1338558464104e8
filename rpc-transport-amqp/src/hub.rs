//! What all handles, clients and servers of one transport share, and the tasks that keep it going.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures_util::future::join3;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::PendingCalls;
use rpc_core::transport::{ConnectionState, ReplyError};
use rpc_core::{DecodeLimits, MaybeReady};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::accepted::Taken;
use crate::client::destination::Targets;
use crate::client::reply_consumer::Inbox;
use crate::config::Config;
use crate::connection::supervisor::{Link, Session};
use crate::publish::confirmed_publish::{Arrival, Exact};
use crate::publish::publisher::{Fate, Sender};
use crate::publish::supervisor::Outlet;
use crate::random;
use crate::server::cancellation::Announcer;
use crate::server::reply_retry::Strays;
use crate::topology::queue_status::Inspector;
use crate::topology::queues;
use crate::wire::Outgoing;

/// How long servers and the inbox may take to end when the transport is closed.
const CLOSE: Duration = Duration::from_secs(5);
/// An answer that cannot leave is kept for so long, if its caller does not say how long it waits.
const KEPT: Duration = Duration::from_secs(60);

/// Tells transports apart.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Hub {
    /// A route may remember a target of another transport.
    pub(crate) id: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) limits: DecodeLimits,
    pub(crate) pending_calls: PendingCalls,
    /// What publishes and what consumes have a connection each: the broker stops reading from one that publishes when it
    /// runs out of memory, and acknowledgements must get through all the same.
    pub(crate) consuming: Arc<Link>,
    pub(crate) outlet: Outlet,
    pub(crate) exact: Exact,
    pub(crate) inbox: Inbox,
    pub(crate) inspector: Inspector,
    pub(crate) targets: Targets,
    pub(crate) announcer: Announcer,
    pub(crate) taken: Taken,
    pub(crate) state: watch::Sender<ConnectionState>,
    /// The transport is closed: everybody finishes.
    pub(crate) closing: CancellationToken,
    /// Everybody has finished: the connections are closed.
    closed: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) strays: Strays,
    /// The runtime on which it runs.
    begun: OnceLock<Handle>,
    myself: Weak<Self>,
}

impl Hub {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let config = Arc::new(config);
        let closed = CancellationToken::new();
        let publishing = Link::new("publishes", &config, &closed);
        let consuming = Link::new("consumes", &config, &closed);
        let looking = Link::new("looks at queues", &config, &closed);
        let queue = queues::reply_queue(&config, &random::name());
        Arc::new_cyclic(|myself: &Weak<Self>| Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            limits: DecodeLimits::new().max_bytes(config.max_message),
            pending_calls: pending_calls(myself.clone()),
            inspector: Inspector::new(Arc::clone(&publishing), looking),
            outlet: Outlet::new(publishing),
            exact: Exact::new(),
            inbox: Inbox::new(queue, Arc::clone(&consuming)),
            consuming,
            targets: Targets::default(),
            announcer: Announcer::default(),
            taken: Taken::default(),
            state: watch::Sender::new(ConnectionState::Connecting),
            closing: CancellationToken::new(),
            closed,
            tasks: TaskTracker::new(),
            strays: Strays::new(config.missing_reply_queue),
            begun: OnceLock::new(),
            myself: myself.clone(),
            config,
        })
    }

    /// A handle on this very transport; `None` when its last handle is just being dropped.
    pub(crate) fn myself(&self) -> Option<Arc<Self>> {
        self.myself.upgrade()
    }

    /// Begins to connect, and starts what runs as long as the transport does. Must be called within a tokio runtime.
    pub(crate) fn begin(&self) {
        self.begun.get_or_init(|| {
            let runtime = Handle::current();
            let Some(hub) = self.myself() else { return runtime };
            self.config.log();
            let fate: Arc<dyn Fate> = Arc::<Self>::clone(&hub);
            let (outlet, inbox) = (Arc::clone(&hub), Arc::clone(&hub));
            let (targets, announcer) = (Arc::clone(&hub), Arc::clone(&hub));
            let closing = self.closing.clone();
            tokio::spawn(async move { outlet.outlet.run(fate).await });
            self.tasks.spawn(async move {
                inbox.inbox.run(|mail| inbox.receive(mail), closing).await;
            });
            self.spawn_until_closed(async move { targets.watch_targets().await });
            self.spawn_until_closed(async move { announcer.announce().await });
            self.spawn_until_closed(async move { hub.watch_state().await });
            runtime
        });
    }

    fn spawn_until_closed(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                () = closing.cancelled() => {}
            }
        });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Ends everything in order: calls fail, servers and the inbox finish, then the connections go. That is done on the
    /// runtime of the transport, whether or not the future is waited for.
    pub(crate) fn close(&self) -> impl Future<Output = ()> + 'static {
        let first = !self.closing.is_cancelled();
        self.closing.cancel();
        let message = "the RabbitMQ transport was closed while the call waited for its answer";
        let error = SendError::new(TransportErrorKind::Closed, Ran::Unknown, message);
        self.pending_calls.fail_all(&error);
        let mut state = self.state.subscribe();
        match (self.begun.get(), self.myself()) {
            (Some(runtime), Some(hub)) if first => {
                runtime.spawn(async move { hub.finish().await });
            }
            (None, _) => drop(self.state.send_replace(ConnectionState::Closed)),
            _ => {}
        }
        async move {
            let closed = state.wait_for(|state| *state == ConnectionState::Closed);
            // Where the runtime is gone, so is what would be closed.
            let _ = timeout(CLOSE * 3, closed).await;
        }
    }

    async fn finish(&self) {
        self.tasks.close();
        let _ = timeout(CLOSE, self.tasks.wait()).await;
        self.closed.cancel();
        let ended =
            join3(self.outlet.link().ended(), self.consuming.ended(), self.inspector.ended());
        let _ = timeout(CLOSE, ended).await;
        self.state.send_replace(ConnectionState::Closed);
    }

    /// Sends an answer, at once if that is possible, and without waiting for its confirmation in any case. It is kept until
    /// its caller waits no longer.
    pub(crate) fn answer(
        &self,
        answer: Outgoing,
        deadline: Option<Instant>,
    ) -> MaybeReady<Result<(), ReplyError>> {
        if let Some(ready) = self.outlet.now() {
            ready.publisher.publish(answer, Sender::Server, ready.room);
            return MaybeReady::ready(Ok(()));
        }
        let Some(hub) = self.myself() else {
            return MaybeReady::ready(Err(ReplyError::new("the transport is gone")));
        };
        hub.begin();
        MaybeReady::pending(async move {
            let until = deadline.unwrap_or_else(|| Instant::now() + KEPT);
            match timeout_at(until, hub.outlet.when_ready()).await {
                Ok(Ok(ready)) => {
                    ready.publisher.publish(answer, Sender::Server, ready.room);
                    Ok(())
                }
                Ok(Err(why)) => Err(ReplyError::new(why.to_string())),
                Err(_) => {
                    Err(ReplyError::new("there was no connection until its caller's time was up"))
                }
            }
        })
    }

    /// Publishes as soon as that is possible, and waits for what becomes of it.
    pub(crate) async fn send_exactly(&self, message: Outgoing) -> Arrival {
        match self.outlet.session_when_ready().await {
            Ok(session) => self.send_exactly_on(session, message, || true).await,
            Err(_) => Arrival::NotSent,
        }
    }

    /// Publishes and waits for what becomes of it, also where nobody waits for this future any more; unless `leaving` says
    /// otherwise right before the message could arrive.
    pub(crate) async fn send_exactly_on(
        &self,
        session: Arc<Session>,
        message: Outgoing,
        leaving: impl FnOnce() -> bool + Send + 'static,
    ) -> Arrival {
        let Some(hub) = self.myself() else { return Arrival::NotSent };
        let sent = tokio::spawn(async move { hub.exact.publish(&session, message, leaving).await });
        sent.await.unwrap_or(Arrival::Unknown)
    }
}

/// Calls that are dropped are cancelled where they were taken.
fn pending_calls(hub: Weak<Hub>) -> PendingCalls {
    PendingCalls::on_drop(move |key, _| {
        if let Some(hub) = hub.upgrade()
            && let Some(server) = hub.taken.forget(key)
        {
            hub.cancel(&server, key);
        }
    })
}
