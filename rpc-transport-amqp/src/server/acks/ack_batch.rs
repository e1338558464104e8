//! Acknowledgements of one channel, sent in batches.
//!
//! To the broker one frame for all messages up to a delivery tag costs as much as a frame for one message. So acks wait for each
//! other: for a moment, or, where methods wait for the broker, while it processes those before.

use std::collections::BTreeSet;
use std::mem;

use rpc_core::transport::AckError;
use rpc_core::transport::delivery_memory::PendingAck;
use tokio::sync::oneshot;

/// How many acks wait at most. Fewer with a small prefetch, as the broker delivers no more before it has them.
const MAX_BATCH: usize = 16;

/// The delivery tags that have been settled. Tags count from one, in the order of delivery.
#[derive(Debug)]
pub(in crate::server) struct AckBatch {
    /// All lower tags have been settled.
    next: u64,
    /// The tags from there on that have been settled.
    settled: BTreeSet<u64>,
    /// The acks that have not been sent.
    waiting: Vec<Ack>,
    /// The acks that have been sent, and that the broker has not been seen to process.
    sent: Vec<Ack>,
    limit: usize,
}

/// One acknowledgement.
#[derive(Debug)]
pub(in crate::server) struct Ack {
    pub(in crate::server) tag: u64,
    pub(in crate::server) pending: PendingAck,
    /// Who waits for the broker.
    pub(in crate::server) waiter: Option<oneshot::Sender<Result<(), AckError>>>,
}

impl Ack {
    /// Tells that the broker has processed it.
    pub(in crate::server) fn confirm(self) {
        if let Some(waiter) = self.waiter {
            let _ = waiter.send(Ok(()));
        }
        self.pending.confirm();
    }

    /// Tells that it was not sent.
    fn fail(self, error: &AckError) {
        if let Some(waiter) = self.waiter {
            let _ = waiter.send(Err(error.clone()));
        }
    }
}

/// A `basic.ack` to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct AckFrame {
    pub(in crate::server) tag: u64,
    /// Whether it settles all messages up to this tag.
    pub(in crate::server) multiple: bool,
}

impl AckBatch {
    /// Creates the batch of a channel with this prefetch.
    pub(in crate::server) fn new(prefetch: u16) -> Self {
        let limit = usize::from(prefetch / 4).clamp(1, MAX_BATCH);
        let (waiting, sent) = (Vec::with_capacity(limit), Vec::new());
        Self { next: 1, settled: BTreeSet::new(), waiting, sent, limit }
    }

    /// Adds an ack. Returns whether it is the first that waits.
    pub(in crate::server) fn push(&mut self, ack: Ack) -> bool {
        self.waiting.push(ack);
        self.waiting.len() == 1
    }

    /// Returns whether the acks that wait have to be sent now.
    pub(in crate::server) fn is_full(&self) -> bool {
        self.waiting.len() >= self.limit
    }

    /// Notes that a message was settled without an ack.
    pub(in crate::server) fn settle(&mut self, tag: u64) {
        self.settled.insert(tag);
        self.advance();
    }

    /// Sends the acks that wait: one frame for all messages up to the first that is not settled, and one for each message
    /// behind it. If one frame fails, all acks have failed that were not confirmed.
    pub(in crate::server) fn flush<E: ToString>(
        &mut self,
        mut send: impl FnMut(AckFrame) -> Result<(), E>,
    ) {
        self.settled.extend(self.waiting.iter().map(|ack| ack.tag));
        self.advance();
        let done = self.waiting.iter().map(|ack| ack.tag).filter(|tag| *tag < self.next).max();
        let others = self.waiting.iter().map(|ack| ack.tag).filter(|tag| *tag >= self.next);
        let last = done.into_iter().map(|tag| AckFrame { tag, multiple: true });
        let mut frames = last.chain(others.map(|tag| AckFrame { tag, multiple: false }));
        match frames.try_for_each(&mut send) {
            Ok(()) => self.sent.append(&mut self.waiting),
            Err(error) => {
                let error = AckError::new(error.to_string());
                self.waiting.drain(..).for_each(|ack| ack.fail(&error));
            }
        }
    }

    /// Removes the acks that have been sent, to be confirmed once the broker has answered a later request.
    pub(in crate::server) fn take_sent(&mut self) -> Vec<Ack> {
        mem::take(&mut self.sent)
    }

    fn advance(&mut self) {
        while self.settled.remove(&self.next) {
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use rpc_core::server::AckMode;
    use rpc_core::transport::delivery_memory::DeliveryMemory;

    use super::*;

    fn ack(tag: u64, waiter: Option<oneshot::Sender<Result<(), AckError>>>) -> Ack {
        let memory = Arc::new(DeliveryMemory::new(AckMode::Confirmed, 0));
        Ack { tag, pending: memory.pending_ack(None), waiter }
    }

    fn frames(acks: &mut AckBatch, tags: &[u64]) -> Vec<(u64, bool)> {
        for tag in tags {
            acks.push(ack(*tag, None));
        }
        let mut frames = Vec::new();
        acks.flush(|frame| {
            frames.push((frame.tag, frame.multiple));
            Ok::<_, Infallible>(())
        });
        frames
    }

    #[test]
    fn neighbours_are_acknowledged_by_one_frame_in_whatever_order_they_come() {
        let mut acks = AckBatch::new(32);
        assert_eq!(frames(&mut acks, &[2, 1, 3]), [(3, true)]);
        assert_eq!(frames(&mut acks, &[4]), [(4, true)]);
        assert_eq!(frames(&mut acks, &[]), []);
        assert_eq!(acks.take_sent().iter().map(|ack| ack.tag).collect::<Vec<_>>(), [2, 1, 3, 4]);
    }

    #[test]
    fn a_message_that_nobody_has_settled_is_not_acknowledged_with_others() {
        let mut acks = AckBatch::new(32);
        assert_eq!(frames(&mut acks, &[1, 3, 4]), [(1, true), (3, false), (4, false)]);
        assert_eq!(frames(&mut acks, &[6]), [(6, false)]);
        assert_eq!(frames(&mut acks, &[2]), [(2, true)]);
        assert_eq!(frames(&mut acks, &[5, 7]), [(7, true)]);
    }

    #[test]
    fn a_message_settled_without_an_ack_delays_no_other_ack() {
        let mut acks = AckBatch::new(32);
        acks.settle(2);
        assert_eq!(frames(&mut acks, &[1, 3]), [(3, true)]);
    }

    #[test]
    fn it_is_time_when_eight_wait() {
        let mut acks = AckBatch::new(32);
        assert!(acks.push(ack(1, None)));
        assert!(!acks.push(ack(2, None)));
        for tag in 3..8 {
            acks.push(ack(tag, None));
        }
        assert!(!acks.is_full());
        acks.push(ack(8, None));
        assert!(acks.is_full());
    }

    #[test]
    fn where_the_broker_delivers_one_message_at_a_time_none_waits() {
        let mut acks = AckBatch::new(1);
        acks.push(ack(1, None));
        assert!(acks.is_full());
    }

    #[test]
    fn who_waits_is_told_whether_the_ack_was_processed_or_not_sent_or_perhaps() {
        let mut acks = AckBatch::new(32);
        let mut wait = |tag| {
            let (waiter, told) = oneshot::channel();
            acks.push(ack(tag, Some(waiter)));
            told
        };
        let (mut processed, mut perhaps) = (wait(1), wait(2));
        acks.flush(|_| Ok::<_, Infallible>(()));
        let mut sent = acks.take_sent().into_iter();
        sent.next().unwrap().confirm();
        drop(sent);
        assert!(processed.try_recv().unwrap().is_ok());
        assert_eq!(perhaps.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        let (waiter, mut unsent) = oneshot::channel();
        acks.push(ack(3, Some(waiter)));
        acks.flush(|_| Err("closed"));
        assert!(!unsent.try_recv().unwrap().unwrap_err().is_in_doubt());
    }
}
