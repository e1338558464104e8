//! Generated code as users see it: endpoints called through their generated clients.

// `pub` is what makes a method remote, also in a test.
#![allow(unreachable_pub)]
// Endpoints of tests panic where their test shall fail.
#![allow(clippy::unwrap_used)]

mod conditions;
mod descriptor;
mod errors;
mod generics;
mod macro_rules;
mod names;
mod receivers;
mod traits;
mod versions;
