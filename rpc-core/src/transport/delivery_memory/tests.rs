use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::maybe_ready::MaybeReady;
use crate::transport::{AckError, Delivery};

/// Counts what happened to the deliveries of a message.
#[derive(Default)]
struct Seen {
    acked: AtomicUsize,
    returned: AtomicUsize,
}

impl Seen {
    fn counts(&self) -> (usize, usize) {
        (self.acked.load(Ordering::Relaxed), self.returned.load(Ordering::Relaxed))
    }
}

struct Message {
    id: u128,
    redelivered: bool,
    acked: bool,
    seen: Arc<Seen>,
}

impl EncodedDelivery for Message {
    fn message_id(&self) -> Option<MessageId> {
        Some(MessageId::from_bits(self.id))
    }

    fn queue(&self) -> QueueKind {
        QueueKind::Topic
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    fn ack(mut self: Box<Self>) -> MaybeReady<Result<(), AckError>> {
        self.acked = true;
        self.seen.acked.fetch_add(1, Ordering::Relaxed);
        MaybeReady::ready(Ok(()))
    }

    fn decode(self: Box<Self>) -> Option<Box<dyn Delivery>> {
        None
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if !self.acked {
            self.seen.returned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Broker {
    memory: Arc<DeliveryMemory>,
    seen: Arc<Seen>,
}

#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Run,
    Duplicate,
    AlreadyBegun,
}

fn key(id: u128) -> MessageKey {
    MessageKey { queue: QueueKind::Topic, id: MessageId::from_bits(id) }
}

impl Broker {
    fn new(ack_mode: AckMode, window: usize) -> Self {
        Self { memory: Arc::new(DeliveryMemory::new(ack_mode, window)), seen: Arc::default() }
    }

    fn message(&self, id: u128, redelivered: bool) -> Box<Message> {
        let seen = Arc::clone(&self.seen);
        Box::new(Message { id, redelivered, acked: false, seen })
    }

    /// Delivers a message. One to be run, and a duplicate, is acknowledged.
    fn deliver(&self, id: u128, redelivered: bool) -> Decision {
        let (message, decision) =
            match self.memory.take(Incoming::Encoded(self.message(id, redelivered)), Some(key(id)))
            {
                Admission::Run(message) => (message, Decision::Run),
                Admission::Duplicate(message) => (message, Decision::Duplicate),
                Admission::AlreadyBegun => return Decision::AlreadyBegun,
            };
        drop(message.ack());
        decision
    }

    fn taken(&self, id: u128) -> TakenMessage<'_> {
        TakenMessage::new(&self.memory, Some(key(id)))
    }

    fn pending_ack(&self, id: u128) -> PendingAck {
        self.memory.pending_ack(Some(key(id)))
    }

    fn remembered(&self) -> usize {
        self.memory.state.lock().len()
    }
}

#[test]
fn what_this_server_has_not_begun_runs_although_it_was_redelivered() {
    let broker = Broker::new(AckMode::Confirmed, 10);
    assert_eq!(broker.deliver(1, true), Decision::Run);
    assert!(broker.memory.admit(broker.message(2, true)).is_some());
}

#[test]
fn a_begun_message_that_comes_back_is_acknowledged_and_not_run() {
    for window in [0, 10] {
        let broker = Broker::new(AckMode::Confirmed, window);
        assert_eq!(broker.deliver(1, false), Decision::Run);
        let mut taken = broker.taken(1);
        taken.begin();
        assert!(broker.memory.admit(broker.message(1, true)).is_none());
        assert_eq!(broker.seen.counts(), (2, 0));
        assert!(!taken.finish());
        assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun);
        assert_eq!((broker.seen.counts(), broker.memory.already_begun()), ((3, 0), 2));
    }
}

#[test]
fn after_the_reply_the_second_delivery_is_acknowledged_in_place_of_the_first() {
    let broker = Broker::new(AckMode::AfterReply, 10);
    broker.deliver(1, false);
    let mut taken = broker.taken(1);
    taken.begin();
    for kept in 1..=3 {
        assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun);
        assert_eq!(broker.seen.counts(), (1, kept - 1), "one is kept, those before it go back");
    }
    assert!(taken.finish());
    assert_eq!(broker.seen.counts(), (2, 2));
}

#[test]
fn a_method_that_is_aborted_returns_the_second_delivery_and_is_not_begun_again_here() {
    let broker = Broker::new(AckMode::AfterReply, 0);
    broker.deliver(1, false);
    let mut taken = broker.taken(1);
    taken.begin();
    broker.deliver(1, true);
    drop(taken);
    assert_eq!(broker.seen.counts(), (1, 1));
    assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun);
}

#[test]
fn what_comes_back_before_it_is_begun_waits_for_the_decision() {
    let broker = Broker::new(AckMode::Confirmed, 10);
    broker.deliver(1, false);
    let taken = broker.taken(1);
    assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun);
    drop(taken);
    assert_eq!(broker.seen.counts(), (1, 1), "the acknowledgement failed: it goes back");
    assert_eq!(broker.deliver(1, true), Decision::Run);
    let mut taken = broker.taken(1);
    assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun);
    taken.begin();
    assert_eq!(broker.seen.counts(), (3, 1), "it was begun: the second one is acknowledged");
}

#[test]
fn a_refused_message_can_be_sent_again_and_is_settled_if_it_comes_back() {
    let broker = Broker::new(AckMode::BeforeInvoke, 10);
    broker.deliver(1, false);
    let first = broker.pending_ack(1);
    broker.taken(1).refuse();
    assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun);
    assert_eq!(broker.deliver(1, false), Decision::Run);
    let mut again = broker.taken(1);
    again.begin();
    // That of the first message says nothing about the second.
    first.confirm();
    again.finish();
    assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun);
    assert_eq!(broker.deliver(1, false), Decision::Duplicate);
}

#[test]
fn a_message_is_forgotten_once_it_has_ended_and_its_acknowledgement_is_confirmed() {
    let broker = Broker::new(AckMode::BeforeInvoke, 0);
    broker.deliver(1, false);
    let ack = broker.pending_ack(1);
    let mut taken = broker.taken(1);
    taken.begin();
    ack.confirm();
    assert_eq!(broker.deliver(1, true), Decision::AlreadyBegun, "its method runs");
    taken.finish();
    assert_eq!((broker.remembered(), broker.deliver(1, true)), (0, Decision::Run));
}

#[test]
fn a_message_in_doubt_is_remembered_and_many_of_them_are_bounded() {
    let broker = Broker::new(AckMode::BeforeInvoke, 0);
    let many = 20_000;
    for id in 0..many {
        broker.deliver(id, false);
        let ack = broker.pending_ack(id);
        let mut taken = broker.taken(id);
        taken.begin();
        // Some connections end before the method, some after it.
        if id % 2 == 0 {
            drop(ack);
            taken.finish();
        } else {
            taken.finish();
            drop(ack);
        }
    }
    assert_eq!(broker.remembered(), 16 * 1024);
    assert_eq!(broker.deliver(many - 1, true), Decision::AlreadyBegun);
}

#[test]
fn where_acknowledgements_are_final_only_failed_ones_are_remembered() {
    let broker = Broker::new(AckMode::AfterReply, 0);
    broker.memory.trust_acks();
    for id in 1..=2 {
        broker.deliver(id, false);
        let mut taken = broker.taken(id);
        taken.begin();
        taken.finish();
    }
    assert_eq!(broker.remembered(), 0);
    broker.memory.expect_again(key(2));
    assert_eq!(broker.deliver(2, true), Decision::AlreadyBegun);
    assert_eq!(broker.deliver(1, true), Decision::Run);
}

#[test]
fn messages_that_were_sent_twice_are_duplicates_within_the_window() {
    let broker = Broker::new(AckMode::Confirmed, 1);
    assert_eq!(broker.deliver(1, false), Decision::Run);
    assert_eq!(broker.deliver(1, false), Decision::Duplicate);
    let without_id = broker.memory.take(Incoming::Encoded(broker.message(1, false)), None);
    assert!(matches!(without_id, Admission::Run(_)));
}
