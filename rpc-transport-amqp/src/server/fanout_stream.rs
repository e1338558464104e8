//! Fanouts from a stream, which all servers of a topic read, each from a position of its own.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rpc_amqp::{Consumer, ConsumerEnd, Delivery, Field, FieldTable, InvalidArgument};
use tokio::time::Instant;

use super::acks::Settlement;
use super::consumers::DeliveryReceiver;
use crate::wire;

/// The argument that tells the broker where a consumer begins to read.
const OFFSET: &str = "x-stream-offset";
/// How much earlier a stream is read that was deleted and declared anew. Nothing in it is older than that, and the broker may be
/// late to tell of it.
const DELETED_MARGIN: Duration = Duration::from_secs(10);

/// Where a server reads its stream. It survives the connections of the server.
pub(super) struct StreamPosition(Mutex<Position>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// The server has not started to read.
    NotStarted,
    /// It has read since then, and found nothing. What came before is not for it.
    Since(Instant),
    /// The stream was deleted before then, and its offsets with it.
    Deleted(Instant),
    /// The offset behind the last message that was received.
    At(u64),
}

impl StreamPosition {
    /// Returns the position of a server that has not started.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Position::NotStarted))
    }

    /// Returns the arguments of the next consumer.
    pub(super) fn arguments(&self) -> Result<FieldTable, InvalidArgument> {
        let mut arguments = FieldTable::new();
        match *self.0.lock() {
            Position::NotStarted => arguments.insert(OFFSET, Field::Text("next"))?,
            Position::At(offset) => arguments.insert(OFFSET, Field::I64(offset.cast_signed()))?,
            // Rounded down, so that no message from before the start is read.
            Position::Since(start) => insert_age(&mut arguments, start.elapsed())?,
            Position::Deleted(known) => {
                insert_age(&mut arguments, known.elapsed() + DELETED_MARGIN)?;
            }
        }
        Ok(arguments)
    }

    /// Notes that a consumer reads the stream.
    pub(super) fn note_start(&self) {
        let mut position = self.0.lock();
        if *position == Position::NotStarted {
            *position = Position::Since(Instant::now());
        }
    }

    /// Returns whether a message is new, and remembers that it was received.
    ///
    /// The last deliveries of a lost connection may be processed after the next consumer was started.
    fn receive(&self, offset: Option<u64>) -> bool {
        // The broker adds the offset to every message.
        let Some(offset) = offset else { return true };
        let mut position = self.0.lock();
        if matches!(*position, Position::At(next) if offset < next) {
            return false;
        }
        *position = Position::At(offset.saturating_add(1));
        true
    }

    /// Forgets the offset, as the stream was deleted.
    fn note_deletion(&self) {
        *self.0.lock() = Position::Deleted(Instant::now());
    }
}

/// Has a consumer begin with what is at most so old, in whole seconds. It is an age, so that only the broker's clock counts.
fn insert_age(arguments: &mut FieldTable, age: Duration) -> Result<(), InvalidArgument> {
    match age.as_secs() {
        0 => arguments.insert(OFFSET, Field::Text("next")),
        seconds => arguments.insert(OFFSET, Field::Text(&format!("{seconds}s"))),
    }
}

/// Puts what a stream's consumer receives into the buffer, in the connection's task.
///
/// A message counts as received from then on: the buffer survives the connection, and the next consumer begins behind it.
pub(super) struct StreamReceiver {
    pub(super) receiver: DeliveryReceiver,
    pub(super) position: Arc<StreamPosition>,
}

impl Consumer for StreamReceiver {
    fn on_delivery(&self, delivery: Delivery) {
        let Some(consumers) = self.receiver.consumers.upgrade() else { return };
        let settlement = Settlement::of_stream(&consumers, delivery.tag);
        if self.position.receive(wire::stream_offset(&delivery.message.properties())) {
            let message = self.receiver.prefetched(settlement, delivery);
            self.receiver.sink.buffer.push(message);
        } else {
            settlement.discard();
        }
    }

    fn on_end(&self, reason: ConsumerEnd) {
        if matches!(reason, ConsumerEnd::Cancelled) {
            self.position.note_deletion();
        }
        self.receiver.on_end(reason);
    }
}

#[cfg(test)]
mod tests {
    use rpc_amqp::PropertiesBuilder;
    use tokio::time::advance;

    use super::*;

    /// Returns where a consumer would begin, as text.
    fn begin(position: &StreamPosition) -> String {
        let arguments = position.arguments().unwrap();
        let properties = PropertiesBuilder::new().headers(&arguments).build().unwrap();
        let value = properties.header(OFFSET).unwrap();
        match value.as_text() {
            Some(text) => text.to_string(),
            None => value.as_i64().unwrap().to_string(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_reads_neither_what_came_before_its_start_nor_anything_twice() {
        let position = StreamPosition::new();
        advance(Duration::from_secs(5)).await;
        assert_eq!(begin(&position), "next");
        position.note_start();
        advance(Duration::from_millis(900)).await;
        assert_eq!(begin(&position), "next");
        advance(Duration::from_millis(2000)).await;
        position.note_start();
        assert_eq!(begin(&position), "2s");
        assert!(position.receive(Some(41)));
        assert_eq!(begin(&position), "42");
        assert!(!position.receive(Some(41)));
        assert!(position.receive(Some(42)));
        assert!(position.receive(Some(50)));
        assert!(!position.receive(Some(49)));
        position.note_start();
        assert_eq!(begin(&position), "51");
    }

    #[tokio::test(start_paused = true)]
    async fn the_offsets_of_a_stream_that_was_deleted_are_forgotten() {
        let position = StreamPosition::new();
        position.note_start();
        assert!(position.receive(Some(7)));
        position.note_deletion();
        assert_eq!(begin(&position), "10s");
        advance(Duration::from_secs(3)).await;
        position.note_start();
        assert_eq!(begin(&position), "13s");
        assert!(position.receive(Some(0)));
        assert_eq!(begin(&position), "1");
    }

    #[test]
    fn a_message_without_an_offset_changes_nothing() {
        let position = StreamPosition::new();
        assert!(position.receive(None) && position.receive(None));
        assert_eq!(begin(&position), "next");
        assert!(position.receive(Some(u64::MAX)));
    }
}
