//! The last ids that a server has seen.

use crate::message::MessageId;

/// A window over message ids, first in, first out: oslo.messaging's cache of 16 unique ids, with a size to choose.
///
/// Ids are numbered as they come, from one. Those that share a place are a chain from the latest to the earliest, which
/// ends where the window does; so nothing is ever taken out: what has left the window is written over.
pub(super) struct Duplicates {
    /// How wide the window is.
    size: u64,
    /// How many ids have come.
    count: u64,
    /// The ids by their numbers, a power of two of them: it grows until the window fits.
    ids: Vec<Numbered>,
    /// By place, the number of the latest id. As many as `ids`.
    latest: Vec<u64>,
}

#[derive(Clone)]
struct Numbered {
    id: MessageId,
    /// The number of the id that came before at the same place.
    before: u64,
}

impl Duplicates {
    /// So many ids are room for at first.
    const FIRST: usize = 1024;

    pub(super) fn new(size: usize) -> Self {
        let mut window = Self { size: size as u64, count: 0, ids: Vec::new(), latest: Vec::new() };
        window.make_room(size.min(Self::FIRST).next_power_of_two());
        window
    }

    /// Whether the id is within the window; it is from now on.
    pub(super) fn seen(&mut self, id: MessageId) -> bool {
        if self.size == 0 {
            return false;
        }
        let outside = self.count.saturating_sub(self.size);
        let mut number = self.latest[self.place(id)];
        while number > outside {
            let at = self.at(number);
            if self.ids[at].id == id {
                return true;
            }
            number = self.ids[at].before;
        }
        if self.count == self.ids.len() as u64 && self.count < self.size {
            self.make_room(self.ids.len() * 2);
        }
        self.count += 1;
        self.enter(self.count, id);
        false
    }

    fn enter(&mut self, number: u64, id: MessageId) {
        let (at, place) = (self.at(number), self.place(id));
        self.ids[at] = Numbered { id, before: self.latest[place] };
        self.latest[place] = number;
    }

    /// The lowest bits will do: they are random or counted already. Somebody who makes up ids that collide slows down the
    /// look-up among at most a window of them.
    fn place(&self, id: MessageId) -> usize {
        let bits = id.to_bits();
        (bits ^ (bits >> 64)) as usize & (self.latest.len() - 1)
    }

    fn at(&self, number: u64) -> usize {
        number as usize & (self.ids.len() - 1)
    }

    /// Makes room for so many ids, a power of two. Those that are there have all come since the last time.
    #[cold]
    fn make_room(&mut self, room: usize) {
        let empty = Numbered { id: MessageId::from_bits(0), before: 0 };
        let ids = std::mem::replace(&mut self.ids, vec![empty; room]);
        self.latest = vec![0; room];
        for number in 1..=ids.len() as u64 {
            self.enter(number, ids[number as usize & (ids.len() - 1)].id);
        }
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
    fn a_wide_window_holds_as_many_ids_as_a_simple_one() {
        let mut window = Duplicates::new(1_500);
        let mut simple = std::collections::VecDeque::new();
        let mut random = 1u128;
        for _ in 0..6_000 {
            random = random.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            // One in so many is seen twice within the window or after it; many share their lowest bits.
            let id = MessageId::from_bits(((random >> 100) % 2_500) << 7);
            assert_eq!(window.seen(id), simple.contains(&id), "{id}");
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
        let mut window = Duplicates::new(0);
        assert!(!window.seen(MessageId::from_bits(1)));
        assert!(!window.seen(MessageId::from_bits(1)));
    }
}
