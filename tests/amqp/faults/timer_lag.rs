//! Measures how late timers fire: what a busy machine adds to every deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(10);

/// How many tasks measure, as the threads of the runtime may be busy in different ways.
const TASKS: usize = 8;

pub(crate) struct TimerLag {
    /// In microseconds.
    worst: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl TimerLag {
    pub(crate) fn measure() -> Self {
        let worst = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            tasks.spawn(note_lag(Arc::clone(&worst)));
        }
        Self { worst, tasks }
    }

    /// Returns the worst lag since the last time.
    pub(crate) fn take(&self) -> Duration {
        Duration::from_micros(self.worst.swap(0, Ordering::Relaxed))
    }

    pub(crate) async fn end(mut self) -> Duration {
        self.tasks.shutdown().await;
        self.take()
    }
}

async fn note_lag(worst: Arc<AtomicU64>) {
    loop {
        let begun = Instant::now();
        sleep(POLL).await;
        let late = begun.elapsed().saturating_sub(POLL).as_micros();
        worst.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
