//! Nodes that refuse transient queues: queues that are neither durable nor exclusive, which RabbitMQ 4 deprecates.

use std::env;

use super::NodeError;

/// Has all nodes refuse them if it is `1`.
const VARIABLE: &str = "RPC_RABBITMQ_REFUSE_TRANSIENT";

/// The line of `rabbitmq.conf`. Older versions do not know it, and permit them always.
pub(super) const SETTING: &str = "deprecated_features.permit.transient_nonexcl_queues = false";

/// What a node prints that was killed and cannot be started again with the setting: RabbitMQ 4.0 looks whether such queues are in
/// use, gives Mnesia some 75 ms to load its tables, and ends if that is not enough. A service manager would start it again.
pub(super) const TABLES_NOT_LOADED: &str = "failed_to_deny_deprecated_features";

/// The first version whose nodes can refuse them in tests.
const SINCE: u32 = 4;

/// The option that a `rabbit://` URL needs at a node that refuses them. By default topics and servers have transient queues, as
/// those of oslo.messaging have. The other queues, and all of `amqp://` URLs, are durable anyway.
pub const OPTION_WHERE_REFUSED: &str = "amqp_durable_queues=true";

/// Returns what the variable says.
///
/// # Panics
///
/// Panics if it has another value than `1`, `0` and none.
pub(super) fn are_to_be_refused() -> bool {
    match env::var(VARIABLE).as_deref() {
        Ok("1") => true,
        Ok("" | "0") | Err(env::VarError::NotPresent) => false,
        other => panic!("{VARIABLE} is {other:?}: set it to 1, to 0 or not at all"),
    }
}

/// Fails if nodes of this version cannot refuse them. What the tests show would not be what the variable asks for.
pub(super) fn check_version(version: &str) -> Result<(), NodeError> {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= SINCE) {
        return Ok(());
    }
    Err(NodeError(format!(
        "RabbitMQ {version} cannot refuse transient queues, which the test or {VARIABLE} asks for: unset it, or name an \
         installation of version {SINCE}.0 or newer in RPC_RABBITMQ_HOME"
    )))
}
