//! Retries replies whose reply queue does not exist.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rpc_amqp::Returned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::publish::{ConfirmedPublisher, PublishOutcome, ReturnListener};
use crate::wire::Outgoing;

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
}

impl ReturnListener for ReplyRetry {
    /// Retries a returned reply in a task of its own, as its caller may be about to declare its queue again.
    fn on_return(&self, reply: Returned) {
        let message = reply.message;
        // As this program has sent it, so it is UTF-8.
        let queue: Box<str> = message.routing_key().to_string_lossy().into();
        if self.missing.contains(&queue) {
            tracing::debug!(%queue, "dropped a reply: reply queue not found");
            return;
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            tracing::warn!(%queue, "dropped a reply: reply queue not found, and too many replies are being retried");
            return;
        };
        let reply = Outgoing {
            exchange: "".into(),
            routing_key: queue,
            properties: message.properties(),
            body: message.body().into(),
        };
        let (missing, confirmed) = (Arc::clone(&self.missing), Arc::clone(&self.confirmed));
        let (closing, time_limit) = (self.closing.clone(), self.time_limit);
        tokio::spawn(async move {
            let _permit = permit;
            retry(reply, &confirmed, &missing, &closing, time_limit).await;
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

/// Publishes a reply that no queue took again and again, until it is in its queue, or for `time_limit`.
async fn retry(
    reply: Outgoing,
    confirmed: &ConfirmedPublisher,
    missing: &MissingQueues,
    closing: &CancellationToken,
    time_limit: Duration,
) {
    let until = Instant::now() + time_limit;
    loop {
        sleep(RETRY_DELAY).await;
        match confirmed.publish(&reply).await {
            PublishOutcome::Unroutable | PublishOutcome::NotSent => {}
            PublishOutcome::Confirmed
            | PublishOutcome::Nacked
            | PublishOutcome::Rejected(_)
            | PublishOutcome::ChannelClosed(_)
            | PublishOutcome::Unknown => return,
        }
        if Instant::now() >= until || closing.is_cancelled() {
            let queue = reply.routing_key;
            tracing::warn!(%queue, "dropped a reply: reply queue not found after retries");
            missing.insert(queue);
            return;
        }
    }
}
