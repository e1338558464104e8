//! Heartbeats: tells the broker that this side lives, and notices that the broker does not.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// How many half intervals nothing may come from the broker.
const MAX_SILENT: u8 = 4;

/// Looks twice in each heartbeat interval at what has been read and written since.
///
/// Reading and writing set a flag and read no clock.
pub(super) struct Heartbeat {
    interval: Duration,
    /// `None`: no heartbeats were agreed on.
    next: Option<Pin<Box<Sleep>>>,
    read: bool,
    written: bool,
    silent: u8,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    Send,
    /// Nothing came for two intervals of this length.
    Missed(Duration),
}

impl Heartbeat {
    /// Creates the heartbeat of an interval in seconds; zero: none.
    pub(super) fn new(seconds: u16) -> Self {
        let interval = Duration::from_secs(seconds.into());
        let next = (seconds > 0).then(|| Box::pin(sleep(interval / 2)));
        Self { interval, next, read: false, written: false, silent: 0 }
    }

    pub(super) fn note_read(&mut self) {
        self.read = true;
        self.silent = 0;
    }

    pub(super) fn note_written(&mut self) {
        self.written = true;
    }

    /// Returns whether something was read since the half interval before the last.
    pub(super) fn was_read(&self) -> bool {
        self.silent == 0
    }

    /// Waits for the end of a half interval. A task that comes late is not hurried: the next half interval begins now.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Beat> {
        let Some(next) = &mut self.next else { return Poll::Pending };
        ready!(next.as_mut().poll(cx));
        next.as_mut().reset(Instant::now() + self.interval / 2);
        if !std::mem::take(&mut self.read) {
            self.silent += 1;
            if self.silent >= MAX_SILENT {
                return Poll::Ready(Beat::Missed(self.interval));
            }
        }
        let written = std::mem::take(&mut self.written);
        Poll::Ready(if written { Beat::Nothing } else { Beat::Send })
    }
}
