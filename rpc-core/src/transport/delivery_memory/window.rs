//! Recognises messages that were sent twice.

use super::MessageKey;
use crate::message::MessageId;
use crate::transport::QueueKind;

/// The last message ids of a server: oslo.messaging's cache of 16 unique ids, with a configurable size.
///
/// Ids are numbered from 1 as they arrive. Ids with the same hash form a chain from the latest to the earliest. The chain
/// ends where the window ends, so nothing is ever removed: an id that left the window is overwritten.
pub(super) struct DuplicateWindow {
    /// How many ids are remembered.
    len: u64,
    /// How many ids have arrived.
    count: u64,
    /// The ids by their numbers modulo the length, a power of two. The ring is empty at first, and grows with the ids
    /// until the window fits: most servers of a process are idle, and 1,024 ids take 49 KB.
    ring: Vec<Entry>,
    /// The number of the latest id, by hash. As long as `ring`.
    latest: Vec<u64>,
}

#[derive(Clone)]
struct Entry {
    key: MessageKey,
    /// Whether the id was forgotten.
    forgotten: bool,
    /// The number of the previous id with the same hash.
    previous: u64,
}

impl DuplicateWindow {
    /// The ring's length once the first id has arrived.
    const INITIAL_LEN: usize = 16;

    pub(super) const fn new(len: usize) -> Self {
        Self { len: len as u64, count: 0, ring: Vec::new(), latest: Vec::new() }
    }

    /// Returns whether the id is within the window.
    pub(super) fn contains(&self, key: MessageKey) -> bool {
        self.find(key).is_some()
    }

    /// Adds an id that is not within the window.
    pub(super) fn insert(&mut self, key: MessageKey) {
        if self.len == 0 {
            return;
        }
        if self.count == self.ring.len() as u64 && self.count < self.len {
            self.grow((self.ring.len() * 2).max(Self::INITIAL_LEN));
        }
        self.count += 1;
        self.link(self.count, Entry { key, forgotten: false, previous: 0 });
    }

    /// Forgets an id, so that its message can be sent again.
    pub(super) fn forget(&mut self, key: MessageKey) {
        if let Some(index) = self.find(key) {
            self.ring[index].forgotten = true;
        }
    }

    /// Returns the index of the id.
    fn find(&self, key: MessageKey) -> Option<usize> {
        if self.ring.is_empty() {
            return None;
        }
        let expired = self.count.saturating_sub(self.len);
        let mut number = self.latest[self.hash(key)];
        while number > expired {
            let index = self.index(number);
            let entry = &self.ring[index];
            if entry.key == key && !entry.forgotten {
                return Some(index);
            }
            number = entry.previous;
        }
        None
    }

    fn link(&mut self, number: u64, entry: Entry) {
        let (index, hash) = (self.index(number), self.hash(entry.key));
        self.ring[index] = Entry { previous: self.latest[hash], ..entry };
        self.latest[hash] = number;
    }

    /// Returns the lowest bits of the id, which are random or counted. A caller that invents colliding ids slows down the
    /// search among the ids of one window at most.
    fn hash(&self, key: MessageKey) -> usize {
        let bits = key.id.to_bits();
        (bits ^ (bits >> 64)) as usize & (self.latest.len() - 1)
    }

    fn index(&self, number: u64) -> usize {
        number as usize & (self.ring.len() - 1)
    }

    /// Makes the ring `len` long, a power of two. Every id in it has arrived since the ring last grew.
    #[cold]
    fn grow(&mut self, len: usize) {
        let key = MessageKey { queue: QueueKind::Topic, id: MessageId::from_bits(0) };
        let empty = Entry { key, forgotten: true, previous: 0 };
        let old = std::mem::replace(&mut self.ring, vec![empty; len]);
        self.latest = vec![0; len];
        for number in 1..=old.len() as u64 {
            self.link(number, old[number as usize & (old.len() - 1)].clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u128) -> MessageKey {
        MessageKey { queue: QueueKind::Topic, id: MessageId::from_bits(id) }
    }

    /// Returns whether the id is a duplicate, and adds it otherwise.
    fn is_duplicate(window: &mut DuplicateWindow, id: u128) -> bool {
        let duplicate = window.contains(key(id));
        if !duplicate {
            window.insert(key(id));
        }
        duplicate
    }

    #[test]
    fn an_id_is_a_duplicate_until_as_many_others_came_as_the_window_is_wide() {
        let mut window = DuplicateWindow::new(3);
        assert!(!is_duplicate(&mut window, 1));
        assert!(is_duplicate(&mut window, 1));
        for other in 2..=4 {
            assert!(!is_duplicate(&mut window, other));
        }
        assert!(!is_duplicate(&mut window, 1), "the window has moved on");
    }

    #[test]
    fn an_id_that_was_forgotten_is_no_duplicate_and_others_still_are() {
        let mut window = DuplicateWindow::new(4);
        // The same hash.
        let ids = [1, (1 << 20) + 1, (1 << 21) + 1];
        ids.into_iter().for_each(|id| window.insert(key(id)));
        window.forget(key(ids[1]));
        assert!(!is_duplicate(&mut window, ids[1]));
        assert!(ids.into_iter().all(|id| is_duplicate(&mut window, id)));
        window.forget(key(7));
    }

    #[test]
    fn one_id_in_two_queues_is_two_messages() {
        let mut window = DuplicateWindow::new(3);
        window.insert(key(1));
        assert!(!window.contains(MessageKey { queue: QueueKind::Fanout, ..key(1) }));
    }

    #[test]
    fn a_wide_window_holds_as_many_ids_as_a_simple_one() {
        let mut window = DuplicateWindow::new(1_500);
        let mut simple = std::collections::VecDeque::new();
        let mut random = 1u128;
        for _ in 0..6_000 {
            random = random.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            // Some ids repeat within the window, some after it. Many share their lowest bits.
            let id = ((random >> 100) % 2_500) << 7;
            assert_eq!(is_duplicate(&mut window, id), simple.contains(&id), "{id}");
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
        let mut window = DuplicateWindow::new(0);
        assert!(!is_duplicate(&mut window, 1));
        assert!(!is_duplicate(&mut window, 1));
    }
}
