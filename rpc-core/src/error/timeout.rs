//! Calls that were not answered in time.

use std::fmt;

use super::CallInfo;
use crate::message::Ran;

/// What a call was waiting for when its time was up.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutPhase {
    /// To hand its message over: no connection, or no room in the queue.
    Publish,
    /// To be answered.
    Reply,
    /// For a heartbeat: the server was asked for signs of life and gave none.
    Monitor,
}

/// No answer came in time: oslo.messaging's `MessagingTimeout`, but it says what was waited for.
#[derive(Debug, Clone)]
pub struct Timeout(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    phase: TimeoutPhase,
    ran: Ran,
    info: CallInfo,
}

impl Timeout {
    pub(crate) fn new(phase: TimeoutPhase, ran: Ran, info: CallInfo) -> Self {
        Self(Box::new(Parts { phase, ran, info }))
    }

    /// What was waited for.
    #[must_use]
    pub fn phase(&self) -> TimeoutPhase {
        self.0.phase
    }

    /// Whether the method ran: no, where the message was never handed over or was taken back unread.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.ran
    }

    /// Whether the same call may be sent again without running twice.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        self.0.ran == Ran::No
    }

    /// Which call it was.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.0.info
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waited_for = match self.0.phase {
            TimeoutPhase::Publish => "could not be handed over in time",
            TimeoutPhase::Reply => "was not answered in time",
            TimeoutPhase::Monitor => "is served by nobody who gives a sign of life",
        };
        write!(f, "{} {waited_for} (ran: {})", self.0.info, self.0.ran)
    }
}

impl std::error::Error for Timeout {}
