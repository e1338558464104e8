//! The clocks that rows are timed with.

use std::time::Duration;

use crate::drive::Threads;

/// Reads the clock that is right for the runtime.
///
/// On one thread, that thread's processor time: the thread is never idle while calls are open, and what other programs
/// take of a busy machine is not counted. With more threads, time on the wall: there idle threads are part of the result.
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
