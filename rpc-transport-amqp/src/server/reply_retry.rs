//! Retries replies whose reply queue does not exist.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::message::Delivery;
use parking_lot::Mutex;
use rpc_core::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::publish::{ConfirmedPublisher, PublishOutcome};
use crate::wire::{Outgoing, is_notice};

/// Delay between two attempts, as in oslo.messaging.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// How long, and how many, missing queues are remembered, as in oslo.messaging.
const MISSING_QUEUE_TTL: Duration = Duration::from_secs(60);
const MAX_MISSING_QUEUES: usize = 200;
/// How many replies are retried at a time. More are dropped, to bound the memory that they take.
const MAX_RETRIES: usize = 1024;

/// Retries returned replies for a limited time.
pub(super) struct ReplyRetry {
    /// How long a reply is retried.
    time_limit: Duration,
    permits: Arc<Semaphore>,
    missing: Arc<MissingQueues>,
    confirmed: Arc<ConfirmedPublisher>,
    closing: CancellationToken,
}

/// The reply queues that did not appear in time.
#[derive(Default)]
struct MissingQueues(Mutex<VecDeque<(Box<str>, Instant)>>);

impl ReplyRetry {
    /// Retries each reply for at most `time_limit`.
    pub(super) fn new(
        time_limit: Duration,
        confirmed: Arc<ConfirmedPublisher>,
        closing: CancellationToken,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_RETRIES));
        Self { time_limit, permits, missing: Arc::default(), confirmed, closing }
    }

    /// Retries a returned reply in a task of its own, as its caller may be about to declare its queue again. Still-running
    /// messages and cancellation notices are dropped: they are of no use later.
    pub(super) fn on_return(&self, message: Delivery) {
        if is_notice(&message.data) {
            return;
        }
        let properties = message.properties;
        let queue = message.routing_key.as_str();
        if self.missing.contains(queue) {
            tracing::debug!(%queue, "dropped a reply: reply queue not found");
            return;
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            tracing::warn!(%queue, "dropped a reply: reply queue not found, and too many replies are being retried");
            return;
        };
        let returned = ReturnedReply { queue: queue.into(), properties, body: message.data.into() };
        let (missing, confirmed) = (Arc::clone(&self.missing), Arc::clone(&self.confirmed));
        let (closing, time_limit) = (self.closing.clone(), self.time_limit);
        tokio::spawn(async move {
            let _permit = permit;
            returned.retry(&confirmed, &missing, &closing, time_limit).await;
        });
    }
}

impl MissingQueues {
    fn contains(&self, queue: &str) -> bool {
        let mut missing = self.0.lock();
        missing.retain(|(_, since)| since.elapsed() < MISSING_QUEUE_TTL);
        missing.iter().any(|(name, _)| **name == *queue)
    }

    fn insert(&self, queue: Box<str>) {
        let mut missing = self.0.lock();
        if missing.len() >= MAX_MISSING_QUEUES {
            missing.pop_front();
        }
        missing.push_back((queue, Instant::now()));
    }
}

/// A reply that no queue took.
struct ReturnedReply {
    queue: Box<str>,
    properties: BasicProperties,
    body: Bytes,
}

impl ReturnedReply {
    async fn retry(
        self,
        confirmed: &Arc<ConfirmedPublisher>,
        missing: &MissingQueues,
        closing: &CancellationToken,
        time_limit: Duration,
    ) {
        let until = Instant::now() + time_limit;
        loop {
            sleep(RETRY_DELAY).await;
            let message = Outgoing {
                exchange: "".into(),
                routing_key: (&*self.queue).into(),
                properties: self.properties.clone(),
                body: self.body.clone().into(),
            };
            let outcome = confirmed.publish(message).await;
            if !matches!(outcome, PublishOutcome::Unroutable | PublishOutcome::NotSent) {
                return;
            }
            if Instant::now() >= until || closing.is_cancelled() {
                tracing::warn!(queue = %self.queue, "dropped a reply: reply queue not found after retries");
                missing.insert(self.queue);
                return;
            }
        }
    }
}
