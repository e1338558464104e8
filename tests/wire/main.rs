//! The bytes of the native dialect, compared with those in `golden/`: both ends of every other test are the same build, so
//! a field that is renamed would pass them all and break every rolling upgrade.
//!
//! The tests publish golden messages to servers and clients, and capture what these publish.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod broker;
mod golden;
mod newer;
mod notices;
mod replies;
mod requests;
