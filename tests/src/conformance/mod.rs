//! What users rely on, whatever the transport: one function for each case, one file for each theme.
//!
//! To add a case, write `async fn its_sentence(world: World)`, put the name into the table at the end of the file, and
//! name it in `docs/SEMANTICS.md` behind what it shows. Wait for events; give orders and generous bounds, no exact
//! times, for the same case runs against real brokers.

#![allow(unreachable_pub, reason = "`pub` says that a method is remote")]
#![allow(clippy::unwrap_used, reason = "a case that panics has failed")]

mod acknowledgement;
mod arguments;
mod building;
mod cancellation;
mod client;
mod closing;
mod context;
mod deadlines;
mod dispatch;
mod errors;
mod executors;
mod layers;
mod lifecycle;
mod limits;
mod monitoring;
mod nobody;
mod observed;
mod outcomes;
mod pressure;
mod raw;
mod results;
mod routing;
mod serializer;
mod support;
mod targets;
mod tracing;
mod verdicts;
mod versions;
mod work;

use crate::harness::Case;

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        acknowledgement::CASES,
        arguments::CASES,
        building::CASES,
        cancellation::CASES,
        client::CASES,
        closing::CASES,
        context::CASES,
        deadlines::CASES,
        dispatch::CASES,
        errors::CASES,
        executors::CASES,
        layers::CASES,
        lifecycle::CASES,
        limits::CASES,
        monitoring::CASES,
        nobody::CASES,
        outcomes::CASES,
        pressure::CASES,
        results::CASES,
        routing::CASES,
        serializer::CASES,
        targets::CASES,
        tracing::CASES,
        verdicts::CASES,
        versions::CASES,
    ]
    .concat()
}
