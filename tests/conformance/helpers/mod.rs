//! Code that several groups of cases share: endpoints that a case observes and holds, raw messages, assertions.

pub(crate) mod asserts;
pub(crate) mod raw;
pub(crate) mod recording_transport;
pub(crate) mod reporter;
pub(crate) mod work;
