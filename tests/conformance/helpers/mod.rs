//! What files of several themes share: endpoints that a case observes and holds, messages without a client, assertions.

pub(crate) mod asserts;
pub(crate) mod raw;
pub(crate) mod recording_transport;
pub(crate) mod reporter;
pub(crate) mod work;
