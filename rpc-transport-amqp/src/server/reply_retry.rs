//! Answers that do not find their way at once: those to a queue that is not there, and those that come in two parts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lapin::BasicProperties;
use rpc_core::Outcome;
use rpc_core::pending_calls::{CallKey, PendingCalls};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::hub::Hub;
use crate::publish::confirmed_publish::Arrival;
use crate::wire::{Outgoing, kind, kind_of};

/// Between two attempts, as in oslo.messaging.
const PAUSE: Duration = Duration::from_millis(250);
/// For so long a queue that never appeared is remembered, and so many of them are, as in oslo.messaging.
const REMEMBERED: Duration = Duration::from_secs(60);
const NAMES: usize = 200;
/// So many answers are tried again at a time; more are dropped, for the memory's sake.
const AT_A_TIME: usize = 1024;
/// So many calls may wait for the second half of their answer.
const PARTS: usize = 1024;

pub(crate) struct Strays {
    patience: Duration,
    room: Arc<Semaphore>,
    gone: Mutex<VecDeque<(Box<str>, Instant)>>,
    parts: Mutex<HashMap<CallKey, Outcome>>,
}

impl Strays {
    /// Answers are tried again for at most `patience`.
    pub(crate) fn new(patience: Duration) -> Self {
        let room = Arc::new(Semaphore::new(AT_A_TIME));
        Self { patience, room, gone: Mutex::default(), parts: Mutex::default() }
    }

    /// An answer came back: there is no such queue. Its caller may be about to make it again, so it is tried for a while,
    /// beside everything else. Signs of life and cancellations are of no use later.
    pub(crate) fn returned(&self, hub: &Arc<Hub>, message: lapin::message::Delivery) {
        let properties = message.properties;
        if matches!(kind_of(&properties), kind::ALIVE | kind::TAKEN | kind::CANCEL) {
            return;
        }
        let queue = message.routing_key.as_str();
        if self.is_gone(queue) {
            tracing::debug!(%queue, "dropped an answer to a reply queue that is gone");
            return;
        }
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!(%queue, "dropped an answer: too many wait for reply queues that are not there");
            return;
        };
        let stray = Stray { queue: queue.into(), properties, body: message.data };
        let (hub, patience) = (Arc::clone(hub), self.patience);
        tokio::spawn(async move {
            let _room = room;
            stray.send_again(&hub, patience).await;
        });
    }

    fn is_gone(&self, queue: &str) -> bool {
        let mut gone = lock(&self.gone);
        gone.retain(|(_, since)| since.elapsed() < REMEMBERED);
        gone.iter().any(|(name, _)| **name == *queue)
    }

    fn remember(&self, queue: Box<str>) {
        let mut gone = lock(&self.gone);
        if gone.len() >= NAMES {
            gone.pop_front();
        }
        gone.push_back((queue, Instant::now()));
    }

    /// Keeps the first part of an answer. False: there is no room for it.
    pub(crate) fn keep_part(
        &self,
        pending_calls: &PendingCalls,
        key: CallKey,
        part: Outcome,
    ) -> bool {
        let mut parts = lock(&self.parts);
        if parts.len() >= PARTS {
            parts.retain(|key, _| pending_calls.is_waiting(*key));
        }
        let room = parts.len() < PARTS;
        if room {
            parts.insert(key, part);
        }
        room
    }

    pub(crate) fn take_part(&self, key: CallKey) -> Option<Outcome> {
        lock(&self.parts).remove(&key)
    }
}

struct Stray {
    queue: Box<str>,
    properties: BasicProperties,
    body: Vec<u8>,
}

impl Stray {
    async fn send_again(self, hub: &Arc<Hub>, patience: Duration) {
        let until = Instant::now() + patience;
        loop {
            sleep(PAUSE).await;
            let message = Outgoing {
                exchange: "".into(),
                routing_key: (&*self.queue).into(),
                properties: self.properties.clone(),
                body: self.body.clone(),
            };
            let arrival = hub.send_exactly(message).await;
            if arrival != Arrival::NoQueue && arrival != Arrival::NotSent {
                return;
            }
            if Instant::now() >= until || hub.is_closed() {
                tracing::warn!(queue = %self.queue, "gave an answer up: its reply queue is not there");
                hub.strays.remember(self.queue);
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
