//! The clocks that calls are timed with.

use std::time::Duration;

/// Returns the processor time of this thread, so that other programs on the machine do not count. On systems that are
/// not Unix it is the wall-clock time.
#[must_use]
#[cfg(unix)]
pub fn thread_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns the wall-clock time.
#[must_use]
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    wall_time()
}

/// Returns the time since the first call of this function.
#[must_use]
pub fn wall_time() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    STARTED.elapsed()
}
