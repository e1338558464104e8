//! Acknowledgements of one channel, sent in batches.
//!
//! To the broker one frame for all messages up to a delivery tag costs as much as a frame for one message. So acks wait for each
//! other for a moment. Nothing is lost by that: a message whose ack did not reach the broker is redelivered and marked so,
//! whether the frame still waited or was on its way.

use std::collections::BTreeSet;

/// How many acks wait at most. Fewer with a small prefetch, as the broker delivers no more before it has them.
const MAX_BATCH: usize = 16;

/// The delivery tags that have been settled. Tags count from one, in the order of delivery.
#[derive(Debug)]
pub(super) struct AckBatch {
    /// All lower tags have been settled.
    next: u64,
    /// The tags from there on that have been settled.
    settled: BTreeSet<u64>,
    /// The tags whose ack has not been sent.
    waiting: Vec<u64>,
    limit: usize,
}

/// A `basic.ack` to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AckFrame {
    pub(super) tag: u64,
    /// Whether it settles all messages up to this tag.
    pub(super) multiple: bool,
}

impl AckBatch {
    /// Creates the batch of a channel with this prefetch.
    pub(super) fn new(prefetch: u16) -> Self {
        let limit = usize::from(prefetch / 4).clamp(1, MAX_BATCH);
        Self { next: 1, settled: BTreeSet::new(), waiting: Vec::with_capacity(limit), limit }
    }

    /// Adds an ack. Returns whether it is the first that waits.
    pub(super) fn push(&mut self, tag: u64) -> bool {
        self.waiting.push(tag);
        self.waiting.len() == 1
    }

    /// Returns whether the acks that wait have to be sent now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.limit
    }

    /// Notes that a message was settled without an ack.
    pub(super) fn settle(&mut self, tag: u64) {
        self.settled.insert(tag);
        self.advance();
    }

    /// Removes the acks that wait. Returns one frame for all messages up to the first that is not settled, and one for each
    /// message behind it.
    pub(super) fn take(&mut self) -> Vec<AckFrame> {
        self.settled.extend(&self.waiting);
        self.advance();
        let (done, others): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|tag| *tag < self.next);
        let last = done.into_iter().max().map(|tag| AckFrame { tag, multiple: true });
        let others = others.into_iter().map(|tag| AckFrame { tag, multiple: false });
        last.into_iter().chain(others).collect()
    }

    fn advance(&mut self) {
        while self.settled.remove(&self.next) {
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(acks: &mut AckBatch, tags: &[u64]) -> Vec<(u64, bool)> {
        for tag in tags {
            acks.push(*tag);
        }
        acks.take().into_iter().map(|frame| (frame.tag, frame.multiple)).collect()
    }

    #[test]
    fn neighbours_are_acknowledged_by_one_frame_in_whatever_order_they_come() {
        let mut acks = AckBatch::new(32);
        assert_eq!(frames(&mut acks, &[2, 1, 3]), [(3, true)]);
        assert_eq!(frames(&mut acks, &[4]), [(4, true)]);
        assert_eq!(frames(&mut acks, &[]), []);
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
        assert!(acks.push(1));
        assert!(!acks.push(2));
        for tag in 3..8 {
            acks.push(tag);
        }
        assert!(!acks.is_full());
        acks.push(8);
        assert!(acks.is_full());
    }

    #[test]
    fn where_the_broker_delivers_one_message_at_a_time_none_waits() {
        let mut acks = AckBatch::new(1);
        acks.push(1);
        assert!(acks.is_full());
    }
}
