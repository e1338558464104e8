//! Sending again what did not run.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How often a call is sent again when it could not be handed over.
///
/// Only calls that certainly did not run ([`CallError::may_retry`](crate::CallError::may_retry)) are sent again, and only
/// while the deadline lasts: unlike oslo.messaging's `retry`, which may block beyond the time-out. The default is never.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    pause: Duration,
}

impl Retry {
    /// The longest pause between two attempts.
    const MAX_PAUSE: Duration = Duration::from_secs(5);

    /// Without any, a call that is repeated until its deadline would keep its thread busy.
    const MIN_PAUSE: Duration = Duration::from_millis(1);

    /// Not at all.
    #[must_use]
    pub const fn never() -> Self {
        Self::times(0)
    }

    /// At most this often, after a first pause of 50 ms.
    #[must_use]
    pub const fn times(times: u32) -> Self {
        Self { times, pause: Duration::from_millis(50) }
    }

    /// Until the deadline.
    #[must_use]
    pub const fn until_deadline() -> Self {
        Self::times(u32::MAX)
    }

    /// With another first pause; it doubles with each attempt up to 5 s, and half of it is random.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    pub(super) const fn is_never(self) -> bool {
        self.times == 0
    }

    /// The pause after the given attempt (the first is 0); `None`: enough.
    pub(super) fn pause_after(self, attempt: u32) -> Option<Duration> {
        if attempt >= self.times {
            return None;
        }
        let full = self.pause.saturating_mul(1 << attempt.min(16));
        let full = full.clamp(Self::MIN_PAUSE, Self::MAX_PAUSE);
        // Callers that failed together must not come back together.
        let random = RandomState::new().hash_one(attempt) % 1024;
        Some(full / 2 + (full / 2).mul_f64(random as f64 / 1024.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_end_with_the_last_attempt() {
        let retry = Retry::times(40).pause(Duration::from_millis(100));
        for attempt in 0..40 {
            let pause = retry.pause_after(attempt).unwrap();
            assert!(pause >= Duration::from_millis(50) && pause <= Retry::MAX_PAUSE);
        }
        assert_eq!(retry.pause_after(40), None);
    }
}
