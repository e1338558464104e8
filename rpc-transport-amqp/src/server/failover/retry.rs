//! Delays between attempts to consume, and their log.

use std::time::Duration;

/// Delay before another attempt to consume. It doubles with each attempt.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// The longest delay before another attempt to consume.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The delays between attempts to consume, and what was logged of them.
#[derive(Default)]
pub(in crate::server) struct Retry {
    delay: Option<Duration>,
    logged: String,
}

impl Retry {
    /// Logs an error, unless it is the one that was logged last.
    pub(in crate::server) fn log(&mut self, topic: &str, error: String) {
        if self.logged != error {
            tracing::warn!(%topic, %error, "consumer error, retrying");
            self.logged = error;
        }
    }

    /// Returns the delay before the next attempt.
    pub(in crate::server) fn next_delay(&mut self) -> Duration {
        let delay = self.delay.map_or(RETRY_DELAY, |last| (last * 2).min(MAX_RETRY_DELAY));
        self.delay = Some(delay);
        delay
    }
}
