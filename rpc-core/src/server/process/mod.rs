//! One request from its delivery to its reply: acknowledge, look up, invoke, reply.

mod abort;
mod call_monitor;
mod current_server;
mod dispatch;
mod layered_dispatch;
mod monitor_pace;
mod reply_guard;
mod request;
mod request_events;
mod slow_decoding;
mod span;
mod unacked;

pub(super) use self::abort::AbortRegistry;
pub(crate) use self::call_monitor::monitored;
pub(crate) use self::current_server::{EnterGuard, ServerId};
pub(crate) use self::dispatch::{Dispatcher, MethodFuture};
pub(crate) use self::monitor_pace::MonitorPace;
pub(super) use self::request::{Permit, process, process_encoded};
pub(crate) use self::request_events::RequestEvents;
pub(super) use self::slow_decoding::SlowDecoding;
pub(super) use self::unacked::UnackedRequests;
