//! Recognises messages that were sent twice.

use crate::message::MessageId;

/// The last message ids of a server: oslo.messaging's cache of 16 unique ids, with a configurable size.
///
/// Ids are numbered from 1 as they arrive. Ids with the same hash form a chain from the latest to the earliest. The chain
/// ends where the window ends, so nothing is ever removed: an id that left the window is overwritten.
pub(in crate::server) struct DuplicateFilter {
    /// How many ids are remembered.
    window: u64,
    /// How many ids have arrived.
    count: u64,
    /// The ids by their numbers modulo the length, a power of two. The ring is empty at first, and grows with the ids
    /// until the window fits: most servers of a process are idle, and 1,024 ids take 41 KB.
    ring: Vec<Entry>,
    /// The number of the latest id, by hash. As long as `ring`.
    latest: Vec<u64>,
}

#[derive(Clone)]
struct Entry {
    id: MessageId,
    /// The number of the previous id with the same hash.
    previous: u64,
}

impl DuplicateFilter {
    /// The ring's length once the first id has arrived.
    const INITIAL_LEN: usize = 16;

    pub(in crate::server) const fn new(window: usize) -> Self {
        Self { window: window as u64, count: 0, ring: Vec::new(), latest: Vec::new() }
    }

    /// Returns whether the id is within the window, and remembers it.
    pub(in crate::server) fn is_duplicate(&mut self, id: MessageId) -> bool {
        if self.window == 0 {
            return false;
        }
        if self.count == self.ring.len() as u64 && self.count < self.window {
            self.grow((self.ring.len() * 2).max(Self::INITIAL_LEN));
        }
        let expired = self.count.saturating_sub(self.window);
        let mut number = self.latest[self.hash(id)];
        while number > expired {
            let entry = &self.ring[self.index(number)];
            if entry.id == id {
                return true;
            }
            number = entry.previous;
        }
        self.count += 1;
        self.insert(self.count, id);
        false
    }

    fn insert(&mut self, number: u64, id: MessageId) {
        let (index, hash) = (self.index(number), self.hash(id));
        self.ring[index] = Entry { id, previous: self.latest[hash] };
        self.latest[hash] = number;
    }

    /// Returns the lowest bits of the id, which are random or counted. A caller that invents colliding ids slows down the
    /// search among the ids of one window at most.
    fn hash(&self, id: MessageId) -> usize {
        let bits = id.to_bits();
        (bits ^ (bits >> 64)) as usize & (self.latest.len() - 1)
    }

    fn index(&self, number: u64) -> usize {
        number as usize & (self.ring.len() - 1)
    }

    /// Makes the ring `len` long, a power of two. Every id in it has arrived since the ring last grew.
    #[cold]
    fn grow(&mut self, len: usize) {
        let empty = Entry { id: MessageId::from_bits(0), previous: 0 };
        let old = std::mem::replace(&mut self.ring, vec![empty; len]);
        self.latest = vec![0; len];
        for number in 1..=old.len() as u64 {
            self.insert(number, old[number as usize & (old.len() - 1)].id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_duplicate_until_as_many_others_came_as_the_window_is_wide() {
        let mut filter = DuplicateFilter::new(3);
        let id = MessageId::from_bits;
        assert!(!filter.is_duplicate(id(1)));
        assert!(filter.is_duplicate(id(1)));
        for other in 2..=4 {
            assert!(!filter.is_duplicate(id(other)));
        }
        assert!(!filter.is_duplicate(id(1)), "the window has moved on");
    }

    #[test]
    fn a_wide_window_holds_as_many_ids_as_a_simple_one() {
        let mut filter = DuplicateFilter::new(1_500);
        let mut simple = std::collections::VecDeque::new();
        let mut random = 1u128;
        for _ in 0..6_000 {
            random = random.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            // Some ids repeat within the window, some after it. Many share their lowest bits.
            let id = MessageId::from_bits(((random >> 100) % 2_500) << 7);
            assert_eq!(filter.is_duplicate(id), simple.contains(&id), "{id}");
            if !simple.contains(&id) {
                simple.push_back(id);
            }
            if simple.len() > 1_500 {
                simple.pop_front();
            }
        }
    }

    #[test]
    fn a_window_of_zero_knows_no_duplicates() {
        let mut filter = DuplicateFilter::new(0);
        assert!(!filter.is_duplicate(MessageId::from_bits(1)));
        assert!(!filter.is_duplicate(MessageId::from_bits(1)));
    }
}
