//! The calls that wait, in the rows that are made of lapin alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use lapin::message::Delivery;
use lapin::types::ShortString;
use tokio::sync::oneshot;

#[derive(Default)]
pub(crate) struct Waiting {
    last: AtomicU64,
    calls: Mutex<HashMap<u64, oneshot::Sender<Vec<u8>>>>,
}

impl Waiting {
    /// A new call: its correlation id, and its answer.
    pub(crate) fn open(&self) -> (ShortString, oneshot::Receiver<Vec<u8>>) {
        let (sender, answer) = oneshot::channel();
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(id, sender);
        (id.to_string().into(), answer)
    }

    pub(crate) fn complete(&self, answer: Delivery) {
        let id = answer.properties.correlation_id().as_ref();
        let id = id.and_then(|id| id.as_str().parse::<u64>().ok());
        let call = id.and_then(|id| self.lock().remove(&id)).expect("the answer is to a call");
        call.send(answer.data).expect("the caller waits");
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Vec<u8>>>> {
        self.calls.lock().expect("nobody panics with it")
    }
}
