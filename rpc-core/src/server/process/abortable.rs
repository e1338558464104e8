//! A method that can be aborted.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::dispatch::MethodFuture;
use crate::endpoint::BoxFuture;
use crate::message::Outcome;

/// Runs a method until it ends, or until the token is cancelled: then its output is `None`.
pub(super) struct Abortable<'a> {
    method: Method<'a>,
    token: &'a CancellationToken,
    /// Boxed, and created once the method is pending: most methods never need it.
    aborted: Option<Pin<Box<WaitForCancellationFuture<'a>>>>,
}

pub(super) enum Method<'a> {
    Plain(MethodFuture<'a>),
    Monitored(BoxFuture<'a, Outcome>),
}

impl<'a> Abortable<'a> {
    pub(super) fn new(method: Method<'a>, token: &'a CancellationToken) -> Self {
        Self { method, token, aborted: None }
    }
}

impl Future for Abortable<'_> {
    type Output = Option<Outcome>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let this = self.get_mut();
        let polled = match &mut this.method {
            Method::Plain(method) => Pin::new(method).poll(cx),
            Method::Monitored(method) => method.as_mut().poll(cx),
        };
        if let Poll::Ready(outcome) = polled {
            return Poll::Ready(Some(outcome));
        }
        let token = this.token;
        let aborted = this.aborted.get_or_insert_with(|| Box::pin(token.cancelled()));
        aborted.as_mut().poll(cx).map(|()| None)
    }
}
