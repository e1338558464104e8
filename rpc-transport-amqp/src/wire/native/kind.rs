//! What a native message is.

use std::fmt;

/// The kind of a message. Its byte on the wire is never used for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Cast,
    /// The method returned. It ends the call.
    Result,
    /// The call failed. It ends the call.
    Failure,
    /// The method of a monitored call still runs.
    Running,
    /// The method runs, and its server receives cancellations in the queue that `reply-to` names.
    Accepted,
    /// The caller that waits at the queue that `reply-to` names has given up.
    Cancel,
    /// Only newer versions know it. 8 (`item`) and 9 (`credit`) are reserved for calls with several replies.
    Unknown(u8),
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Call,
            2 => Self::Cast,
            3 => Self::Result,
            4 => Self::Failure,
            5 => Self::Running,
            6 => Self::Accepted,
            7 => Self::Cancel,
            unknown => Self::Unknown(unknown),
        }
    }

    pub(super) fn to_byte(self) -> u8 {
        match self {
            Self::Call => 1,
            Self::Cast => 2,
            Self::Result => 3,
            Self::Failure => 4,
            Self::Running => 5,
            Self::Accepted => 6,
            Self::Cancel => 7,
            Self::Unknown(byte) => byte,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Result => "result",
            Self::Failure => "failure",
            Self::Running => "running",
            Self::Accepted => "accepted",
            Self::Cancel => "cancel",
            Self::Unknown(byte) => return write!(f, "unknown kind {byte}"),
        })
    }
}
