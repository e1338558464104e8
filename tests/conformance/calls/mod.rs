//! The client side: arguments, results, contexts, targets, versions, and layers around calls.

mod arguments;
mod client;
mod context;
mod layers;
mod results;
mod serializer;
mod targets;
mod tracing;
mod versions;

use super::harness::Case;

/// The cases of each file.
pub(super) const CASES: &[&[Case]] = &[
    arguments::CASES,
    client::CASES,
    context::CASES,
    layers::CASES,
    results::CASES,
    serializer::CASES,
    targets::CASES,
    tracing::CASES,
    versions::CASES,
];
