//! Warns of methods that keep their message unacknowledged for long, where the broker limits that.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use slab::Slab;
use tokio::time::{Instant, sleep};

use super::request_events::RequestEvents;
use crate::message::Request;
use crate::sync::Mutex;

/// How often the methods are checked within the limit.
const CHECKS: u32 = 32;
const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// No limit is so long that the clock overflows.
const MAX_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The requests of a server whose messages are not acknowledged yet.
///
/// One task checks them all from time to time, so a request has no timer of its own.
#[derive(Default)]
pub(in crate::server) struct UnackedRequests {
    /// How long a message may stay unacknowledged. Without a limit, requests are not noted.
    limit: OnceLock<Duration>,
    requests: Mutex<Slab<Unacked>>,
}

struct Unacked {
    request: Arc<Request>,
    since: Instant,
    warned: bool,
}

/// Notes a request until it is dropped.
pub(super) struct UnackedGuard<'a> {
    noted_in: &'a UnackedRequests,
    key: usize,
}

impl UnackedRequests {
    /// Notes a request whose message stays unacknowledged while its method runs.
    #[inline]
    pub(super) fn note(&self, request: &Arc<Request>) -> Option<UnackedGuard<'_>> {
        self.limit.get()?;
        let (request, since) = (Arc::clone(request), Instant::now());
        let key = self.requests.lock().insert(Unacked { request, since, warned: false });
        Some(UnackedGuard { noted_in: self, key })
    }

    /// Notes requests from now on, and warns of each once that has taken half of the limit. Never returns.
    pub(in crate::server) async fn watch(&self, limit: Duration, events: &RequestEvents) {
        let limit = *self.limit.get_or_init(|| limit);
        loop {
            sleep((limit / CHECKS).clamp(MIN_INTERVAL, MAX_INTERVAL)).await;
            for (request, running) in self.take_long(limit / 2) {
                events.unacked_for_long(&request, running, limit);
            }
        }
    }

    /// Returns the requests that have taken so long, and how long. Returns each once.
    fn take_long(&self, time: Duration) -> Vec<(Arc<Request>, Duration)> {
        let now = Instant::now();
        let mut requests = self.requests.lock();
        let long = requests.iter_mut().filter_map(|(_, unacked)| {
            let running = now.saturating_duration_since(unacked.since);
            if unacked.warned || running < time {
                return None;
            }
            unacked.warned = true;
            Some((Arc::clone(&unacked.request), running))
        });
        long.collect()
    }
}

impl Drop for UnackedGuard<'_> {
    fn drop(&mut self) {
        // The lock is released before the request is dropped.
        let _unacked = self.noted_in.requests.lock().try_remove(self.key);
    }
}

#[cfg(all(test, not(rpc_loom)))]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::codec::{Codec, Payload};
    use crate::message::MessageId;

    const LIMIT: Duration = Duration::from_secs(32);

    fn noting() -> UnackedRequests {
        UnackedRequests { limit: LIMIT.into(), requests: Mutex::default() }
    }

    fn request(method: &str) -> Arc<Request> {
        let args = Payload::new(Codec::Json, b"{}".to_vec());
        Arc::new(Request::new(MessageId::from_bits(1), method.to_owned(), args))
    }

    /// Returns the methods that have taken half of the limit now.
    fn long(requests: &UnackedRequests) -> Vec<String> {
        let long = requests.take_long(LIMIT / 2);
        long.into_iter().map(|(request, _)| request.method.to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_long_is_found_once() {
        let requests = noting();
        let _first = requests.note(&request("first"));
        advance(LIMIT / 4).await;
        let second = requests.note(&request("second"));
        advance(LIMIT / 4).await;
        assert_eq!(long(&requests), ["first"]);
        advance(LIMIT / 4).await;
        assert_eq!(long(&requests), ["second"]);
        drop(second);
        assert_eq!(requests.requests.lock().len(), 1);
        advance(LIMIT).await;
        assert!(long(&requests).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_has_ended_is_not_found() {
        let requests = noting();
        drop(requests.note(&request("short")));
        advance(LIMIT).await;
        assert!(long(&requests).is_empty());
    }

    #[test]
    fn without_a_limit_nothing_is_noted() {
        let requests = UnackedRequests::default();
        assert!(requests.note(&request("any")).is_none());
    }
}
