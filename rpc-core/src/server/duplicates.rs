//! The last ids that a server has seen.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashSet;

use crate::message::MessageId;

/// A window over message ids, first in, first out: oslo.messaging's cache of 16 unique ids, with a size to choose.
pub(super) struct Duplicates {
    order: VecDeque<MessageId>,
    ids: HashSet<MessageId, BuildHasherDefault<Folded>>,
    size: usize,
}

impl Duplicates {
    pub(super) fn new(size: usize) -> Self {
        let order = VecDeque::with_capacity(size.min(1024));
        Self {
            order,
            ids: HashSet::with_capacity_and_hasher(size.min(1024), BuildHasherDefault::new()),
            size,
        }
    }

    /// Whether the id is within the window; it is from now on.
    pub(super) fn seen(&mut self, id: MessageId) -> bool {
        if self.size == 0 {
            return false;
        }
        if !self.ids.insert(id) {
            return true;
        }
        if self.order.len() == self.size
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.order.push_back(id);
        false
    }
}

/// Hashes ids, which are random or counted already. Somebody who makes up ids that collide slows down the look-up among
/// at most a window of them.
#[derive(Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, id: u128) {
        // The table looks at the highest and at the lowest bits; multiplying spreads a counter over both.
        let folded = (id as u64) ^ ((id >> 64) as u64);
        let spread = u128::from(folded) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (spread as u64) ^ ((spread >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_duplicate_until_as_many_others_came_as_the_window_is_wide() {
        let mut window = Duplicates::new(3);
        let id = MessageId::from_bits;
        assert!(!window.seen(id(1)));
        assert!(window.seen(id(1)));
        for other in 2..=4 {
            assert!(!window.seen(id(other)));
        }
        assert!(!window.seen(id(1)), "the window has moved on");
    }

    #[test]
    fn a_window_of_zero_knows_no_duplicates() {
        let mut window = Duplicates::new(0);
        assert!(!window.seen(MessageId::from_bits(1)));
        assert!(!window.seen(MessageId::from_bits(1)));
    }
}
