//! The pending calls of the subjects that use lapin alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use lapin::message::Delivery;
use lapin::types::ShortString;
use tokio::sync::oneshot;

#[derive(Default)]
pub(crate) struct PendingCalls {
    next_id: AtomicU64,
    calls: Mutex<HashMap<u64, oneshot::Sender<Vec<u8>>>>,
}

impl PendingCalls {
    /// Registers a call. Returns its correlation id, and the receiver of its reply.
    pub(crate) fn register(&self) -> (ShortString, oneshot::Receiver<Vec<u8>>) {
        let (sender, reply) = oneshot::channel();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(id, sender);
        (id.to_string().into(), reply)
    }

    pub(crate) fn complete(&self, reply: Delivery) {
        let id = reply.properties.correlation_id().as_ref();
        let id = id.and_then(|id| id.as_str().parse::<u64>().ok());
        let call = id.and_then(|id| self.lock().remove(&id)).expect("the reply belongs to a call");
        call.send(reply.data).expect("the caller waits");
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Vec<u8>>>> {
        self.calls.lock().expect("no thread panics while it holds the lock")
    }
}
