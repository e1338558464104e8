//! The channel on which calls and answers leave, one behind the other, without waiting for each other's confirmation.
//!
//! The broker confirms each message, in whatever order. Nobody waits for the confirmation of a call or an answer: one task
//! collects them all, and tells the caller whose message came to nothing.
//!
//! A message that found no queue comes back before it is confirmed, but on a channel with several messages under way the
//! client library may hand it out with the confirmation of another one. So what came back is known by its own properties,
//! and never by the confirmation it came with.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation, PublisherConfirm};
use rpc_core::pending_calls::CallKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::client::destination::Target;
use crate::connection::supervisor::Session;
use crate::wire::Outgoing;

/// So many messages may be under way unconfirmed. The client library would take any number.
const ROOM: usize = 4096;
/// So long a confirmation may take to come to light after the connection has gone.
const AFTERMATH: Duration = Duration::from_secs(1);
/// So long the broker is left alone before its confirmations are taken: by then most are there, and no task has had to be
/// woken for each of them, first when it was written and then when it was confirmed.
const LAG: Duration = Duration::from_millis(1);

/// Every message is mandatory: it comes back where no queue takes it.
pub(crate) const MANDATORY: BasicPublishOptions =
    BasicPublishOptions { mandatory: true, immediate: false };

/// Who is to be told when a message comes to nothing.
#[derive(Clone)]
pub(crate) enum Sender {
    /// The caller that waits under this key, and whom it calls.
    Caller(CallKey, Arc<Target>),
    /// Nobody: what a server says is lost with its message.
    Server,
}

/// What became of messages.
pub(crate) trait Fate: Send + Sync {
    /// The broker has put it into a queue, as far as its confirmation alone tells.
    fn arrived(&self, sender: Sender);
    /// No queue took it.
    fn returned(&self, message: BasicReturnMessage);
    /// The broker, or the queue's limit, turned it away.
    fn refused(&self, sender: Sender);
    /// The connection broke before the broker had confirmed it, or the broker closed the channel over a message.
    fn lost(&self, sender: Sender, error: Option<&lapin::Error>);
}

type Publishing = Pin<Box<dyn Future<Output = lapin::Result<PublisherConfirm>> + Send>>;

struct Sent {
    publishing: Publishing,
    sender: Sender,
    _room: OwnedSemaphorePermit,
}

/// The channel of one session.
pub(crate) struct Publisher {
    pub(crate) session: Arc<Session>,
    /// Shared, as a clone of it is dear.
    channel: Arc<Channel>,
    /// Messages get their numbers and are put in line in two steps; without this, two of them could end up crosswise.
    order: Mutex<()>,
    room: Arc<Semaphore>,
    sent: mpsc::UnboundedSender<Sent>,
    closed: CancellationToken,
}

impl Publisher {
    /// Opens the channel, and tells `fate` of what goes wrong on it.
    pub(crate) async fn open(
        session: &Arc<Session>,
        fate: Arc<dyn Fate>,
    ) -> lapin::Result<Arc<Self>> {
        let channel = session.connection.create_channel().await?;
        channel.confirm_select(<_>::default()).await?;
        let (sent, confirmations) = mpsc::unbounded_channel();
        let closed = CancellationToken::new();
        let collector =
            Collector { session: Arc::clone(session), fate, closed: closed.clone(), until: None };
        tokio::spawn(collector.run(confirmations));
        Ok(Arc::new(Self {
            session: Arc::clone(session),
            channel: Arc::new(channel),
            order: Mutex::new(()),
            room: Arc::new(Semaphore::new(ROOM)),
            sent,
            closed,
        }))
    }

    /// Whether messages can leave now.
    pub(crate) fn is_open(&self) -> bool {
        !self.session.has_ended() && !self.closed.is_cancelled() && !self.session.is_blocked()
    }

    /// Resolves when the channel is of no use any more.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(crate) async fn closed(&self) {
        tokio::select! {
            () = self.closed.cancelled() => {}
            () = self.session.ended() => {}
        }
    }

    /// Room for one message more, if there is.
    pub(crate) fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// Room for one message more, when there is.
    pub(crate) async fn wait_for_room(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// Puts a message in line. What becomes of it is told later.
    pub(crate) fn publish(&self, message: Outgoing, sender: Sender, room: OwnedSemaphorePermit) {
        let channel = Arc::clone(&self.channel);
        let mut publishing: Publishing = Box::pin(async move {
            // Taken apart in place: what is moved within a future makes it larger.
            channel
                .basic_publish(
                    message.exchange,
                    message.routing_key,
                    MANDATORY,
                    &message.body,
                    message.properties,
                )
                .await
        });
        let mut nobody = Context::from_waker(Waker::noop());
        let first = {
            // Nothing in there panics half-way.
            let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            publishing.as_mut().poll(&mut nobody)
        };
        if let Poll::Ready(done) = first {
            publishing = Box::pin(std::future::ready(done));
        }
        // The collector lives as long as this sender.
        let _ = self.sent.send(Sent { publishing, sender, _room: room });
    }
}

/// Takes the confirmations of one channel, in the order of its messages.
struct Collector {
    session: Arc<Session>,
    fate: Arc<dyn Fate>,
    closed: CancellationToken,
    /// When to give up on the confirmations of a connection that has gone.
    until: Option<Instant>,
}

impl Collector {
    async fn run(mut self, mut confirmations: mpsc::UnboundedReceiver<Sent>) {
        let mut batch = Vec::new();
        while confirmations.recv_many(&mut batch, ROOM).await > 0 {
            sleep(LAG).await;
            for Sent { publishing, sender, _room } in batch.drain(..) {
                match self.confirmation(publishing).await {
                    Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => {
                        self.fate.arrived(sender);
                    }
                    Ok(Confirmation::Ack(Some(message))) => self.fate.returned(message),
                    Ok(Confirmation::Nack(returned)) => {
                        if let Some(message) = returned {
                            self.fate.returned(message);
                        }
                        self.fate.refused(sender);
                    }
                    Err(error) => {
                        if let Some(error) = &error
                            && !self.closed.is_cancelled()
                        {
                            self.session.note(error);
                        }
                        self.closed.cancel();
                        self.fate.lost(sender, error.as_ref());
                    }
                }
            }
        }
    }

    /// `Err`: there will be none.
    async fn confirmation(
        &mut self,
        publishing: Publishing,
    ) -> Result<Confirmation, Option<lapin::Error>> {
        let confirmation = async { publishing.await?.await };
        let mut confirmation = std::pin::pin!(confirmation);
        tokio::select! {
            biased;
            confirmed = &mut confirmation => confirmed.map_err(Some),
            // The library has a last word on each message of a lost connection, most often.
            () = self.session.ended() => {
                let until = *self.until.get_or_insert_with(|| Instant::now() + AFTERMATH);
                timeout_at(until, confirmation).await.map_err(|_| None)?.map_err(Some)
            }
        }
    }
}
