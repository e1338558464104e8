//! Measures how late timers fire: what a busy machine adds to every deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(10);

pub(crate) struct TimerLag {
    /// In microseconds.
    worst: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl TimerLag {
    pub(crate) fn measure() -> Self {
        let worst = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&worst);
        let task = tokio::spawn(async move {
            loop {
                let begun = Instant::now();
                sleep(POLL).await;
                let late = begun.elapsed().saturating_sub(POLL).as_micros();
                seen.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { worst, task }
    }

    /// Returns the worst lag since the last time.
    pub(crate) fn take(&self) -> Duration {
        Duration::from_micros(self.worst.swap(0, Ordering::Relaxed))
    }

    pub(crate) async fn end(mut self) -> Duration {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.take()
    }
}

impl Drop for TimerLag {
    fn drop(&mut self) {
        self.task.abort();
    }
}
