//! The queues of one topic, in all exchanges.

use std::ops::{Index, IndexMut};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rpc_core::transport::Destination;
use slab::Slab;

use crate::queue::Queue;

/// Queues by index. The index of a queue is used only by those that hold a reference to it, so it is valid: indexing
/// panics otherwise.
pub(crate) struct Queues {
    slab: Slab<Queue>,
    /// How many messages each queue holds.
    capacity: usize,
    last_id: u64,
}

impl Queues {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { slab: Slab::new(), capacity, last_id: 0 }
    }

    /// Returns the index of a queue. Compares no names if the hint is right, and corrects the hint otherwise.
    #[inline]
    pub(crate) fn find(
        &self,
        exchange: &str,
        destination: &Destination,
        hint: &QueueHint,
    ) -> Option<usize> {
        let (index, id) = hint.get();
        if self.slab.get(index).is_some_and(|queue| queue.id == id) {
            return Some(index);
        }
        let index = self.search(exchange, destination)?;
        hint.set(index, self.slab[index].id);
        Some(index)
    }

    fn search(&self, exchange: &str, destination: &Destination) -> Option<usize> {
        let mut queues = self.slab.iter();
        queues.find(|(_, queue)| queue.is_for(exchange, destination)).map(|(index, _)| index)
    }

    pub(crate) fn find_or_create(&mut self, exchange: &str, destination: Destination) -> usize {
        match self.search(exchange, &destination) {
            Some(index) => index,
            None => self.create(exchange, destination),
        }
    }

    pub(crate) fn create(&mut self, exchange: &str, destination: Destination) -> usize {
        self.last_id += 1;
        self.slab.insert(Queue::new(self.last_id, exchange, destination, self.capacity))
    }

    /// Drops one reference to a queue. Deletes the queue if it is unused then.
    pub(crate) fn release(&mut self, index: usize) {
        let queue = &mut self.slab[index];
        queue.references -= 1;
        if queue.is_unused() {
            self.slab.remove(index);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Queue)> {
        self.slab.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.slab.iter_mut().map(|(_, queue)| queue)
    }
}

impl Index<usize> for Queues {
    type Output = Queue;

    #[inline]
    fn index(&self, index: usize) -> &Queue {
        &self.slab[index]
    }
}

impl IndexMut<usize> for Queues {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut Queue {
        &mut self.slab[index]
    }
}

/// Where the queue of a route was found last.
///
/// The two halves may come from different updates. An id is stored only for the queue of this route, so whichever queue
/// has this id is the right one.
pub(crate) struct QueueHint {
    index: AtomicUsize,
    id: AtomicU64,
}

impl QueueHint {
    pub(crate) const fn none() -> Self {
        Self { index: AtomicUsize::new(usize::MAX), id: AtomicU64::new(0) }
    }

    fn get(&self) -> (usize, u64) {
        (self.index.load(Ordering::Relaxed), self.id.load(Ordering::Relaxed))
    }

    fn set(&self, index: usize, id: u64) {
        self.index.store(index, Ordering::Relaxed);
        self.id.store(id, Ordering::Relaxed);
    }
}
