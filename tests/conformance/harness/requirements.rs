//! What some cases need of a transport. Those of a transport that does not have it are reported as not applicable.

use super::World;

/// A call to a target that nobody serves fails at once.
pub fn detects_missing_server(world: &World) -> bool {
    world.capabilities().detects_missing_server
}

/// What was not acknowledged is delivered again.
pub fn at_least_once(world: &World) -> bool {
    world.capabilities().at_least_once
}

/// A caller that gives up can tell the server.
pub fn cancel(world: &World) -> bool {
    world.capabilities().cancel
}

/// A caller that gives up before its method began is sure that it never will.
pub fn cancel_is_exact(world: &World) -> bool {
    world.capabilities().cancel_is_exact
}

/// Messages whose deadline has passed leave the queue by themselves.
pub fn expires_in_queue(world: &World) -> bool {
    world.capabilities().expires_in_queue
}

/// Messages beyond a certain size are turned away.
pub fn max_message(world: &World) -> bool {
    world.capabilities().max_message.is_some()
}

/// Queues are bounded, and senders wait for room.
pub fn bounded_queues(world: &World) -> bool {
    world.broker().queue_capacity().is_some()
}

/// Arguments and results travel as the bytes they are.
pub fn carries_any_bytes(world: &World) -> bool {
    world.broker().carries_any_bytes()
}

/// The queues of a target go with its last server.
pub fn forgets_deserted_targets(world: &World) -> bool {
    world.broker().forgets_deserted_targets()
}

/// Each exchange has queues of its own.
pub fn separates_exchanges(world: &World) -> bool {
    world.broker().separates_exchanges()
}
