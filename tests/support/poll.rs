//! Polling, for conditions that no event announces.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long an expected event may take on a busy machine.
pub const EVENT_TIMEOUT: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(20);

/// Polls until the condition holds.
///
/// # Panics
///
/// Panics if it does not hold within [`EVENT_TIMEOUT`].
pub async fn until(condition: &str, mut holds: impl AsyncFnMut() -> bool) {
    let polled = async {
        while !holds().await {
            sleep(POLL).await;
        }
    };
    let in_time = timeout(EVENT_TIMEOUT, polled).await;
    assert!(in_time.is_ok(), "not within {EVENT_TIMEOUT:?}: {condition}");
}
