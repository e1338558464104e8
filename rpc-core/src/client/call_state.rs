//! The state of a call from its creation to its result, without the types of the result.
//!
//! A call without layers, retries and span takes the fast path: one [`Attempt`], which the state holds in place. All
//! others run as one boxed future ([`run_layered`]).

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Attempt;
use super::failure::{CallFailure, CallResult, call_info};
use super::layered_call::run_layered;
use super::request::{PreparedRequest, Rejection, check_target};
use super::settings::Settings;
use super::span;
use crate::context::Context;
use crate::context_entries::ContextEntries;
use crate::endpoint::BoxFuture;
use crate::error::CallInfo;
use crate::message::Request;

pub(super) struct CallState {
    pub(super) settings: Arc<Settings>,
    pub(super) timeout: Duration,
    /// The deadline of the context that the call was made with.
    inherited: Option<Instant>,
    /// How long a cast may wait to be run. Calls have their deadline instead.
    pub(super) expires_after: Option<Duration>,
    started: Option<Instant>,
    /// The caller's own entries. A serializer may have changed those of the request.
    pub(super) entries: ContextEntries,
    stage: Stage,
    completed: bool,
}

enum Stage {
    Rejected(Box<Rejection>),
    Ready(Arc<Request>),
    Attempt(Attempt),
    Layered(BoxFuture<'static, CallResult>, Arc<Request>),
    /// The request is kept for the error of a result that cannot be decoded.
    Done(Option<Arc<Request>>),
}

impl CallState {
    #[inline]
    pub(super) fn new(settings: &Arc<Settings>, ctx: &Context, request: PreparedRequest) -> Self {
        Self {
            settings: Arc::clone(settings),
            timeout: settings.timeout,
            inherited: ctx.deadline(),
            expires_after: None,
            started: None,
            entries: ctx.entries().clone(),
            stage: match request {
                Ok(request) => Stage::Ready(request),
                Err(rejection) => Stage::Rejected(rejection),
            },
            completed: false,
        }
    }

    /// Turns an unsent call into a cast.
    pub(super) fn into_cast(mut self) -> Self {
        if let Some(request) = self.unsent() {
            request.wants_reply = false;
            request.monitor = None;
        }
        self
    }

    /// Sends this call only to the server with this name.
    pub(super) fn with_server(mut self, server: Cow<'static, str>) -> Self {
        self.settings = self.settings.to_server(server);
        self
    }

    /// Sends this call only to all servers of the topic.
    pub(super) fn with_all_servers(mut self) -> Self {
        self.settings = self.settings.to_all_servers();
        self
    }

    /// Returns the request while nobody else holds it.
    pub(super) fn unsent(&mut self) -> Option<&mut Request> {
        match &mut self.stage {
            Stage::Ready(request) => Arc::get_mut(request),
            _ => None,
        }
    }

    /// Polls the call.
    ///
    /// # Panics
    ///
    /// Panics if it returned its result before. `future` is the name of the type that is polled.
    #[inline]
    pub(super) fn poll(&mut self, future: &str, cx: &mut TaskContext<'_>) -> Poll<CallResult> {
        if self.completed {
            polled_after_completion(future);
        }
        let result = ready!(self.poll_stage(cx));
        self.completed = true;
        Poll::Ready(result)
    }

    #[inline]
    fn poll_stage(&mut self, cx: &mut TaskContext<'_>) -> Poll<CallResult> {
        if matches!(self.stage, Stage::Ready(_) | Stage::Rejected(_)) {
            self.start();
        }
        match &mut self.stage {
            Stage::Attempt(attempt) => attempt.poll(&self.settings, self.started, cx),
            Stage::Layered(future, request) => {
                let result = ready!(future.as_mut().poll(cx));
                self.stage = Stage::Done(Some(Arc::clone(request)));
                Poll::Ready(result)
            }
            Stage::Rejected(rejection) => {
                let rejected = rejection.to_error(&self.settings, self.started);
                self.stage = Stage::Done(None);
                Poll::Ready(Err(CallFailure::rejected(rejected)))
            }
            Stage::Ready(_) | Stage::Done(_) => Poll::Pending,
        }
    }

    /// Sets the deadline and sends the request.
    fn start(&mut self) {
        let now = Instant::now();
        self.started = Some(now);
        let bound = now.checked_add(self.timeout);
        let bound = [bound, self.inherited].into_iter().flatten().min();
        let Stage::Ready(request) = &mut self.stage else { return };
        if let Some(request) = Arc::get_mut(request) {
            request.deadline = match request.wants_reply {
                true => bound,
                false => self.expires_after.and_then(|after| now.checked_add(after)),
            };
            request.monitor = request.monitor.map(|it| it.max(self.settings.min_monitor));
            if span::is_enabled() {
                span::continue_trace(request);
            }
        }
        let ready = std::mem::replace(&mut self.stage, Stage::Done(None));
        let Stage::Ready(request) = ready else { return };
        let settings = &self.settings;
        self.stage = if settings.is_plain() && !span::is_enabled() {
            Stage::Attempt(Attempt::start(settings, request, now, bound))
        } else if let Err(rejection) = check_target(settings, &request) {
            Stage::Rejected(rejection)
        } else {
            let future = run_layered(Arc::clone(settings), Arc::clone(&request), now, bound);
            Stage::Layered(Box::pin(future), request)
        };
    }

    /// Describes the call for an error.
    pub(super) fn info(&self) -> CallInfo {
        let request = match &self.stage {
            Stage::Ready(request) | Stage::Layered(_, request) => Some(&**request),
            Stage::Attempt(attempt) => attempt.request(),
            Stage::Done(request) => request.as_deref(),
            Stage::Rejected(_) => None,
        };
        let method = request.map_or("", |request| &request.method);
        call_info(&self.settings, request.map(|request| request.id), method, self.started)
    }
}

#[cold]
fn polled_after_completion(future: &str) -> ! {
    panic!("`{future}` polled after completion")
}
