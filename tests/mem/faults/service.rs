//! The endpoint of a run. Each method records when it begins and how it ends.

#![allow(clippy::needless_pass_by_value, reason = "arguments of methods are their own")]

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use rpc_core::{Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::history::{EventKind, History, ServerNo};

pub(crate) struct Service {
    pub(crate) server: ServerNo,
    pub(crate) history: History,
}

/// The expected error; it carries the number of its call.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("call {call} is rejected")]
pub(crate) struct Rejected {
    pub(crate) call: u32,
}

/// The error that nobody expects.
#[derive(Debug, thiserror::Error, RpcError)]
#[error("call {call} failed")]
pub(crate) struct Broken {
    call: u32,
}

#[endpoint(client = pub(crate) ServiceClient)]
impl Service {
    pub async fn run(&self, _ctx: &Context, call: u32, takes: u64) -> u32 {
        self.work(call, takes).await;
        call
    }

    #[expected(Rejected)]
    pub async fn reject(&self, _ctx: &Context, call: u32, takes: u64) -> Result<u32, Rejected> {
        self.work(call, takes).await;
        Err(Rejected { call })
    }

    pub async fn fail(&self, _ctx: &Context, call: u32, takes: u64) -> Result<u32, Broken> {
        self.work(call, takes).await;
        Err(Broken { call })
    }

    pub async fn panic(&self, _ctx: &Context, call: u32, takes: u64) -> u32 {
        self.work(call, takes).await;
        // A panic that prints nothing.
        resume_unwind(Box::new("out of paper"))
    }

    /// Takes real time, and never more than a moment: a paused clock waits for it.
    #[rpc(blocking)]
    pub fn block(&self, _ctx: &Context, call: u32, takes: u64) -> u32 {
        let doing = Doing::begin(self, call);
        thread::sleep(Duration::from_micros(takes / 100));
        doing.finish();
        call
    }
}

impl Service {
    async fn work(&self, call: u32, takes: u64) {
        let doing = Doing::begin(self, call);
        if takes > 0 {
            sleep(Duration::from_micros(takes)).await;
        }
        doing.finish();
    }
}

/// A running method.
struct Doing<'a> {
    service: &'a Service,
    call: u32,
    finished: bool,
}

impl<'a> Doing<'a> {
    fn begin(service: &'a Service, call: u32) -> Self {
        service.history.record(EventKind::Began { server: service.server, call });
        Self { service, call, finished: false }
    }

    fn finish(mut self) {
        self.finished = true;
        self.service
            .history
            .record(EventKind::Finished { server: self.service.server, call: self.call });
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let Service { server, history } = self.service;
            history.record(EventKind::Aborted { server: *server, call: self.call });
        }
    }
}
