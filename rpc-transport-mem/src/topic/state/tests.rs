//! Random walks through the state machine. Listeners poll only when they were woken, as tasks do, so a lost wake-up
//! leaves a message behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use proptest::prelude::*;
use rpc_core::{Codec, MessageId, Payload, Request};

use super::*;
use crate::queue::blocked_sender::End;
use crate::topic::Hint;

const EXCHANGES: [&str; 2] = ["", "other"];
const SERVERS: [&str; 2] = ["one", "two"];

#[derive(Debug, Clone)]
enum Step {
    Join {
        exchange: usize,
        server: usize,
    },
    Leave(usize),
    ToAny {
        exchange: usize,
    },
    ToServer {
        exchange: usize,
        server: usize,
    },
    ToAll,
    /// Lets a listener that was woken poll; it keeps what it takes.
    Poll(usize),
    /// Lets a listener poll that nobody has woken.
    PollUnasked(usize),
    GiveBack(usize),
    Acknowledge(usize),
    /// A sender that waits for room goes away.
    GiveUp(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let exchange = 0..EXCHANGES.len();
    let server = 0..SERVERS.len();
    prop_oneof![
        2 => (exchange.clone(), server.clone()).prop_map(|(exchange, server)| Step::Join { exchange, server }),
        1 => (0..8_usize).prop_map(Step::Leave),
        5 => exchange.clone().prop_map(|exchange| Step::ToAny { exchange }),
        2 => (exchange, server).prop_map(|(exchange, server)| Step::ToServer { exchange, server }),
        1 => Just(Step::ToAll),
        8 => (0..8_usize).prop_map(Step::Poll),
        1 => (0..8_usize).prop_map(Step::PollUnasked),
        2 => (0..8_usize).prop_map(Step::GiveBack),
        2 => (0..8_usize).prop_map(Step::Acknowledge),
        1 => (0..3_usize).prop_map(Step::GiveUp),
    ]
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Ear {
    seat: Seat,
    woken: Arc<Flag>,
    exchange: usize,
    server: usize,
}

/// The state machine, its listeners, and what they hold.
struct World {
    state: State,
    ears: Vec<Ear>,
    held: Vec<([usize; 3], usize, Message)>,
    /// Senders that wait for room.
    parked: Vec<Arc<Parked>>,
    /// Messages that some queue took or may yet take, less those that were acknowledged or ended with their queue.
    alive: usize,
}

impl World {
    fn new(capacity: usize) -> Self {
        Self {
            state: State::new(capacity),
            ears: Vec::new(),
            held: Vec::new(),
            parked: Vec::new(),
            alive: 0,
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Join { exchange, server } if self.ears.len() < 6 => {
                let seat = self.state.join(EXCHANGES[exchange], SERVERS[server]);
                let woken = Arc::new(Flag(AtomicBool::new(true)));
                self.ears.push(Ear { seat, woken, exchange, server });
            }
            Step::Join { .. } => {}
            Step::Leave(index) => self.leave(index),
            Step::ToAny { exchange } => self.send(EXCHANGES[exchange], &Destination::Any),
            Step::ToServer { exchange, server } => {
                self.send(EXCHANGES[exchange], &Destination::Server(SERVERS[server].into()));
            }
            Step::ToAll => self.send("", &Destination::Fanout),
            Step::Poll(index) => self.poll(index, false),
            Step::PollUnasked(index) => self.poll(index, true),
            Step::GiveBack(index) if index < self.held.len() => {
                let (queues, queue, message) = self.held.remove(index);
                let mut wakes = Wakes::default();
                let gone = self.state.give_back(queue, message, &mut wakes);
                wakes.wake();
                self.alive -= gone.map_or(0, |gone| gone.messages.len());
                self.state.release(queues);
            }
            Step::Acknowledge(index) if index < self.held.len() => {
                let (queues, ..) = self.held.remove(index);
                self.alive -= 1;
                self.state.release(queues);
            }
            Step::GiveUp(index) if index < self.parked.len() => {
                let sender = self.parked.remove(index);
                self.state.withdraw(&sender);
                self.alive -= 1;
            }
            Step::GiveBack(_) | Step::Acknowledge(_) | Step::GiveUp(_) => {}
        }
        self.check();
    }

    fn send(&mut self, exchange: &str, destination: &Destination) {
        let payload = Payload::new(Codec::Json, Vec::new());
        let message =
            Message::new(Arc::new(Request::new(MessageId::from_bits(1), "m", payload)), None);
        let mut wakes = Wakes::default();
        let reached = self.state.queued();
        let placed = if *destination == Destination::Fanout {
            self.state.push_to_all(message, Spot::End, &mut wakes)
        } else {
            match self.state.find(exchange, destination, &Hint::none()) {
                Some(queue) => self.state.push(queue, message, Spot::End, &mut wakes),
                None => Err(Refused::NobodyListens),
            }
        };
        wakes.wake();
        self.alive += self.state.queued() - reached;
        match placed {
            // Would wait in several queues at once; too much for the accounts of this world.
            Ok(Placed::Parked(sender)) if *destination == Destination::Fanout => {
                self.state.withdraw(&sender);
            }
            Ok(Placed::Parked(sender)) => {
                self.alive += 1;
                self.parked.push(sender);
            }
            Ok(Placed::Queued) | Err(_) => {}
        }
    }

    fn leave(&mut self, index: usize) {
        if index >= self.ears.len() {
            return;
        }
        let ear = self.ears.remove(index);
        let mut wakes = Wakes::default();
        let gone = self.state.leave(ear.seat.index, &mut wakes);
        wakes.wake();
        self.alive -= gone.iter().map(|gone| gone.messages.len()).sum::<usize>();
        // Its deliveries hold its queues on their own behalf here.
        self.state.release(ear.seat.queues);
    }

    fn poll(&mut self, index: usize, unasked: bool) {
        let Some(ear) = self.ears.get(index) else { return };
        if !ear.woken.0.swap(false, Ordering::Relaxed) && !unasked {
            return;
        }
        let waker = Waker::from(Arc::clone(&ear.woken));
        let mut wakes = Wakes::default();
        let taken = self.state.take(ear.seat.index, &mut Context::from_waker(&waker), &mut wakes);
        wakes.wake();
        if let Poll::Ready((queue, message)) = taken {
            // A task that got something asks again.
            ear.woken.0.store(true, Ordering::Relaxed);
            for queue in ear.seat.queues {
                self.state.queues[queue].holders += 1;
            }
            self.held.push((ear.seat.queues, queue, message));
        }
    }

    fn check(&mut self) {
        self.parked.retain(|sender| {
            // Without listeners it was sent away; with them it is counted in its queue now.
            self.alive -= usize::from(sender.end() == Some(End::NobodyListens));
            sender.end().is_none()
        });
        let state = &self.state;
        for (index, queue) in state.queues.iter() {
            let of_queue = |listener: &&Place| listener.queues.contains(&index);
            let listeners: Vec<_> =
                state.listeners.iter().map(|(_, it)| it).filter(of_queue).collect();
            let called = listeners.iter().filter(|it| it.turn == Turn::Called(index)).count();
            assert_eq!(queue.called, called, "count of called listeners");
            assert_eq!(queue.listeners, listeners.len(), "count of listeners");
            let somebody_waits = listeners.iter().any(|it| it.turn == Turn::Waiting);
            assert!(!somebody_waits || called >= queue.len(), "a wake-up was lost");
        }
        let waiting = state.listeners.iter().filter(|(_, it)| it.turn == Turn::Waiting).count();
        assert_eq!(state.waiting.len(), waiting, "the line of those who wait");
        assert_eq!(
            state.queued() + self.held.len() + self.parked.len(),
            self.alive,
            "messages lost or made up"
        );
    }

    /// Polls whoever was woken until nobody is; what is left then has no listener.
    fn drain(&mut self) {
        while let Some(index) = self.ears.iter().position(|ear| ear.woken.0.load(Ordering::Relaxed))
        {
            self.poll(index, false);
            self.check();
        }
        for ear in &self.ears {
            for queue in ear.seat.queues {
                assert_eq!(
                    self.state.queues[queue].len(),
                    0,
                    "left behind in {}/{}",
                    ear.exchange,
                    ear.server
                );
            }
        }
    }

    /// Nothing stays when all have gone and all is acknowledged, except casts that wait for the next listener.
    fn end(&mut self) {
        while !self.ears.is_empty() {
            self.leave(0);
        }
        while !self.held.is_empty() {
            self.take(&Step::Acknowledge(0));
        }
        assert!(
            self.state.queues.iter().all(|(_, queue)| queue.len() > 0),
            "an empty queue stayed"
        );
    }
}

proptest! {
    #[test]
    fn no_message_and_no_wake_up_is_ever_lost(
        capacity in 1..4_usize,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(capacity);
        steps.iter().for_each(|step| world.take(step));
        world.drain();
        world.end();
    }
}
