//! The request context: the first parameter of every method.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::context_entries::ContextEntries;
use crate::message::{MessageId, Request};
use crate::trace::TraceContext;
use crate::value::Value;

/// The resolution of tokio's timer.
const TIMER_RESOLUTION: Duration = Duration::from_millis(1);

/// The context of a call: entries, deadline and trace context.
///
/// A caller creates one with [`Context::new`] and adds the entries that the server needs. A method
/// receives the caller's entries and can ask for the call's [message id](Self::message_id), its
/// [remaining time](Self::remaining) and whether the call [was cancelled](Self::is_cancelled). A
/// method that makes a call of its own passes the received context on: the nested call inherits the
/// remaining time and the trace context.
///
/// Cloning is cheap.
///
/// ```
/// use rpc_core::Context;
///
/// let ctx = Context::new().with("user", "ada").with("attempt", 2);
/// assert_eq!(ctx.get_str("user"), Some("ada"));
/// assert_eq!(ctx.remaining(), None);
/// ```
#[derive(Clone, Default)]
pub struct Context {
    entries: ContextEntries,
    /// The request that this context came with; `None` for a caller's own.
    origin: Option<Arc<Request>>,
    /// What this program has set in addition to the entries.
    local: Option<Arc<Local>>,
}

#[derive(Clone, Default)]
struct Local {
    deadline: Option<Instant>,
    trace: Option<TraceContext>,
    redelivered: Option<Redelivered>,
}

/// How a redelivered message came.
#[derive(Clone, Copy)]
struct Redelivered {
    delivery_count: Option<u32>,
}

impl Context {
    /// Creates an empty context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn received(request: &Arc<Request>) -> Self {
        Self { entries: request.entries.clone(), origin: Some(Arc::clone(request)), local: None }
    }

    /// Notes that the request came with a redelivered message.
    #[cold]
    pub(crate) fn redelivered_as(mut self, delivery_count: Option<u32>) -> Self {
        let local = Arc::make_mut(self.local.get_or_insert_default());
        local.redelivered = Some(Redelivered { delivery_count });
        self
    }

    /// Adds an entry, or replaces the value of an existing key.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.entries.insert(key.into(), value.into());
        self
    }

    /// Removes an entry.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.entries.remove(key);
        self
    }

    /// Replaces all entries.
    #[must_use]
    pub fn with_entries(mut self, entries: ContextEntries) -> Self {
        self.entries = entries;
        self
    }

    /// Sets the deadline to `timeout` from now, unless the context has an earlier one.
    ///
    /// The deadline is shared by all calls made with this context.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rpc_core::Context;
    ///
    /// let ctx = Context::new().with_timeout(Duration::from_secs(2));
    /// assert!(ctx.remaining() <= Some(Duration::from_secs(2)));
    /// ```
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.with_deadline(deadline),
            // A point in time that `Instant` cannot represent is no deadline.
            None => self,
        }
    }

    /// Sets the deadline, unless the context has an earlier one.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        let deadline = self.deadline().map_or(deadline, |earlier| earlier.min(deadline));
        Arc::make_mut(self.local.get_or_insert_default()).deadline = Some(deadline);
        self
    }

    /// Sets the W3C trace context, for example from the `traceparent` header of an HTTP request.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        Arc::make_mut(self.local.get_or_insert_default()).trace = Some(trace);
        self
    }

    /// Returns a context with the same entries and trace context, but without deadline and
    /// cancellation.
    ///
    /// Use it for work that continues after the call has ended.
    #[must_use]
    pub fn detached(&self) -> Self {
        let local =
            self.trace().map(|trace| Local { trace: Some(trace.clone()), ..Local::default() });
        Self { entries: self.entries.clone(), origin: None, local: local.map(Arc::new) }
    }

    /// Returns the value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// Returns the value of `key` if it is a string.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Returns all entries.
    #[must_use]
    pub fn entries(&self) -> &ContextEntries {
        &self.entries
    }

    /// Returns the id of the request that this context was received with.
    ///
    /// `None` for a context that a caller created.
    #[must_use]
    pub fn message_id(&self) -> Option<MessageId> {
        self.origin.as_ref().map(|request| request.id)
    }

    /// Returns whether the broker had delivered the message before, to this or another server.
    ///
    /// It does not tell whether the method has begun before: a message that only waited at a server comes back with the same
    /// mark. This server has not begun it before. Where another one may have, and running twice does harm, compare the
    /// [message id](Self::message_id) with what the method has written.
    #[must_use]
    pub fn redelivered(&self) -> bool {
        self.redelivery().is_some()
    }

    /// Returns how often the broker has taken the message back before, where it counts that: RabbitMQ does for quorum queues.
    #[must_use]
    pub fn delivery_count(&self) -> Option<u32> {
        self.redelivery()?.delivery_count
    }

    fn redelivery(&self) -> Option<Redelivered> {
        self.local.as_ref()?.redelivered
    }

    /// Returns the time at which the caller stops waiting, or an earlier deadline set by
    /// [`with_deadline`](Self::with_deadline).
    ///
    /// `None` if there is neither.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let local = self.local.as_ref().and_then(|local| local.deadline);
        [self.callers_deadline(), local].into_iter().flatten().min()
    }

    /// Returns the deadline of a call. A cast's deadline is a queue TTL, not a deadline for the
    /// method.
    fn callers_deadline(&self) -> Option<Instant> {
        self.origin.as_ref().filter(|request| request.wants_reply)?.deadline
    }

    /// Returns the time until the [`deadline`](Self::deadline): zero if it has passed, `None` if
    /// there is none.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        Some(self.deadline()?.saturating_duration_since(Instant::now()))
    }

    /// Returns whether the call was cancelled: the caller dropped it, or its deadline has passed.
    ///
    /// Cancellation over a network is best effort. A method may stop early, because its result is
    /// not used.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.origin.as_ref().is_some_and(|request| request.is_cancelled())
            || self.callers_deadline().is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Waits until the call is cancelled.
    ///
    /// Never completes for a cast, nor for a context that a caller created.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn cancelled(&self) {
        let Some(request) = &self.origin else { return std::future::pending().await };
        let cancelled = request.state.cancelled();
        // A caller in this process cancels the shared request itself when its deadline passes. Wait
        // one tick longer, so that it does so first.
        match self.callers_deadline().and_then(|deadline| deadline.checked_add(TIMER_RESOLUTION)) {
            Some(over) => drop(timeout_at(over, cancelled).await),
            None => cancelled.await,
        }
    }

    /// Returns the W3C trace context: the one set by [`with_trace`](Self::with_trace), or else the
    /// caller's.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        let local = self.local.as_ref().and_then(|local| local.trace.as_ref());
        local.or_else(|| self.origin.as_ref()?.trace.as_deref())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("entries", &self.entries)
            .field("message_id", &self.message_id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, Payload};

    const SOON: Duration = Duration::from_secs(1);

    fn received(wants_reply: bool) -> Context {
        let args = Payload::new(Codec::MessagePack, vec![0x80]);
        let mut request = Request::new(MessageId::from_bits(1), "greet", args);
        request.deadline = Some(Instant::now() + SOON);
        request.wants_reply = wants_reply;
        Context::received(&Arc::new(request))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_cancelled_when_its_deadline_passes_without_a_word_from_the_caller() {
        let ctx = received(true);
        assert!(!ctx.is_cancelled());
        ctx.cancelled().await;
        assert!(ctx.is_cancelled());
        assert_eq!(ctx.remaining(), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_ttl_of_a_cast_is_no_deadline_of_its_method() {
        let ctx = received(false);
        assert_eq!(ctx.remaining(), None);
        tokio::time::timeout(SOON * 2, ctx.cancelled()).await.unwrap_err();
        assert!(!ctx.is_cancelled());
    }
}
