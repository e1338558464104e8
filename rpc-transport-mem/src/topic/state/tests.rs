//! Random steps through the state machine. Listeners poll only when they were woken, as tasks do, so a lost wake-up
//! leaves a message behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use proptest::prelude::*;
use rpc_core::{Codec, MessageId, Payload, Request};

use super::*;
use crate::queue::Unblocked;

const EXCHANGES: [&str; 2] = ["", "other"];
const SERVERS: [&str; 2] = ["one", "two"];

#[derive(Debug, Clone)]
enum Step {
    AddListener {
        exchange: usize,
        server: usize,
    },
    RemoveListener(usize),
    SendToAny {
        exchange: usize,
    },
    SendToServer {
        exchange: usize,
        server: usize,
    },
    SendFanout,
    /// Lets a listener that was woken poll. It keeps its delivery.
    Poll(usize),
    /// Lets a listener poll that was not woken.
    PollUnwoken(usize),
    Requeue(usize),
    Ack(usize),
    /// Drops a blocked sender.
    DropSender(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let exchange = 0..EXCHANGES.len();
    let server = 0..SERVERS.len();
    prop_oneof![
        2 => (exchange.clone(), server.clone()).prop_map(|(exchange, server)| Step::AddListener { exchange, server }),
        1 => (0..8_usize).prop_map(Step::RemoveListener),
        5 => exchange.clone().prop_map(|exchange| Step::SendToAny { exchange }),
        2 => (exchange, server).prop_map(|(exchange, server)| Step::SendToServer { exchange, server }),
        1 => Just(Step::SendFanout),
        8 => (0..8_usize).prop_map(Step::Poll),
        1 => (0..8_usize).prop_map(Step::PollUnwoken),
        2 => (0..8_usize).prop_map(Step::Requeue),
        2 => (0..8_usize).prop_map(Step::Ack),
        1 => (0..3_usize).prop_map(Step::DropSender),
    ]
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct TestListener {
    id: ListenerId,
    woken: Arc<Flag>,
    exchange: usize,
    server: usize,
}

/// The state machine, its listeners, their deliveries and the blocked senders.
struct Model {
    state: TopicState,
    listeners: Vec<TestListener>,
    unacked: Vec<([usize; 3], usize, QueuedMessage)>,
    /// Senders that wait for space.
    blocked: Vec<Arc<BlockedSender>>,
    /// Messages that are queued, unacknowledged or held by a blocked sender, as the model counts them.
    expected: usize,
}

impl Model {
    fn new(capacity: usize) -> Self {
        Self {
            state: TopicState::new(capacity),
            listeners: Vec::new(),
            unacked: Vec::new(),
            blocked: Vec::new(),
            expected: 0,
        }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::AddListener { exchange, server } if self.listeners.len() < 6 => {
                let id = self.state.add_listener(EXCHANGES[exchange], SERVERS[server]);
                let woken = Arc::new(Flag(AtomicBool::new(true)));
                self.listeners.push(TestListener { id, woken, exchange, server });
            }
            Step::AddListener { .. } => {}
            Step::RemoveListener(index) => self.remove_listener(index),
            Step::SendToAny { exchange } => self.send(EXCHANGES[exchange], &Destination::Any),
            Step::SendToServer { exchange, server } => {
                self.send(EXCHANGES[exchange], &Destination::Server(SERVERS[server].into()));
            }
            Step::SendFanout => self.send("", &Destination::Fanout),
            Step::Poll(index) => self.poll(index, false),
            Step::PollUnwoken(index) => self.poll(index, true),
            Step::Requeue(index) if index < self.unacked.len() => {
                let (queues, queue, message) = self.unacked.remove(index);
                let mut wakes = WakeList::default();
                let dropped = self.state.requeue(queue, message, &mut wakes);
                wakes.wake_all();
                self.expected -= dropped.map_or(0, |dropped| dropped.messages.len());
                self.state.release(queues);
            }
            Step::Ack(index) if index < self.unacked.len() => {
                let (queues, ..) = self.unacked.remove(index);
                self.expected -= 1;
                self.state.release(queues);
            }
            Step::DropSender(index) if index < self.blocked.len() => {
                let sender = self.blocked.remove(index);
                self.state.remove_blocked(&sender);
                self.expected -= 1;
            }
            Step::Requeue(_) | Step::Ack(_) | Step::DropSender(_) => {}
        }
        self.check();
    }

    fn send(&mut self, exchange: &str, destination: &Destination) {
        let payload = Payload::new(Codec::Json, Vec::new());
        let message =
            QueuedMessage::new(Arc::new(Request::new(MessageId::from_bits(1), "m", payload)), None);
        let mut wakes = WakeList::default();
        let before = self.state.queued();
        let enqueued = if *destination == Destination::Fanout {
            self.state.enqueue_fanout(message, InsertAt::Tail, &mut wakes)
        } else {
            let (at, hint) = (InsertAt::Tail, QueueHint::none());
            self.state.enqueue(message, at, exchange, destination, &hint, &mut wakes)
        };
        wakes.wake_all();
        self.expected += self.state.queued() - before;
        match enqueued {
            // It would wait for several queues at once, which this model does not count.
            Ok(Enqueued::Blocked(sender)) if *destination == Destination::Fanout => {
                self.state.remove_blocked(&sender);
            }
            Ok(Enqueued::Blocked(sender)) => {
                self.expected += 1;
                self.blocked.push(sender);
            }
            Ok(Enqueued::Done) | Err(_) => {}
        }
    }

    fn remove_listener(&mut self, index: usize) {
        if index >= self.listeners.len() {
            return;
        }
        let listener = self.listeners.remove(index);
        let mut wakes = WakeList::default();
        let dropped = self.state.remove_listener(listener.id.index, &mut wakes);
        wakes.wake_all();
        self.expected -= dropped.iter().map(|dropped| dropped.messages.len()).sum::<usize>();
        // In this test, deliveries have references to the queues of their own.
        self.state.release(listener.id.queues);
    }

    fn poll(&mut self, index: usize, unwoken: bool) {
        let Some(listener) = self.listeners.get(index) else { return };
        if !listener.woken.0.swap(false, Ordering::Relaxed) && !unwoken {
            return;
        }
        let waker = Waker::from(Arc::clone(&listener.woken));
        let mut wakes = WakeList::default();
        let next =
            self.state.poll_next(listener.id.index, &mut Context::from_waker(&waker), &mut wakes);
        wakes.wake_all();
        if let Poll::Ready((queue, message)) = next {
            // A task that received a message polls again.
            listener.woken.0.store(true, Ordering::Relaxed);
            for queue in listener.id.queues {
                self.state.queues[queue].references += 1;
            }
            self.unacked.push((listener.id.queues, queue, message));
        }
    }

    fn check(&mut self) {
        self.blocked.retain(|sender| {
            // Without listeners it failed. Otherwise its message is in the queue now, where it is counted.
            self.expected -= usize::from(sender.result() == Some(Unblocked::NoListeners));
            sender.result().is_none()
        });
        let state = &self.state;
        for (index, queue) in state.queues.iter() {
            let of_queue = |listener: &&ListenerEntry| listener.queues.contains(&index);
            let listeners: Vec<_> = state.listeners.iter().filter(of_queue).collect();
            let notified = ListenerState::Notified(index);
            let notified = listeners.iter().filter(|it| it.state == notified).count();
            assert_eq!(queue.notified, notified, "count of notified listeners");
            assert_eq!(queue.listeners, listeners.len(), "count of listeners");
            let one_waits = listeners.iter().any(|it| it.state == ListenerState::Waiting);
            assert!(!one_waits || notified >= queue.len(), "a wake-up was lost");
        }
        let waiting =
            state.listeners.iter().filter(|it| it.state == ListenerState::Waiting).count();
        assert_eq!(state.listeners.waiting(), waiting, "count of waiting listeners");
        assert_eq!(
            state.queued() + self.unacked.len() + self.blocked.len(),
            self.expected,
            "messages lost or added"
        );
    }

    /// Polls the listeners that were woken until none is. Messages that are left then have no listener.
    fn drain(&mut self) {
        while let Some(index) =
            self.listeners.iter().position(|listener| listener.woken.0.load(Ordering::Relaxed))
        {
            self.poll(index, false);
            self.check();
        }
        for listener in &self.listeners {
            for queue in listener.id.queues {
                assert_eq!(
                    self.state.queues[queue].len(),
                    0,
                    "left behind in {}/{}",
                    listener.exchange,
                    listener.server
                );
            }
        }
    }

    /// Removes all listeners and acknowledges all deliveries. Only queues with casts for the next listener may be left.
    fn end(&mut self) {
        while !self.listeners.is_empty() {
            self.remove_listener(0);
        }
        while !self.unacked.is_empty() {
            self.apply(&Step::Ack(0));
        }
        assert!(
            self.state.queues.iter().all(|(_, queue)| queue.len() > 0),
            "an empty queue was not deleted"
        );
    }
}

proptest! {
    #[test]
    fn no_message_and_no_wake_up_is_lost(
        capacity in 1..4_usize,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut model = Model::new(capacity);
        steps.iter().for_each(|step| model.apply(step));
        model.drain();
        model.end();
    }
}
