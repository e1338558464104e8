//! Receives what arrives in the reply queue, and has it routed.
//!
//! Most replies are routed by the connection's task, which brings them to their callers without another task between. What takes
//! long to decode would hold the connection up, so it has a task of its own; and so has everything behind it, as a reply may come
//! in two parts, whose order matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rpc_amqp::{Consumer, ConsumerEnd, Delivery};
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::reply_router::{ReplyRouter, Settle};
use crate::wire;

/// The largest reply in bytes that the connection's task decodes.
const MAX_QUICK: usize = 64 * 1024;

/// The receiver of one consumer of the reply queue.
pub(super) struct ReplyReceiver {
    router: Arc<ReplyRouter>,
    slow: mpsc::UnboundedSender<Delivery>,
    progress: Arc<Progress>,
    ended: CancellationToken,
}

/// What has been routed.
#[derive(Default)]
struct Progress {
    /// The last delivery tag up to which all has been routed.
    last: AtomicU64,
    /// Those up to there that are to be rejected, and perhaps the next one; ascending.
    rejected: Mutex<Vec<u64>>,
    /// Notified when more has been routed.
    routed: Notify,
    /// How many deliveries the slow task has. Added to by the connection's task alone.
    slow: AtomicUsize,
}

impl Progress {
    fn note(&self, tag: u64, settle: Settle) {
        if settle == Settle::Reject {
            self.rejected.lock().push(tag);
        }
        self.last.store(tag, Ordering::Release);
        self.routed.notify_one();
    }
}

impl ReplyReceiver {
    /// Creates the receiver of a consumer on a channel that has no other one.
    pub(super) fn new(router: &Arc<ReplyRouter>) -> Arc<Self> {
        let (slow, received) = mpsc::unbounded_channel();
        let progress = Arc::<Progress>::default();
        tokio::spawn(route_slowly(received, Arc::clone(router), Arc::clone(&progress)));
        Arc::new(Self {
            router: Arc::clone(router),
            slow,
            progress,
            ended: CancellationToken::new(),
        })
    }

    /// Waits until the consumer has ended.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Waits until more has been routed.
    pub(super) async fn routed(&self) {
        self.progress.routed.notified().await;
    }

    /// Returns the delivery tag up to which all has been routed, and removes and returns those up to there that are to be
    /// rejected, in ascending order.
    pub(super) fn take_routed(&self) -> (u64, Vec<u64>) {
        let last = self.progress.last.load(Ordering::Acquire);
        let mut rejected = self.progress.rejected.lock();
        let up_to_last = rejected.partition_point(|tag| *tag <= last);
        (last, rejected.drain(..up_to_last).collect())
    }
}

impl Consumer for ReplyReceiver {
    fn on_delivery(&self, delivery: Delivery) {
        let waits = self.progress.slow.load(Ordering::Acquire) > 0;
        if waits || is_slow(&delivery) {
            self.progress.slow.fetch_add(1, Ordering::AcqRel);
            // The task lives as long as this sender.
            let _ = self.slow.send(delivery);
            return;
        }
        self.progress.note(delivery.tag, self.router.route(&delivery));
    }

    fn on_end(&self, _: ConsumerEnd) {
        self.ended.cancel();
    }
}

fn is_slow(delivery: &Delivery) -> bool {
    delivery.message.body().len() > MAX_QUICK || wire::is_compressed(&delivery.message.properties())
}

/// Routes what takes long, and what came behind it, in order.
async fn route_slowly(
    mut received: mpsc::UnboundedReceiver<Delivery>,
    router: Arc<ReplyRouter>,
    progress: Arc<Progress>,
) {
    while let Some(delivery) = received.recv().await {
        let tag = delivery.tag;
        let router = Arc::clone(&router);
        // A panic is a bug of ours. The reply is lost, and its call waits for its deadline.
        let routed = spawn_blocking(move || router.route(&delivery)).await;
        progress.note(tag, routed.unwrap_or(Settle::Reject));
        progress.slow.fetch_sub(1, Ordering::AcqRel);
    }
}
