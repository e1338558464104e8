//! Connections to RabbitMQ: whom a transport trusts and who it is there, what it declares and leaves behind, how much of a
//! queue a server holds, and that the URL alone decides.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod access_refused;
mod bank;
mod certificates;
mod cleanup;
mod connections;
mod existing_declarations;
mod log_scanner;
mod missing_servers;
mod prefetch;
mod protocol_rules;
mod redaction;
mod tls;
mod topology;
mod transport_urls;
mod unavailable_broker;
