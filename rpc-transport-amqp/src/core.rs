//! What all handles, clients and servers of one transport share, and the tasks that keep it going.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures_util::future::join;
use lapin::message::{BasicReturnMessage, Delivery};
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{ConnectionState, ReplyError};
use rpc_core::waiters::{WaiterKey, Waiters};
use rpc_core::{Codec, Eventual, Limits, Payload};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announcer::Announcer;
use crate::config::{Config, Form};
use crate::exact::{Arrival, Exact};
use crate::inbox::Inbox;
use crate::inspector::{Inspector, Seen};
use crate::link::Link;
use crate::outlet::Outlet;
use crate::publisher::{Fate, Sender};
use crate::random;
use crate::refusal::explained;
use crate::strays::Strays;
use crate::taken::Taken;
use crate::target::{BELIEVED, Target, Targets};
use crate::topology;
use crate::wire::{self, Answer, CallId, Mail, Outgoing};

/// How long servers and the inbox may take to end when the transport is closed.
const CLOSE: Duration = Duration::from_secs(5);
/// An answer that cannot leave is kept for so long, if its caller does not say how long it waits.
const KEPT: Duration = Duration::from_secs(60);

/// Tells transports apart.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Core {
    /// A route may remember a target of another transport.
    pub(crate) id: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) limits: Limits,
    pub(crate) waiters: Waiters,
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
    strays: Strays,
    begun: OnceLock<()>,
    myself: Weak<Self>,
}

impl Core {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let config = Arc::new(config);
        let closed = CancellationToken::new();
        let publishing = Link::new("publishes", &config, &closed);
        let consuming = Link::new("consumes", &config, &closed);
        let queue = topology::reply_queue(&config, &random::name());
        Arc::new_cyclic(|myself: &Weak<Self>| Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            limits: Limits::new().max_bytes(config.max_message),
            waiters: waiters(myself.clone()),
            outlet: Outlet::new(publishing),
            exact: Exact::new(),
            inbox: Inbox::new(queue, Arc::clone(&consuming)),
            inspector: Inspector::new(Arc::clone(&consuming)),
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
    fn myself(&self) -> Option<Arc<Self>> {
        self.myself.upgrade()
    }

    /// Begins to connect, and starts what runs as long as the transport does. Must be called within a tokio runtime.
    pub(crate) fn begin(&self) {
        self.begun.get_or_init(|| {
            let Some(core) = self.myself() else { return };
            self.config.log();
            let fate: Arc<dyn Fate> = Arc::<Self>::clone(&core);
            let (outlet, inbox) = (Arc::clone(&core), Arc::clone(&core));
            let (targets, announcer) = (Arc::clone(&core), Arc::clone(&core));
            let closing = self.closing.clone();
            tokio::spawn(async move { outlet.outlet.run(fate).await });
            self.tasks.spawn(async move {
                inbox.inbox.run(|mail| inbox.receive(mail), closing).await;
            });
            self.spawn_until_closed(async move { targets.watch_targets().await });
            self.spawn_until_closed(async move { announcer.announce().await });
            self.spawn_until_closed(async move { core.watch_state().await });
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

    pub(crate) fn strays(&self) -> &Strays {
        &self.strays
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Ends everything in order: calls fail, servers and the inbox finish, then the connections go.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        let message = "the RabbitMQ transport was closed while the call waited for its answer";
        let error = SendError::new(TransportErrorKind::Closed, Ran::Unknown, message);
        self.waiters.fail_all(&error);
        self.tasks.close();
        let _ = timeout(CLOSE, self.tasks.wait()).await;
        self.closed.cancel();
        let _ = timeout(CLOSE, join(self.outlet.link().ended(), self.consuming.ended())).await;
        self.state.send_replace(ConnectionState::Closed);
    }

    /// Sends an answer, at once if that is possible, and without waiting for its confirmation in any case.
    pub(crate) fn answer(&self, answer: Outgoing) -> Eventual<Result<(), ReplyError>> {
        if let Some(ready) = self.outlet.now() {
            ready.publisher.publish(answer, Sender::Server, ready.room);
            return Eventual::ready(Ok(()));
        }
        let Some(core) = self.myself() else {
            return Eventual::ready(Err(ReplyError::new("the transport is gone")));
        };
        core.begin();
        Eventual::pending(async move {
            let worth = wire::time_left(&answer.properties).unwrap_or(KEPT).min(KEPT);
            match timeout(worth, core.outlet.when_ready()).await {
                Ok(Ok(ready)) => {
                    ready.publisher.publish(answer, Sender::Server, ready.room);
                    Ok(())
                }
                Ok(Err(why)) => Err(ReplyError::new(why.to_string())),
                Err(_) => Err(ReplyError::new("there was no connection until its caller's time was up")),
            }
        })
    }

    /// Publishes and waits for what becomes of it, also where nobody waits for this future any more.
    pub(crate) async fn send_exactly(&self, message: Outgoing) -> Arrival {
        self.send_exactly_unless(message, || true).await
    }

    /// The same, unless `leaving` says otherwise right before the message could arrive.
    pub(crate) async fn send_exactly_unless(
        &self,
        message: Outgoing,
        leaving: impl FnOnce() -> bool + Send + 'static,
    ) -> Arrival {
        let (Some(core), Ok(ready)) = (self.myself(), self.outlet.when_ready().await) else {
            return Arrival::NotSent;
        };
        let session = Arc::clone(&ready.publisher.session);
        drop(ready);
        let sent =
            tokio::spawn(async move { core.exact.publish(&session, message, leaving).await });
        sent.await.unwrap_or(Arrival::Unknown)
    }
}

/// Calls that are dropped are cancelled where they were taken.
fn waiters(core: Weak<Core>) -> Waiters {
    Waiters::on_abandon(move |key, _| {
        if let Some(core) = core.upgrade()
            && let Some(server) = core.taken.forget(key)
        {
            core.cancel(&server, key);
        }
    })
}

/// What comes to the inbox.
impl Core {
    fn receive(&self, mail: Delivery) {
        match wire::read_mail(&mail.properties, mail.data, &self.limits) {
            Mail::Cancel(back) => self.announcer.cancel(&back),
            Mail::Answer(Some(key), Ok(answer)) => self.receive_answer(key, answer),
            Mail::Answer(Some(key), Err(reason)) => {
                let message = format!("the answer cannot be read: {reason}");
                let error = SendError::new(TransportErrorKind::BadReply, Ran::Unknown, message);
                self.waiters.fail(key, error);
            }
            Mail::Answer(None, answer) => {
                let reason = answer.err().unwrap_or_else(|| "it answers no call of ours".to_owned());
                tracing::debug!(%reason, "dropped an answer");
            }
        }
    }

    fn receive_answer(&self, key: WaiterKey, answer: Answer) {
        match answer {
            Answer::Final(outcome) => {
                self.taken.forget(key);
                if !self.waiters.complete(key, outcome) {
                    tracing::debug!(call = %CallId::of(key), "an answer found nobody: its caller has gone");
                }
            }
            Answer::Part(outcome) => self.strays.keep_part(key, outcome),
            Answer::Done => {
                let nothing = || Ok(Payload::new(Codec::Json, b"null".to_vec()));
                let outcome = self.strays.take_part(key).unwrap_or_else(nothing);
                self.waiters.complete(key, outcome);
            }
            Answer::Alive => {
                self.waiters.heartbeat(key);
            }
            Answer::Taken(server) => {
                if self.waiters.is_waiting(key) {
                    self.taken.note(key, server);
                    // It may have been dropped in between, when nobody could say yet where to cancel it.
                    if self.waiters.is_waiting(key) {
                        return;
                    }
                    if let Some(server) = self.taken.forget(key) {
                        self.cancel(&server, key);
                    }
                } else {
                    self.cancel(&server, key);
                }
            }
        }
    }

    /// Best effort: a cancellation that cannot leave now would come too late.
    fn cancel(&self, server: &str, key: WaiterKey) {
        if let Some(ready) = self.outlet.now() {
            let cancel = wire::cancel(server, key, self.inbox.name());
            ready.publisher.publish(cancel, Sender::Server, ready.room);
        }
    }

    /// Tells callers of methods that take a while where to cancel them.
    async fn announce(&self) {
        loop {
            for call in self.announcer.next().await {
                if let Some(ready) = self.outlet.now()
                    && self.inbox.is_open()
                {
                    let taken = wire::taken(&call.back, self.inbox.name());
                    ready.publisher.publish(taken, Sender::Server, ready.room);
                }
            }
        }
    }
}

/// What watches.
impl Core {
    /// Looks after calls that wait for long: whether there is still anybody who could take them.
    ///
    /// A server that is about to stop finishes its calls, and no longer listens while it does. In the native form it has
    /// said that it has taken them; in the oslo form, where none says so, a call is given up only while messages wait.
    async fn watch_targets(&self) {
        loop {
            tokio::time::sleep(BELIEVED).await;
            for target in self.targets.with_calls() {
                let long = target.long_waiting(&self.waiters);
                if !long.iter().all(|key| self.taken.is_taken(*key)) && self.is_deserted(&target).await {
                    for key in long.into_iter().filter(|key| !self.taken.is_taken(*key)) {
                        let error = target.address.no_consumer(&target.routing_key, Ran::Unknown);
                        self.waiters.fail(key, error);
                    }
                }
            }
        }
    }

    /// Whether nobody has listened on the target for two looks in a row, while a message may wait there.
    async fn is_deserted(&self, target: &Target) -> bool {
        match self.inspector.look(&target.routing_key).await {
            Ok(Some(Seen::Present { consumers: 0, messages })) => {
                let waits = messages > 0 || self.config.form == Form::Native;
                target.is_deserted() && waits
            }
            Ok(Some(Seen::Absent)) => target.is_deserted(),
            Ok(Some(Seen::Present { .. })) => {
                target.note_consumers(true);
                false
            }
            // It cannot be seen now.
            Ok(None) | Err(_) => false,
        }
    }

    /// Keeps the transport's state: the worse of its two connections'.
    async fn watch_state(&self) {
        let (mut publishing, mut consuming) = (self.outlet.link().status(), self.consuming.status());
        loop {
            let mut blocked = None;
            let state = {
                use crate::link::Status;
                let (one, other) = (publishing.borrow_and_update(), consuming.borrow_and_update());
                match (&*one, &*other) {
                    (Status::Closed, _) | (_, Status::Closed) => ConnectionState::Closed,
                    (Status::Up(session), Status::Up(_)) => {
                        blocked = Some(session.blocked());
                        match session.is_blocked() {
                            true => ConnectionState::Blocked,
                            false => ConnectionState::Connected,
                        }
                    }
                    _ => ConnectionState::Connecting,
                }
            };
            self.state.send_if_modified(|known| std::mem::replace(known, state) != state);
            let unblocked = async {
                match &mut blocked {
                    Some(blocked) => drop(blocked.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = publishing.changed() => {}
                _ = consuming.changed() => {}
                () = unblocked => {}
            }
        }
    }
}

impl Fate for Core {
    fn returned(&self, message: BasicReturnMessage) {
        let Some(core) = self.myself() else { return };
        let delivery = message.delivery;
        let (exchange, key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        let caller = match wire::kind_of(&delivery.properties) {
            "" | wire::kind::CALL => delivery.properties.correlation_id().as_ref(),
            _ => None,
        };
        match caller.and_then(|id| CallId::read(id.as_str())) {
            Some(caller) => {
                if let Some(target) = self.targets.find(exchange, key) {
                    target.note_consumers(false);
                    self.waiters.fail(caller, target.address.no_queue());
                }
            }
            None => self.strays.returned(&core, delivery),
        }
    }

    fn refused(&self, sender: Sender) {
        match sender {
            Sender::Caller(key) => {
                let message = "the broker turned the message away: its queue is full, or the broker cannot keep it. Try \
                               again later";
                let error = SendError::new(TransportErrorKind::Overloaded, Ran::No, message);
                self.waiters.fail(key, error);
            }
            Sender::Server => tracing::warn!("the broker turned an answer away"),
        }
    }

    fn lost(&self, sender: Sender, error: Option<&lapin::Error>) {
        let refusal = error.filter(|error| error.is_amqp_soft_error()).map(explained);
        match (sender, refusal) {
            (Sender::Caller(key), refusal) => {
                let message = match refusal {
                    Some(why) => format!("the broker refused the message, or another one just before it was confirmed: {why}"),
                    None => "the connection broke before the broker had confirmed the message: repeat the call only if the \
                             method is idempotent"
                        .to_owned(),
                };
                let error = SendError::new(TransportErrorKind::Unavailable, Ran::Unknown, message);
                self.waiters.fail(key, error);
            }
            (Sender::Server, Some(error)) => tracing::warn!(%error, "the broker refused an answer"),
            (Sender::Server, None) => {}
        }
    }
}
