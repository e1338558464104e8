//! Calls that timed out.

use std::fmt;

use super::CallInfo;
use crate::message::Ran;

/// The phase of a call in which it timed out.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutPhase {
    /// Publishing the request: there was no connection, or the queue was full.
    Publish,
    /// Waiting for the reply.
    Reply,
    /// Call monitoring: the server did not report that the method is still running.
    Monitor,
}

/// A call that timed out.
#[derive(Debug, Clone)]
pub struct Timeout(Box<TimeoutInner>);

#[derive(Debug, Clone)]
struct TimeoutInner {
    phase: TimeoutPhase,
    ran: Ran,
    info: CallInfo,
}

impl Timeout {
    pub(crate) fn new(phase: TimeoutPhase, ran: Ran, info: CallInfo) -> Self {
        Self(Box::new(TimeoutInner { phase, ran, info }))
    }

    /// Returns the phase in which the call timed out.
    #[must_use]
    pub fn phase(&self) -> TimeoutPhase {
        self.0.phase
    }

    /// Returns whether the method ran.
    ///
    /// [`Ran::No`] if the request was not published, or was removed from the queue before a server
    /// received it.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.ran
    }

    /// Returns whether a retry is safe: the method certainly did not run.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        self.0.ran == Ran::No
    }

    /// Returns information about the call.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.0.info
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.0.phase {
            TimeoutPhase::Publish => "timed out before it was published",
            TimeoutPhase::Reply => "timed out waiting for the reply",
            TimeoutPhase::Monitor => "failed: the call monitor timed out",
        };
        write!(f, "{} {problem} (ran: {})", self.0.info, self.0.ran)
    }
}

impl std::error::Error for Timeout {}
