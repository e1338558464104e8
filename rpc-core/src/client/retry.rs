//! Whether and when a call that did not run is sent again.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attempt::Attempt;
use super::failure::{CallFailure, CallResult};
use super::settings::Settings;
use crate::message::Request;
use crate::random;

/// How often a call that was not delivered is sent again.
///
/// Only calls that certainly did not run ([`CallError::may_retry`](crate::CallError::may_retry)) are sent again, and only
/// before their deadline: unlike oslo.messaging's `retry`, which may block beyond the timeout. The default is never.
///
/// ```
/// use std::time::Duration;
///
/// use rpc_core::Retry;
///
/// # fn example(client: rpc_core::RpcClient) {
/// let retry = Retry::times(3).initial_backoff(Duration::from_millis(200));
/// let client = client.prepare().retry(retry).build();
/// # drop(client);
/// # }
/// ```
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    initial_backoff: Duration,
}

impl Retry {
    const DEFAULT_BACKOFF: Duration = Duration::from_millis(50);
    const MAX_BACKOFF: Duration = Duration::from_secs(5);

    /// Without a backoff, a call that is retried until its deadline would keep its thread busy.
    const MIN_BACKOFF: Duration = Duration::from_millis(1);

    /// Never retries.
    #[must_use]
    pub const fn never() -> Self {
        Self::times(0)
    }

    /// Retries at most this often. The first backoff is 50 ms.
    #[must_use]
    pub const fn times(times: u32) -> Self {
        Self { times, initial_backoff: Self::DEFAULT_BACKOFF }
    }

    /// Retries until the deadline.
    #[must_use]
    pub const fn until_deadline() -> Self {
        Self::times(u32::MAX)
    }

    /// Sets the first backoff, the time between two attempts. It doubles with each attempt up to 5 s, and half of it is random.
    #[must_use]
    pub const fn initial_backoff(mut self, backoff: Duration) -> Self {
        self.initial_backoff = backoff;
        self
    }

    pub(super) const fn is_never(self) -> bool {
        self.times == 0
    }

    /// Returns the backoff after the given attempt (the first is 0). `None`: no further attempt.
    pub(super) fn backoff_after(self, attempt: u32) -> Option<Duration> {
        if attempt >= self.times {
            return None;
        }
        let full = self.initial_backoff.saturating_mul(1 << attempt.min(16));
        let full = full.clamp(Self::MIN_BACKOFF, Self::MAX_BACKOFF);
        // Callers that failed at the same time must not retry at the same time.
        let random = random::from_thread() % 1024;
        Some(full / 2 + (full / 2).mul_f64(random as f64 / 1024.0))
    }
}

/// Sends a request, and sends it again while its method certainly did not run and time is left.
///
/// A cast has no deadline of its own; `bound` limits it.
pub(super) async fn send_with_retries(
    settings: &Arc<Settings>,
    request: Arc<Request>,
    started: Instant,
    bound: Option<Instant>,
) -> CallResult {
    let original = Arc::clone(&request);
    let mut request = request;
    let mut number = 0;
    loop {
        let mut attempt = Attempt::start(settings, Arc::clone(&request), started, bound);
        let result = poll_fn(|cx| attempt.poll(settings, Some(started), cx)).await;
        let Err(failure) = &result else { return result };
        let CallFailure::Error(error) = &**failure else { return result };
        let Some(backoff) = settings.retry.backoff_after(number) else { return result };
        let last = [bound, request.deadline].into_iter().flatten().min();
        let in_time = last.is_none_or(|last| Instant::now() + backoff < last);
        if !error.may_retry() || !in_time {
            return result;
        }
        tracing::debug!(
            target: "rpc_core::client", id = %request.id, attempt = number, ?backoff, %error, "retrying the call"
        );
        sleep(backoff).await;
        // Layers hold the original, which does not show what becomes of the copy. Count it as started.
        original.state.start();
        request = Arc::new(request.again());
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoffs_grow_up_to_a_limit_and_end_with_the_last_attempt() {
        let retry = Retry::times(40).initial_backoff(Duration::from_millis(100));
        for attempt in 0..40 {
            let backoff = retry.backoff_after(attempt).unwrap();
            assert!(backoff >= Duration::from_millis(50) && backoff <= Retry::MAX_BACKOFF);
        }
        assert_eq!(retry.backoff_after(40), None);
    }
}
