//! The server half of cancellation: tells callers of methods that run for a while where to cancel them, and cancels.
//!
//! Most calls are over before there is anything to tell. Such a call costs an entry in a list.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rpc_core::Request;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::publish::{LoggedPublish, PublisherSupervisor};
use crate::wire::{self, ReplyTo};

/// How long a call runs before the server sends the accepted notice. Most calls are over by then and need none.
const ACCEPTED_NOTICE_DELAY: Duration = Duration::from_millis(50);
/// How often the server looks whether the queue for cancellations has changed, which it does only in clusters.
const QUEUE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Returns the queue at which this program receives cancellations, if it is consumed now.
pub(crate) type CancelQueue = Box<dyn Fn() -> Option<Arc<str>> + Send + Sync>;

/// A call whose method runs. It ends with its delivery.
pub(super) struct RunningCall {
    pub(super) request: Arc<Request>,
    pub(super) reply_to: ReplyTo,
}

/// The running calls that can be cancelled.
#[derive(Default)]
pub(super) struct CancelRegistry {
    state: Mutex<State>,
    delivered: Notify,
}

#[derive(Default)]
struct State {
    /// Calls that were delivered and not announced, oldest first.
    new: Vec<Weak<RunningCall>>,
    announced: HashMap<ReplyTo, Weak<RunningCall>>,
}

impl CancelRegistry {
    /// Notes a call that has just been delivered.
    pub(super) fn insert(&self, call: &Arc<RunningCall>) {
        let first = {
            let mut state = self.state.lock();
            state.new.push(Arc::downgrade(call));
            state.new.len() == 1
        };
        if first {
            self.delivered.notify_one();
        }
    }

    /// Waits for calls that have been running for a while, and returns them.
    ///
    /// Not cancel safe: calls that came during the delay would wait until another one is delivered.
    async fn next(&self) -> Vec<Arc<RunningCall>> {
        loop {
            self.delivered.notified().await;
            // Calls that come during the delay wait for the next one.
            let waiting = self.state.lock().new.len();
            sleep(ACCEPTED_NOTICE_DELAY).await;
            let mut state = self.state.lock();
            let waiting = waiting.min(state.new.len());
            let due: Vec<_> = state.new.drain(..waiting).collect();
            let due: Vec<_> = due.iter().filter_map(Weak::upgrade).collect();
            if !state.new.is_empty() {
                self.delivered.notify_one();
            }
            state.announced.retain(|_, call| call.strong_count() > 0);
            for call in &due {
                state.announced.insert(call.reply_to.clone(), Arc::downgrade(call));
            }
            if !due.is_empty() {
                return due;
            }
        }
    }

    /// Has the running calls announced again, as cancellations are received at another queue.
    fn announce_again(&self) {
        let mut state = self.state.lock();
        let announced: Vec<_> = state.announced.drain().map(|(_, call)| call).collect();
        state.new.extend(announced);
        drop(state);
        self.delivered.notify_one();
    }

    /// Cancels the method of a call whose caller has dropped it.
    pub(super) fn cancel(&self, reply_to: &ReplyTo) {
        let call = self.state.lock().announced.remove(reply_to);
        if let Some(call) = call.and_then(|call| call.upgrade()) {
            call.request.cancel();
        }
    }
}

/// Tells callers of methods that run for a while where to cancel them. Never returns.
pub(super) async fn announce_running_calls(
    running: &CancelRegistry,
    publisher: &PublisherSupervisor,
    queue: CancelQueue,
) {
    tokio::join!(announce(running, publisher, &queue), watch_queue(running, &queue));
}

/// Has the running calls announced again when the queue has changed: callers take a server for gone that no longer consumes the
/// queue they know.
async fn watch_queue(running: &CancelRegistry, queue: &CancelQueue) {
    let mut known = queue();
    loop {
        sleep(QUEUE_CHECK_INTERVAL).await;
        if let Some(now) = queue()
            && known.as_ref() != Some(&now)
        {
            known = Some(now);
            running.announce_again();
        }
    }
}

async fn announce(running: &CancelRegistry, publisher: &PublisherSupervisor, queue: &CancelQueue) {
    loop {
        for call in running.next().await {
            if let Some(queue) = queue()
                && let Some(permit) = publisher.try_permit()
            {
                let notice = wire::encode_accepted(&call.reply_to, &queue);
                // If the channel was closed just now, the call cannot be cancelled.
                let _ = permit.publish(&notice, LoggedPublish::notice(&notice), 0);
            }
        }
    }
}
