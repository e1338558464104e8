//! The channel on which calls and replies are published, one after the other, without waiting for each other's confirms.
//!
//! The broker confirms each message, in any order. One task collects all confirms and tells the listeners.
//!
//! A message that no queue took is returned before it is confirmed. With several messages in flight the AMQP library may hand
//! it out with the confirm of another one. So a returned message is known by itself, never by the confirm that it came
//! with.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation, PublisherConfirm};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::events::{ReportTo, ReturnListener};
use crate::connection::Session;
use crate::wire::Outgoing;

/// How many messages may be unconfirmed. The AMQP library would take any number.
const MAX_UNCONFIRMED: usize = 4096;
/// How long confirms are waited for after the connection has gone.
const CONFIRM_GRACE: Duration = Duration::from_secs(1);
/// Delay before collecting confirms, so that one wake-up handles a batch instead of two wake-ups per message, one when it was
/// written and one when it was confirmed.
const COLLECT_DELAY: Duration = Duration::from_millis(1);

/// Every message is mandatory: the broker returns it if no queue takes it.
pub(super) const MANDATORY: BasicPublishOptions =
    BasicPublishOptions { mandatory: true, immediate: false };

/// The publish and its confirm, in two steps.
type Publishing = Pin<Box<dyn Future<Output = lapin::Result<PublisherConfirm>> + Send>>;

/// A message that has no confirm yet.
struct Unconfirmed {
    publishing: Publishing,
    report_to: ReportTo,
    _permit: OwnedSemaphorePermit,
}

/// The channel of one session.
pub(super) struct Publisher {
    pub(super) session: Arc<Session>,
    /// `Arc`: cloning a lapin channel is expensive.
    channel: Arc<Channel>,
    /// Orders publishes: the AMQP library numbers a message and queues its frames in two steps, and two messages must not
    /// interleave.
    order: Mutex<()>,
    permits: Arc<Semaphore>,
    unconfirmed: mpsc::UnboundedSender<Unconfirmed>,
    closed: CancellationToken,
}

impl Publisher {
    /// Opens the channel. `returns` receives the messages that the broker returns on it.
    pub(super) async fn open(
        session: &Arc<Session>,
        returns: Arc<dyn ReturnListener>,
    ) -> lapin::Result<Arc<Self>> {
        let channel = session.connection.create_channel().await?;
        channel.confirm_select(<_>::default()).await?;
        let (unconfirmed, sent) = mpsc::unbounded_channel();
        let closed = CancellationToken::new();
        let collector = ConfirmCollector {
            session: Arc::clone(session),
            returns,
            closed: closed.clone(),
            until: None,
        };
        tokio::spawn(collector.run(sent));
        Ok(Arc::new(Self {
            session: Arc::clone(session),
            channel: Arc::new(channel),
            order: Mutex::new(()),
            permits: Arc::new(Semaphore::new(MAX_UNCONFIRMED)),
            unconfirmed,
            closed,
        }))
    }

    /// Returns whether messages can be published now.
    pub(super) fn is_open(&self) -> bool {
        !self.session.has_ended() && !self.closed.is_cancelled() && !self.session.is_blocked()
    }

    /// Waits until nothing can be published on the channel any more.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(super) async fn closed(&self) {
        tokio::select! {
            () = self.closed.cancelled() => {}
            () = self.session.ended() => {}
        }
    }

    /// Returns the right to publish one more message, if fewer than the limit are unconfirmed.
    pub(super) fn try_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// Waits for the right to publish one more message.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Queues a message for sending. `report_to` receives the publish outcome later.
    pub(super) fn publish(
        &self,
        message: Outgoing,
        report_to: ReportTo,
        permit: OwnedSemaphorePermit,
    ) {
        let channel = Arc::clone(&self.channel);
        // Joined here, not while the order is kept: a large copy would hold up the other publishes.
        let Outgoing { exchange, routing_key, properties, body } = message;
        let body = body.join();
        let mut publishing: Publishing = Box::pin(async move {
            // The message is taken apart outside: moving it within the future would make it larger.
            channel.basic_publish(exchange, routing_key, MANDATORY, &body, properties).await
        });
        // Polled once, which queues the frames. The collector polls it again.
        let mut cx = Context::from_waker(Waker::noop());
        let first = {
            let _order = self.order.lock();
            publishing.as_mut().poll(&mut cx)
        };
        if let Poll::Ready(done) = first {
            publishing = Box::pin(std::future::ready(done));
        }
        // The collector lives as long as this sender.
        let _ = self.unconfirmed.send(Unconfirmed { publishing, report_to, _permit: permit });
    }
}

/// Collects the confirms of one channel, in the order of its messages.
struct ConfirmCollector {
    session: Arc<Session>,
    returns: Arc<dyn ReturnListener>,
    closed: CancellationToken,
    /// When to give up waiting for the confirms of a connection that has gone.
    until: Option<Instant>,
}

impl ConfirmCollector {
    async fn run(mut self, mut sent: mpsc::UnboundedReceiver<Unconfirmed>) {
        let mut batch = Vec::new();
        while sent.recv_many(&mut batch, MAX_UNCONFIRMED).await > 0 {
            sleep(COLLECT_DELAY).await;
            for Unconfirmed { publishing, report_to, _permit } in batch.drain(..) {
                match self.confirmation(publishing).await {
                    Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => {
                        report_to.ack();
                    }
                    Ok(Confirmation::Ack(Some(message))) => self.returns.on_return(message),
                    Ok(Confirmation::Nack(returned)) => {
                        if let Some(message) = returned {
                            self.returns.on_return(message);
                        }
                        report_to.nack();
                    }
                    Err(error) => {
                        if let Some(error) = &error
                            && !self.closed.is_cancelled()
                        {
                            self.session.note_error(error);
                        }
                        self.closed.cancel();
                        report_to.lost(error.as_ref());
                    }
                }
            }
        }
    }

    /// Waits for the confirm of one message.
    ///
    /// # Errors
    ///
    /// Fails if there will be no confirm, with the error of the channel or connection, if the AMQP library reported one.
    async fn confirmation(
        &mut self,
        publishing: Publishing,
    ) -> Result<Confirmation, Option<lapin::Error>> {
        let confirmation = async { publishing.await?.await };
        let mut confirmation = std::pin::pin!(confirmation);
        tokio::select! {
            biased;
            confirmed = &mut confirmation => confirmed.map_err(Some),
            // The AMQP library mostly reports each message of a lost connection.
            () = self.session.ended() => {
                let until = *self.until.get_or_insert_with(|| Instant::now() + CONFIRM_GRACE);
                timeout_at(until, confirmation).await.map_err(|_| None)?.map_err(Some)
            }
        }
    }
}
