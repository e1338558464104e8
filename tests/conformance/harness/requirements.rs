//! What cases may require of a transport. A case whose requirements are not met is reported as not applicable.

use super::TestEnv;

/// Returns whether a call to a missing server fails at once.
pub fn detects_missing_server(env: &TestEnv) -> bool {
    env.capabilities().detects_missing_server
}

/// Returns whether unacknowledged messages are redelivered.
pub fn at_least_once(env: &TestEnv) -> bool {
    env.capabilities().at_least_once
}

/// Returns whether a method is told that its call was cancelled.
pub fn cancel(env: &TestEnv) -> bool {
    env.capabilities().cancel
}

/// Returns whether a call that was cancelled before its method began certainly never runs.
pub fn cancel_is_exact(env: &TestEnv) -> bool {
    env.capabilities().cancel_is_exact
}

/// Returns whether expired messages leave the queue by themselves.
pub fn expires_in_queue(env: &TestEnv) -> bool {
    env.capabilities().expires_in_queue
}

/// Returns whether there is a maximum message size.
pub fn max_message(env: &TestEnv) -> bool {
    env.capabilities().max_message.is_some()
}

/// Returns whether queues are bounded, so that senders wait.
pub fn bounded_queues(env: &TestEnv) -> bool {
    env.broker().queue_capacity().is_some()
}

/// Returns whether arguments and results travel as opaque bytes.
pub fn carries_any_bytes(env: &TestEnv) -> bool {
    env.broker().carries_any_bytes()
}

/// Returns whether the queues of a target are deleted with its last server.
pub fn deletes_unused_queues(env: &TestEnv) -> bool {
    env.broker().deletes_unused_queues()
}

/// Returns whether each exchange has queues of its own.
pub fn separates_exchanges(env: &TestEnv) -> bool {
    env.broker().separates_exchanges()
}
