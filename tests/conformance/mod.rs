//! The guarantees, over any transport: one function for each case, one file for each theme.
//!
//! To add a case, write `async fn its_sentence(env: TestEnv)`, put the name into the table at the end of the file, and
//! name it in `docs/SEMANTICS.md` behind what it shows. Wait for events; assert orders and generous bounds, not exact
//! times: the same case runs against real brokers.

#![allow(unreachable_pub, reason = "`pub` says that a method is remote")]
#![allow(clippy::unwrap_used, reason = "a case that panics has failed")]

pub mod backends;
mod calls;
mod delivery;
pub mod harness;
mod helpers;
mod server;
mod values;

use self::harness::Case;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    [calls::CASES, delivery::CASES, server::CASES, values::CASES].concat().concat()
}
