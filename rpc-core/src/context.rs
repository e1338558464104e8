//! The request context: what a method gets as its first parameter, and what a caller sends along.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::message::{MessageId, Request};
use crate::trace::TraceContext;
use crate::value::Value;

/// How exact tokio's clock is.
const TICK: Duration = Duration::from_millis(1);

/// The key–value pairs of a context, shared and never changed: cloning is one reference count, and none when empty.
#[derive(Clone, Default, PartialEq)]
pub struct ContextEntries(Option<Arc<BTreeMap<String, Value>>>);

impl ContextEntries {
    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|map| map.is_empty())
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get(key)
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(key, value)| (key.as_str(), value))
    }

    fn insert(&mut self, key: String, value: Value) {
        Arc::make_mut(self.0.get_or_insert_default()).insert(key, value);
    }

    fn remove(&mut self, key: &str) {
        if self.get(key).is_some()
            && let Some(map) = &mut self.0
        {
            Arc::make_mut(map).remove(key);
        }
    }
}

impl FromIterator<(String, Value)> for ContextEntries {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        let map: BTreeMap<_, _> = entries.into_iter().collect();
        Self((!map.is_empty()).then(|| Arc::new(map)))
    }
}

impl fmt::Debug for ContextEntries {
    /// Names the keys only: contexts carry tokens and passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(key, _)| key)).finish()
    }
}

/// The context of a call.
///
/// A caller makes one with [`Context::new`] and adds what the server should know. A method receives the caller's
/// entries and, beside them, facts about this call: its [id](Self::message_id), the [remaining time](Self::remaining)
/// and whether [the caller is still there](Self::is_cancelled). Passing the received context on to another call nests
/// it: what is left of the deadline and the trace context go along.
///
/// The first parameter of every method is the context, as in oslo.messaging. Cloning is cheap.
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
    /// What a caller has set beside the entries.
    own: Option<Arc<Own>>,
}

#[derive(Clone, Default)]
struct Own {
    deadline: Option<Instant>,
    trace: Option<TraceContext>,
}

impl Context {
    /// An empty context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn of(request: &Arc<Request>) -> Self {
        Self { entries: request.entries.clone(), origin: Some(Arc::clone(request)), own: None }
    }

    /// This context with one entry more, or with another value for the key.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.entries.insert(key.into(), value.into());
        self
    }

    /// This context without the entry.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.entries.remove(key);
        self
    }

    /// This context with all its entries replaced.
    #[must_use]
    pub fn with_entries(mut self, entries: ContextEntries) -> Self {
        self.entries = entries;
        self
    }

    /// This context with a time-out: all calls made with it have to end within this time from now, together.
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
            // Further off than time can tell.
            None => self,
        }
    }

    /// This context with a deadline, unless it has an earlier one.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        let deadline = self.deadline().map_or(deadline, |earlier| earlier.min(deadline));
        Arc::make_mut(self.own.get_or_insert_default()).deadline = Some(deadline);
        self
    }

    /// This context within a trace that came from elsewhere, such as the `traceparent` of an HTTP request.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        Arc::make_mut(self.own.get_or_insert_default()).trace = Some(trace);
        self
    }

    /// The entries and the trace of this context, without its deadline and its caller: for work that goes on when the
    /// call is over.
    #[must_use]
    pub fn detached(&self) -> Self {
        let own = self.trace().map(|trace| Own { deadline: None, trace: Some(trace.clone()) });
        Self { entries: self.entries.clone(), origin: None, own: own.map(Arc::new) }
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// The value of `key`, where it is a string.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> &ContextEntries {
        &self.entries
    }

    /// The id of the message that this context came with; `None` for a caller's own context.
    #[must_use]
    pub fn message_id(&self) -> Option<MessageId> {
        self.origin.as_ref().map(|request| request.id)
    }

    /// When the caller stops waiting, or an earlier deadline [of one's own](Self::with_deadline); `None` where there is
    /// neither.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let own = self.own.as_ref().and_then(|own| own.deadline);
        [self.callers_deadline(), own].into_iter().flatten().min()
    }

    /// The expiry of a cast is none: it says how long the cast may wait to be run, and bounds nothing after that.
    fn callers_deadline(&self) -> Option<Instant> {
        self.origin.as_ref().filter(|request| request.wants_reply)?.deadline
    }

    /// How long the caller still waits: zero when it has stopped, `None` as in [`deadline`](Self::deadline).
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        Some(self.deadline()?.saturating_duration_since(Instant::now()))
    }

    /// Whether the caller has gone: it dropped the call, or its deadline passed.
    ///
    /// Best effort over a network. A method that sees it may stop early; nobody reads its result.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.origin.as_ref().is_some_and(|request| request.is_cancelled())
            || self.callers_deadline().is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Resolves when the caller has gone; never for casts and for a caller's own context.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn cancelled(&self) {
        let Some(request) = &self.origin else { return std::future::pending().await };
        let cancelled = request.state.cancelled();
        // A caller that shares the request says itself that its time is up, and is given the chance to do so first.
        match self.callers_deadline().and_then(|deadline| deadline.checked_add(TICK)) {
            Some(over) => drop(timeout_at(over, cancelled).await),
            None => cancelled.await,
        }
    }

    /// The W3C trace context: [one's own](Self::with_trace), or the one that the caller sent.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        let own = self.own.as_ref().and_then(|own| own.trace.as_ref());
        own.or_else(|| self.origin.as_ref()?.trace.as_deref())
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
        Context::of(&Arc::new(request))
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_of_whom_nothing_is_heard_has_gone_when_its_time_is_up() {
        let ctx = received(true);
        assert!(!ctx.is_cancelled());
        ctx.cancelled().await;
        assert!(ctx.is_cancelled());
        assert_eq!(ctx.remaining(), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_cast_whatever_time_it_may_spend_in_a_queue() {
        let ctx = received(false);
        assert_eq!(ctx.remaining(), None);
        tokio::time::timeout(SOON * 2, ctx.cancelled()).await.unwrap_err();
        assert!(!ctx.is_cancelled());
    }
}
