//! Connections to RabbitMQ: TLS and logins, declarations and cleanup, prefetch, and transports that a URL selects.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod access_refused;
mod bank;
mod broker_texts;
mod cleanup;
mod connections;
mod decoding;
mod existing_declarations;
mod fanout_streams;
mod interrupted_starts;
mod limits;
mod log_scanner;
mod missing_servers;
mod prefetch;
mod protocol_rules;
mod redaction;
mod slow_queues;
mod stable_names;
mod tls;
mod topology;
mod transport_urls;
mod unavailable_broker;
mod users;
