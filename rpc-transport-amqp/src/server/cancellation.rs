//! The server's half of cancelling: says to callers of methods that take a while where to cancel them, and cancels.
//!
//! Most calls are over before there is anything to say, so none costs more for it than a place in a list.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rpc_core::Request;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::wire::WayBack;

/// What has been at work for as long is announced.
const PAUSE: Duration = Duration::from_millis(50);

/// A call at work; it ends with its delivery.
pub(crate) struct InWork {
    pub(crate) request: Arc<Request>,
    pub(crate) back: WayBack,
}

#[derive(Default)]
pub(crate) struct Announcer {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    fresh: Vec<Weak<InWork>>,
    announced: HashMap<WayBack, Weak<InWork>>,
}

impl Announcer {
    /// Notes a call that has just been delivered.
    pub(crate) fn note(&self, call: &Arc<InWork>) {
        let first = {
            let mut state = self.lock();
            state.fresh.push(Arc::downgrade(call));
            state.fresh.len() == 1
        };
        if first {
            self.news.notify_one();
        }
    }

    /// The calls that have been at work for a while, as soon as there are some.
    ///
    /// Not cancel safe: those that came during the pause would wait for the next one to come.
    pub(crate) async fn next(&self) -> Vec<Arc<InWork>> {
        loop {
            self.news.notified().await;
            // Those that come during the pause have their turn after the next one.
            let waiting = self.lock().fresh.len();
            sleep(PAUSE).await;
            let mut state = self.lock();
            let waiting = waiting.min(state.fresh.len());
            let old: Vec<_> = state.fresh.drain(..waiting).collect();
            let old: Vec<_> = old.iter().filter_map(Weak::upgrade).collect();
            if !state.fresh.is_empty() {
                self.news.notify_one();
            }
            state.announced.retain(|_, call| call.strong_count() > 0);
            for call in &old {
                state.announced.insert(call.back.clone(), Arc::downgrade(call));
            }
            if !old.is_empty() {
                return old;
            }
        }
    }

    /// The caller has given up: its method is told.
    pub(crate) fn cancel(&self, back: &WayBack) {
        let call = self.lock().announced.remove(back);
        if let Some(call) = call.and_then(|call| call.upgrade()) {
            call.request.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
