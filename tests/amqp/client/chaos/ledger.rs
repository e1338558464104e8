//! What one task has sent and seen, and the rules that it must agree with.

use std::collections::HashMap;

use rpc_amqp::{ConsumerEnd, Delivery, Error, Outcome};

/// The number of a message, which is its body.
pub type Message = u128;

pub fn message(delivery: &Delivery) -> Message {
    let body = delivery.message.body();
    Message::from_be_bytes(body[..].try_into().expect("the number of a message"))
}

/// Where a message is published to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    Stored,
    Consumed,
    Full,
    Nowhere,
    /// Nowhere, and it is not mandatory.
    Void,
}

#[derive(Debug)]
pub struct Sent {
    pub destination: Destination,
    pub visit: usize,
    /// Whether its channel has confirms.
    pub confirmed: bool,
    /// Whether the broker reads it before an error on its channel, so that it must arrive.
    pub before_fault: bool,
}

/// One channel's life.
#[derive(Debug, Default)]
pub struct Visit {
    /// The code of the error over which the broker closes the channel, unless this side is first.
    pub fault: Option<u16>,
    /// Whether the task has been told of the error, so that the broker was first.
    pub told: bool,
}

#[derive(Debug)]
pub struct Sighting {
    pub message: Message,
    pub visit: usize,
    pub redelivered: bool,
}

#[derive(Debug)]
pub struct Consumption {
    pub visit: usize,
    /// Whether the broker or this side certainly knows the consumer.
    pub certain: bool,
    pub ends: Vec<ConsumerEnd>,
}

/// A message that was in a queue at the end.
#[derive(Debug)]
pub struct Drained {
    pub message: Message,
    pub redelivered: bool,
}

/// What one task has sent and seen.
#[derive(Debug, Default)]
pub struct Ledger {
    pub visits: Vec<Visit>,
    pub sent: HashMap<Message, Sent>,
    /// In the order of the deliveries.
    pub sightings: Vec<Sighting>,
    /// Messages, with the visits in which the broker has certainly read their acknowledgements.
    pub acked: HashMap<Message, usize>,
    pub consumers: Vec<Consumption>,
}

/// How often what happened.
#[derive(Debug, Default)]
pub struct Tally {
    visits: usize,
    faults: usize,
    crossings: usize,
    messages: usize,
    confirmed: usize,
    returned: usize,
    nacked: usize,
    lost: usize,
    lost_but_arrived: usize,
    acked: usize,
    redelivered: usize,
    consumers: usize,
    consumers_told: usize,
}

impl Tally {
    /// Asserts that the run could have shown a fault of every kind.
    pub fn assert_everything_happened(&self) {
        let counts = [
            self.faults,
            self.crossings,
            self.confirmed,
            self.returned,
            self.nacked,
            self.lost,
            self.lost_but_arrived,
            self.acked,
            self.redelivered,
            self.consumers_told,
        ];
        assert!(counts.iter().all(|count| *count > 0));
    }
}

impl Ledger {
    /// Checks all rules. Takes the outcomes of this task's messages out of `told`.
    pub fn check(
        &self,
        told: &mut HashMap<Message, Vec<Outcome>>,
        stored: &[Drained],
        consumed: &[Drained],
        tally: &mut Tally,
    ) {
        tally.visits += self.visits.len();
        tally.faults += self.visits.iter().filter(|visit| visit.fault.is_some()).count();
        let crossings = self.visits.iter().filter(|visit| visit.fault.is_some() && !visit.told);
        tally.crossings += crossings.count();
        let arrivals = self.check_arrivals(stored, consumed);
        for (message, sent) in &self.sent {
            tally.messages += 1;
            let arrived = arrivals.get(message).copied().unwrap_or_default();
            let outcomes = told.remove(message).unwrap_or_default();
            self.check_message(sent, &outcomes, arrived, tally);
        }
        self.check_deliveries(consumed, tally);
        self.check_consumers(tally);
    }

    /// Returns how often each message has arrived: never more than once, and only what was sent there.
    fn check_arrivals(&self, stored: &[Drained], consumed: &[Drained]) -> HashMap<Message, usize> {
        let mut arrivals = HashMap::new();
        let mut arrive = |message: Message, destination: Destination| {
            let sent = self.sent.get(&message);
            assert_eq!(sent.map(|sent| sent.destination), Some(destination), "{message:#x}");
            *arrivals.entry(message).or_default() += 1;
        };
        for drained in stored {
            assert!(!drained.redelivered, "nobody has consumed it");
            arrive(drained.message, Destination::Stored);
        }
        for drained in consumed {
            arrive(drained.message, Destination::Consumed);
        }
        for (message, count) in &arrivals {
            assert_eq!(*count, 1, "{message:#x} is in the queue more than once");
        }
        for sighting in &self.sightings {
            let sent = self.sent.get(&sighting.message).expect("it was published");
            assert_eq!(sent.destination, Destination::Consumed);
            arrivals.insert(sighting.message, 1);
        }
        arrivals
    }

    fn check_message(&self, sent: &Sent, outcomes: &[Outcome], arrived: usize, tally: &mut Tally) {
        use Destination::{Consumed, Full, Nowhere, Stored, Void};
        let outcome = match (sent.confirmed, outcomes) {
            (true, [outcome]) => Some(outcome),
            (false, []) => None,
            _ => panic!("{sent:?} has the outcomes {outcomes:?}"),
        };
        let fault = self.visits[sent.visit].fault;
        let right = match (sent.destination, outcome) {
            (_, None) => true,
            (Stored | Consumed | Void, Some(Outcome::Confirmed)) => true,
            (Nowhere, Some(Outcome::Returned(_))) | (Full, Some(Outcome::Nacked)) => true,
            (_, Some(Outcome::Lost(Error::Closed))) => true,
            (_, Some(Outcome::Lost(error))) => is_fault(error, fault),
            _ => false,
        };
        assert!(right, "{sent:?} has the outcome {outcome:?}, the fault is {fault:?}");
        let goes_there = matches!(sent.destination, Stored | Consumed);
        let must_arrive =
            goes_there && (sent.before_fault || matches!(outcome, Some(Outcome::Confirmed)));
        if must_arrive {
            assert_eq!(arrived, 1, "{sent:?} has not arrived, its outcome is {outcome:?}");
        }
        match outcome {
            Some(Outcome::Confirmed) => tally.confirmed += 1,
            Some(Outcome::Returned(_)) => tally.returned += 1,
            Some(Outcome::Nacked) => tally.nacked += 1,
            Some(Outcome::Lost(_)) => {
                tally.lost += 1;
                tally.lost_but_arrived += arrived;
            }
            _ => {}
        }
    }

    /// What was seen before comes marked as redelivered, and what was acknowledged does not come again.
    fn check_deliveries(&self, consumed: &[Drained], tally: &mut Tally) {
        let mut seen: HashMap<Message, usize> = HashMap::new();
        let last = self.visits.len();
        let at_the_end = consumed.iter().map(|it| (it.message, last, it.redelivered));
        let sightings = self.sightings.iter().map(|it| (it.message, it.visit, it.redelivered));
        for (message, visit, redelivered) in sightings.chain(at_the_end) {
            if let Some(before) = seen.insert(message, visit) {
                assert!(redelivered, "{message:#x} was seen in visit {before}, then in {visit}");
                tally.redelivered += 1;
            }
            if let Some(acked) = self.acked.get(&message) {
                assert!(visit <= *acked, "{message:#x} was acked in {acked}, and comes in {visit}");
            }
        }
        tally.acked += self.acked.len();
    }

    /// A consumer is told its end once, if the broker was first to close the channel.
    fn check_consumers(&self, tally: &mut Tally) {
        for consumer in &self.consumers {
            let visit = &self.visits[consumer.visit];
            for end in &consumer.ends {
                let right =
                    matches!(end, ConsumerEnd::Closed(error) if is_fault(error, visit.fault));
                assert!(right, "{consumer:?} in {visit:?}");
            }
            assert!(consumer.ends.len() <= 1, "{consumer:?}");
            if visit.told && consumer.certain {
                assert_eq!(consumer.ends.len(), 1, "{consumer:?} in {visit:?}");
            }
            tally.consumers += 1;
            tally.consumers_told += consumer.ends.len();
        }
    }
}

/// Returns whether the error is the broker's that this fault leads to.
pub fn is_fault(error: &Error, fault: Option<u16>) -> bool {
    error.is_channel_error() && error.broker().map(|said| said.code) == fault
}
