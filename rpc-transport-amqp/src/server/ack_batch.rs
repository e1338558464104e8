//! Acknowledgements of one channel, sent several at a time.
//!
//! The broker takes one frame for all messages up to a number as easily as for a single one. So acknowledgements wait for a
//! moment for each other. Nothing is lost by that: a message whose acknowledgement did not get through comes back marked as
//! delivered before, whether the frame was still here or already on its way.

use std::collections::BTreeSet;

/// So many wait at most; fewer where the broker delivers few at a time, as it waits for them before it delivers more.
const BATCH: usize = 16;

/// Which messages have been settled, by their numbers: they are counted from one, in the order of their delivery.
#[derive(Debug)]
pub(crate) struct Acks {
    /// All below have been settled.
    next: u64,
    /// Those from there on that have been settled, too.
    settled: BTreeSet<u64>,
    /// Those that are to be acknowledged.
    waiting: Vec<u64>,
    batch: usize,
}

/// A frame to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) tag: u64,
    /// For all messages up to this one.
    pub(crate) multiple: bool,
}

impl Acks {
    /// For a channel on which the broker delivers so many messages before it waits.
    pub(crate) fn new(prefetch: u16) -> Self {
        let batch = usize::from(prefetch / 4).clamp(1, BATCH);
        Self { next: 1, settled: BTreeSet::new(), waiting: Vec::with_capacity(batch), batch }
    }

    /// Notes an acknowledgement. True: it is the first that waits.
    pub(crate) fn push(&mut self, tag: u64) -> bool {
        self.waiting.push(tag);
        self.waiting.len() == 1
    }

    /// Whether it is time to send what waits.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= self.batch
    }

    /// Notes that a message was settled in another way.
    pub(crate) fn settle(&mut self, tag: u64) {
        self.settled.insert(tag);
        self.advance();
    }

    /// The frames for what waits: one for all messages up to the first that nobody has settled, and one for each behind it.
    pub(crate) fn take(&mut self) -> Vec<Frame> {
        self.settled.extend(&self.waiting);
        self.advance();
        let (done, others): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|tag| *tag < self.next);
        let last = done.into_iter().max().map(|tag| Frame { tag, multiple: true });
        let others = others.into_iter().map(|tag| Frame { tag, multiple: false });
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

    fn frames(acks: &mut Acks, tags: &[u64]) -> Vec<(u64, bool)> {
        for tag in tags {
            acks.push(*tag);
        }
        acks.take().into_iter().map(|frame| (frame.tag, frame.multiple)).collect()
    }

    #[test]
    fn neighbours_are_acknowledged_by_one_frame_in_whatever_order_they_come() {
        let mut acks = Acks::new(32);
        assert_eq!(frames(&mut acks, &[2, 1, 3]), [(3, true)]);
        assert_eq!(frames(&mut acks, &[4]), [(4, true)]);
        assert_eq!(frames(&mut acks, &[]), []);
    }

    #[test]
    fn a_message_that_nobody_has_settled_is_not_acknowledged_with_others() {
        let mut acks = Acks::new(32);
        assert_eq!(frames(&mut acks, &[1, 3, 4]), [(1, true), (3, false), (4, false)]);
        assert_eq!(frames(&mut acks, &[6]), [(6, false)]);
        assert_eq!(frames(&mut acks, &[2]), [(2, true)]);
        assert_eq!(frames(&mut acks, &[5, 7]), [(7, true)]);
    }

    #[test]
    fn what_was_settled_in_another_way_holds_nobody_up() {
        let mut acks = Acks::new(32);
        acks.settle(2);
        assert_eq!(frames(&mut acks, &[1, 3]), [(3, true)]);
    }

    #[test]
    fn it_is_time_when_eight_wait() {
        let mut acks = Acks::new(32);
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
        let mut acks = Acks::new(1);
        acks.push(1);
        assert!(acks.is_full());
    }
}
