//! What is promised while something goes wrong: the rows of the table in `docs/SEMANTICS.md`.

use rpc_core::server::AckMode;

/// What may happen to messages. That a message which runs when its connection is lost runs again elsewhere is always allowed with
/// `AckMode::AfterReply`, and that a message in doubt does with the other modes.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Promise {
    /// Whether calls may fail. Errors are true in any case.
    pub(crate) may_fail: bool,
    /// Whether a message that the broker took may never run.
    pub(crate) may_lose: bool,
    /// Whether a message may run at two servers although none reported it as in doubt.
    pub(crate) may_double: bool,
}

impl Promise {
    pub(crate) const GRACEFUL_STOP: Self =
        Self { may_fail: false, may_lose: false, may_double: false };

    /// Without confirmation, what was acknowledged just before comes back.
    pub(crate) fn connection_lost(mode: AckMode) -> Self {
        Self { may_fail: true, may_lose: false, may_double: mode == AckMode::BeforeInvoke }
    }

    /// What was acknowledged and had not begun is lost. A busy quorum queue may hold acknowledgements back.
    pub(crate) fn process_killed(mode: AckMode, quorum: bool) -> Self {
        let lost = Self::connection_lost(mode);
        Self {
            may_lose: mode != AckMode::AfterReply,
            may_double: lost.may_double || quorum,
            ..lost
        }
    }

    /// A classic queue keeps what its node wrote to disk in time.
    pub(crate) fn node_killed(mode: AckMode, quorum: bool) -> Self {
        let lost = Self::connection_lost(mode);
        Self { may_lose: !quorum, may_double: lost.may_double || !quorum, ..lost }
    }
}
