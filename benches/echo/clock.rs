//! The clocks that calls are timed with.

use std::time::Duration;

use crate::setting::Threads;

/// Reads the clock that suits the runtime.
///
/// On one thread it is the processor time of that thread: the thread is never idle while calls are in flight, and other
/// programs on the machine do not count. With more threads it is wall-clock time, because idle threads are part of the
/// result.
pub(crate) fn now(threads: Threads) -> Duration {
    match threads {
        Threads::Current => thread_time(),
        Threads::Workers(_) => wall(),
    }
}

#[cfg(unix)]
fn thread_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("processor time is not negative")
}

#[cfg(not(unix))]
fn thread_time() -> Duration {
    wall()
}

fn wall() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    STARTED.elapsed()
}
