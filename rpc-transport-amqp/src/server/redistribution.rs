//! Sends what waits in a window on to other servers, by a copy: given back by itself, a message would be marked as delivered
//! before, and not be run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::BasicProperties;
use lapin::types::FieldTable;
use rpc_core::server::AckMode;

use crate::hub::Hub;
use crate::publish::confirmed_publish::Arrival;
use crate::server::consumers::Source;
use crate::server::prefetch::{Held, Window};
use crate::topology::queue_status::Seen;
use crate::topology::queues::Ears;
use crate::wire::{Outgoing, time_left};

/// A message that has waited in the window for so long is passed on, if others are free.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) struct Relay {
    pub(crate) hub: Arc<Hub>,
    pub(crate) window: Arc<Window>,
    pub(crate) queues: Ears,
    pub(crate) acknowledge: AckMode,
}

impl Relay {
    /// Whether what waits here can be passed on: afterwards nobody could tell it from what is at work.
    pub(crate) fn passes_on(&self) -> bool {
        self.acknowledge == AckMode::BeforeInvoke
    }

    /// Lets servers that are free have what waits here for too long.
    pub(crate) async fn pass_on(&self) {
        // Nothing is taken out of the window that could not leave at once: a task may become free meanwhile.
        if !self.others_are_free().await || self.hub.outlet.now().is_none() {
            return;
        }
        let old = self.window.take_old(Source::Topic, PATIENCE);
        let sent = join_all(old.into_iter().map(async |held| (self.send_copy(&held).await, held)));
        let mut kept = Vec::new();
        for (arrival, held) in sent.await {
            match arrival {
                Arrival::Queued => self.window.plug(&held),
                // There may be two of it now. The one that comes back is marked as delivered before, and is not run.
                Arrival::Unknown => held.ear.requeue(held.tag()),
                _ => kept.push(held),
            }
        }
        self.window.put_back(kept);
    }

    /// Whether other servers listen, and have taken all there is: messages that nobody takes say that they are busy, too.
    async fn others_are_free(&self) -> bool {
        let seen = self.hub.inspector.look(&self.queues.topic.name).await;
        matches!(seen, Ok(Some(Seen::Present { consumers: 2.., messages: 0 })))
    }

    /// Gives back what nobody has taken, as this server takes nothing more.
    pub(crate) async fn hand_back_all(&self) {
        join_all(self.window.clear().into_iter().map(|held| self.hand_back(held))).await;
    }

    async fn hand_back(&self, held: Held) {
        let fresh = self.passes_on() && !held.delivery.redelivered;
        match held.source {
            // Nobody else has this queue.
            Source::Fanout => drop(held.ear.acknowledge(held.tag())),
            _ if fresh && self.send_copy(&held).await == Arrival::Queued => {
                let _ = held.ear.acknowledge(held.tag());
            }
            _ => held.ear.requeue(held.tag()),
        }
    }

    /// Sends a message once more to the queue that it came by. It keeps its id, and what is left of its time.
    async fn send_copy(&self, held: &Held) -> Arrival {
        let delivery = &held.delivery;
        let mut properties = copy_properties(&delivery.properties);
        if let Some(left) = time_left(&properties) {
            let left = left.saturating_sub(held.waited()).as_millis();
            properties = properties.with_expiration(left.to_string().into());
        }
        let queue = match held.source {
            Source::Topic => &self.queues.topic.name,
            Source::Server => &self.queues.server.name,
            Source::Fanout => &self.queues.fanout.name,
        };
        let (exchange, routing_key) = ("".into(), queue.as_str().into());
        let body = delivery.data.clone();
        self.hub.send_exactly(Outgoing { exchange, routing_key, properties, body }).await
    }
}

/// Copies a message's properties, but not those by which its publisher asked something of the broker: it would close our
/// channel over another user's `user-id`, and would put the copy into the queues of `CC` and `BCC` once more.
fn copy_properties(original: &BasicProperties) -> BasicProperties {
    let mut copy = BasicProperties::default();
    if let Some(headers) = original.headers() {
        let mut kept = FieldTable::default();
        for (name, value) in headers.inner() {
            if !matches!(name.as_str(), "CC" | "BCC") {
                kept.insert(name.clone(), value.clone());
            }
        }
        copy = copy.with_headers(kept);
    }
    /// Copies the properties named by their setter and getter.
    macro_rules! copy {
        ($($set:ident $get:ident),* $(,)?) => {
            $(if let Some(value) = original.$get() {
                copy = copy.$set(value.clone());
            })*
        };
    }
    copy!(
        with_content_type content_type,
        with_content_encoding content_encoding,
        with_delivery_mode delivery_mode,
        with_priority priority,
        with_correlation_id correlation_id,
        with_reply_to reply_to,
        with_expiration expiration,
        with_message_id message_id,
        with_timestamp timestamp,
        with_type kind,
        with_app_id app_id,
    );
    copy
}

#[cfg(test)]
mod tests {
    use lapin::types::AMQPValue;

    use super::*;

    #[test]
    fn a_copy_carries_nothing_that_its_publisher_asked_of_the_broker() {
        let mut headers = FieldTable::default();
        for name in ["CC", "BCC", "kept"] {
            headers.insert(name.into(), AMQPValue::LongString("x".into()));
        }
        let original = BasicProperties::default()
            .with_content_type("a".into())
            .with_content_encoding("b".into())
            .with_delivery_mode(2)
            .with_priority(3)
            .with_correlation_id("c".into())
            .with_reply_to("d".into())
            .with_expiration("4".into())
            .with_message_id("e".into())
            .with_timestamp(5)
            .with_type("f".into())
            .with_app_id("g".into());
        let mut kept = FieldTable::default();
        kept.insert("kept".into(), AMQPValue::LongString("x".into()));
        let copy =
            copy_properties(&original.clone().with_headers(headers).with_user_id("someone".into()));
        assert_eq!(copy, original.with_headers(kept));
    }
}
