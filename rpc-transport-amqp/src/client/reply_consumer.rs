//! Consumes the reply queue: one queue for all calls of a transport, which outlives its connection.
//!
//! Its name is kept from session to session, so that a caller whose connection broke receives the replies that came meanwhile. It
//! changes only when the node of the cluster that holds the queue is down: the broker would not declare the queue until that node is
//! back.
//! Cancellations for the program's servers arrive here, too.

use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use rpc_amqp::{Channel, ConsumeOptions, Error};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::reply_queue::ReplyQueue;
use super::reply_receiver::ReplyReceiver;
use super::reply_router::ReplyRouter;
use crate::connection::{ConnectionSupervisor, Session, Unavailable, broker_error};
use crate::topology::{DECLARE_GRACE, Unreachable, consumer_tag, is_taken, is_unreachable};

/// How many replies the broker may deliver before they are acknowledged.
const PREFETCH: u16 = 2048;
/// Replies are acknowledged all at once after this time. A reply that is delivered again, as it was not acknowledged in time,
/// finds its call no longer pending.
const ACK_INTERVAL: Duration = Duration::from_millis(2);
/// Delay before the queue is consumed again. The consumer is exclusive, and the broker may not have noticed yet that the previous
/// connection is dead.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// Delay after an error that does not pass by itself.
const PERMANENT_ERROR_DELAY: Duration = Duration::from_secs(2);
/// How long the broker may take for each step.
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);

/// Is told the name of a queue that was given up: replies to the calls sent before do not come.
pub(super) type OnLost<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// What came of an attempt to consume the queue.
enum Attempt {
    Consumed((Channel, Arc<ReplyReceiver>)),
    /// It cannot be reached, while others can.
    Unreachable(Unreachable),
    Failed(Error),
    /// The broker did not answer.
    Unanswered,
}

/// The consumer of the reply queue.
pub(super) struct ReplyConsumer {
    pub(super) queue: Arc<ReplyQueue>,
    connection: Arc<ConnectionSupervisor>,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    Closed,
    Open,
    /// The broker rejects the queue, with this error.
    Failed(Arc<str>),
}

/// The reason why there is no reply queue.
pub(super) enum ReplyQueueError {
    Unavailable(Unavailable),
    Broker(Arc<str>),
}

impl ReplyConsumer {
    pub(super) fn new(queue: Arc<ReplyQueue>, connection: Arc<ConnectionSupervisor>) -> Self {
        Self { queue, connection, state: watch::Sender::new(State::Closed) }
    }

    /// Returns whether the queue is consumed now.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.state.borrow(), State::Open)
    }

    /// Waits until the queue is consumed.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(super) async fn opened(&self) -> Result<(), ReplyQueueError> {
        let mut state = self.state.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Open => return Ok(()),
                State::Failed(why) => return Err(ReplyQueueError::Broker(Arc::clone(why))),
                State::Closed => {}
            }
            let session = self.connection.session().await.map_err(ReplyQueueError::Unavailable)?;
            tokio::select! {
                // The sender is ours.
                _ = state.changed() => {}
                () = session.ended() => {}
            }
        }
    }

    /// Consumes the queue on one session after the other until `stop`, and routes each message; then deletes the queue unless its
    /// name is stable. Calls `on_lost` with its name when a queue was given up.
    pub(super) async fn run(
        &self,
        router: &Arc<ReplyRouter>,
        stop: &CancellationToken,
        on_lost: &OnLost<'_>,
    ) {
        while !stop.is_cancelled() {
            let session = tokio::select! {
                session = self.connection.next_session() => session,
                () = stop.cancelled() => break,
            };
            let Some(session) = session else { return };
            self.serve(&session, router, stop, on_lost).await;
            self.set_state(State::Closed);
        }
        if !self.queue.is_kept() {
            let _ = timeout(BROKER_TIMEOUT, self.delete()).await;
        }
    }

    /// Deletes the queue, on the next session if this one has just ended.
    async fn delete(&self) {
        self.connection.retry_now();
        if let Ok(session) = self.connection.session().await {
            let _ = self.queue.declaration().delete(&session).await;
        }
    }

    fn set_state(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Consumes the queue on one session. Drops no attempt half-way: it could still declare the queue that is about to be deleted.
    async fn serve(
        &self,
        session: &Arc<Session>,
        router: &Arc<ReplyRouter>,
        stop: &CancellationToken,
        on_lost: &OnLost<'_>,
    ) {
        // Whether the queue has a new name, and was not consumed yet.
        let mut replaced = false;
        while !session.has_ended() && !stop.is_cancelled() {
            match self.attempt(session, router).await {
                Attempt::Consumed((channel, receiver)) => {
                    self.set_state(State::Open);
                    replaced = false;
                    self.queue.note_address(&session.address);
                    tokio::select! {
                        () = settle(&channel, &receiver) => {}
                        () = receiver.ended() => {}
                        () = session.ended() => {}
                        () = stop.cancelled() => {}
                    }
                    // Somebody may have deleted the queue; it is declared again.
                    self.set_state(State::Closed);
                }
                Attempt::Unreachable(why) => {
                    self.give_up(&why, on_lost);
                    // A broker that refuses the new one, too, is given time.
                    if mem::replace(&mut replaced, true) {
                        sleep_unless_stopped(session, stop, RETRY_DELAY).await;
                    }
                }
                Attempt::Failed(error) if self.queue.may_be_taken() && is_taken(&error) => {
                    let (taken, _) = self.queue.replace();
                    tracing::debug!(queue = %taken, new = %self.queue.name(), "another process has the reply queue of this name");
                }
                Attempt::Failed(error) if broker_error::is_permanent(&error) => {
                    let why = broker_error::describe(&error);
                    tracing::warn!(
                        queue = %self.queue.name(),
                        error = why,
                        "cannot declare or consume the reply queue, retrying"
                    );
                    self.set_state(State::Failed(why.into()));
                    sleep_unless_stopped(session, stop, PERMANENT_ERROR_DELAY).await;
                }
                Attempt::Failed(error) => {
                    tracing::debug!(%error, "cannot declare or consume the reply queue yet, retrying");
                    sleep_unless_stopped(session, stop, RETRY_DELAY).await;
                }
                Attempt::Unanswered => session.end(),
            }
        }
    }

    /// Consumes the queue, or finds out that it cannot be reached.
    async fn attempt(&self, session: &Arc<Session>, router: &Arc<ReplyRouter>) -> Attempt {
        let mut consume = pin!(timeout(BROKER_TIMEOUT, self.consume(session, router)));
        let early = timeout(DECLARE_GRACE, &mut consume).await;
        let ended = match early {
            Ok(ended) => ended,
            // Is it about this queue alone?
            Err(_) => {
                let others = pin!(self.queue.others_are_declared(session));
                match select(&mut consume, others).await {
                    Either::Left((ended, _)) => ended,
                    Either::Right((true, _)) => {
                        return Attempt::Unreachable(Unreachable::Unanswered);
                    }
                    Either::Right((false, consume)) => consume.await,
                }
            }
        };
        match ended {
            Ok(Ok(consumed)) => Attempt::Consumed(consumed),
            Ok(Err(error)) if is_unreachable(&error) => {
                Attempt::Unreachable(Unreachable::Refused(error))
            }
            Ok(Err(error)) => Attempt::Failed(error),
            Err(_) => Attempt::Unanswered,
        }
    }

    /// Gives up a queue that cannot be reached, and uses another one from now on.
    fn give_up(&self, why: &Unreachable, on_lost: &OnLost<'_>) {
        let (lost, declared_at) = self.queue.replace();
        tracing::warn!(
            queue = %lost, node = why.node(), declared_at = declared_at.as_deref(), error = %why, new = %self.queue.name(),
            "cannot reach the reply queue, using a new one; replies to calls that were sent are lost"
        );
        on_lost(&lost);
    }

    /// Declares the queue and starts to consume it.
    async fn consume(
        &self,
        session: &Arc<Session>,
        router: &Arc<ReplyRouter>,
    ) -> Result<(Channel, Arc<ReplyReceiver>), Error> {
        let channel = session.connection.open_channel().await?;
        channel.qos(PREFETCH).await?;
        let queue = self.queue.declaration();
        queue.declare(&channel).await?;
        let options = ConsumeOptions { exclusive: true, ..ConsumeOptions::default() };
        let receiver = ReplyReceiver::new(router);
        let consumer = Arc::<ReplyReceiver>::clone(&receiver);
        channel.consume(&queue.name, &consumer_tag("replies"), &options, consumer).await?;
        Ok((channel, receiver))
    }
}

async fn sleep_unless_stopped(session: &Session, stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = session.sleep(time) => {}
        () = stop.cancelled() => {}
    }
}

/// Acknowledges what has been routed, in batches, and rejects what cannot be decoded, until the channel is closed.
async fn settle(channel: &Channel, receiver: &ReplyReceiver) {
    let mut settled = 0;
    loop {
        receiver.routed().await;
        sleep(ACK_INTERVAL).await;
        let (last, rejected) = receiver.take_routed();
        for frame in frames(settled, last, &rejected) {
            let sent = match frame {
                Frame::AckUpTo(tag) => channel.ack(tag, true),
                Frame::Reject(tag) => channel.reject(tag, false),
            };
            if sent.is_err() {
                return;
            }
        }
        settled = last;
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Frame {
    AckUpTo(u64),
    Reject(u64),
}

/// Returns what settles the messages behind `settled`, up to `last`. The broker closes a channel over a message that is settled
/// twice, so no message is acknowledged that has been rejected.
fn frames(mut settled: u64, last: u64, rejected: &[u64]) -> Vec<Frame> {
    let mut frames = Vec::with_capacity(1);
    for &tag in rejected {
        if tag - 1 > settled {
            frames.push(Frame::AckUpTo(tag - 1));
        }
        frames.push(Frame::Reject(tag));
        settled = tag;
    }
    if last > settled {
        frames.push(Frame::AckUpTo(last));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::Frame::{AckUpTo, Reject};
    use super::*;

    #[test]
    fn every_message_is_settled_once_by_few_frames() {
        assert_eq!(frames(0, 3, &[]), [AckUpTo(3)]);
        assert_eq!(frames(3, 3, &[]), []);
        assert_eq!(frames(3, 6, &[4]), [Reject(4), AckUpTo(6)]);
        assert_eq!(frames(3, 6, &[6]), [AckUpTo(5), Reject(6)]);
        assert_eq!(frames(3, 6, &[4, 5, 6]), [Reject(4), Reject(5), Reject(6)]);
        let expected = [AckUpTo(4), Reject(5), AckUpTo(6), Reject(7), AckUpTo(9)];
        assert_eq!(frames(3, 9, &[5, 7]), expected);
    }
}
