//! Connections to RabbitMQ: whom a transport trusts and who it is there, what it declares and leaves behind, how much of a
//! queue a server holds, and that the URL alone decides.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod bank;
mod censor;
mod certificates;
mod choosing;
mod deserted;
mod leftovers;
mod links;
mod mismatches;
mod refusals;
mod rules;
mod secrets;
mod tls;
mod topology;
mod waiting;
mod window;
