//! Publisher confirms of one channel.
//!
//! The broker confirms each message by its number, and returns an unroutable one before it confirms it. A return carries no
//! number, so it is matched to its message by exchange, routing key, correlation id and body. Messages that are equal in all of
//! them come back in the order in which they were published.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use tokio::sync::oneshot;

use super::message::Returned;
use crate::Error;
use crate::wire::text::Text;

/// The class and method of a publish.
const BASIC_PUBLISH: (u16, u16) = (60, 40);

/// What became of a message.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// The broker has put it into its queues. A persistent message is on disk where its queue is durable.
    Confirmed,
    /// It was mandatory, and there is no queue for it.
    Returned(Box<Returned>),
    /// The broker did not take it: its queue is full, or an error occurred.
    Nacked,
    /// The broker closed the channel over this message, with this error, and did not take it.
    Refused(Error),
    /// There will be no confirm, and the broker may have taken it or not: the channel or the connection is closed, with this
    /// error.
    Lost(Error),
}

/// Receives the outcomes of messages.
///
/// It runs in the connection's task, or in the task that closes or drops the channel, and must not block.
pub trait ConfirmHandler: Send + Sync {
    /// Runs once for each message, which is known by the number that was given with it.
    fn on_outcome(&self, message: u128, outcome: Outcome);
}

/// Who is told of the outcome of a message.
pub(crate) enum Confirm {
    Handler(Arc<dyn ConfirmHandler>, u128),
    Waiter(oneshot::Sender<Outcome>),
}

impl Confirm {
    pub(crate) fn report(self, outcome: Outcome) {
        match self {
            Self::Handler(handler, message) => handler.on_outcome(message, outcome),
            // Whoever waited may have given up.
            Self::Waiter(waiter) => drop(waiter.send(outcome)),
        }
    }
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirm")
    }
}

/// The messages of a channel that have no confirm yet.
#[derive(Debug)]
pub(crate) struct Confirms {
    /// How many messages have been published.
    published: u64,
    /// Those without confirm, in the order of their numbers.
    waiting: VecDeque<Unconfirmed>,
    limit: usize,
}

#[derive(Debug)]
struct Unconfirmed {
    number: u64,
    fingerprint: u64,
    confirm: Confirm,
    returned: Option<Box<Returned>>,
}

/// An outcome to be reported.
pub(crate) type Settled = (Confirm, Outcome);

impl Confirms {
    /// Creates the list of a channel on which at most `limit` messages should be without confirm.
    pub(crate) fn new(limit: usize) -> Self {
        Self { published: 0, waiting: VecDeque::new(), limit }
    }

    /// Adds a message that is published now.
    pub(crate) fn push(&mut self, fingerprint: u64, confirm: Confirm) {
        self.published += 1;
        let number = self.published;
        self.waiting.push_back(Unconfirmed { number, fingerprint, confirm, returned: None });
    }

    /// Returns whether one more message may be published.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.limit
    }

    /// Notes a returned message. Gives it back if it is none of those that wait.
    pub(crate) fn note_return(&mut self, fingerprint: u64, returned: Returned) -> Option<Returned> {
        let matches =
            |it: &&mut Unconfirmed| it.fingerprint == fingerprint && it.returned.is_none();
        match self.waiting.iter_mut().find(matches) {
            Some(message) => {
                message.returned = Some(Box::new(returned));
                None
            }
            None => Some(returned),
        }
    }

    /// Settles the message with this number, or all up to it; zero stands for all. Numbers that wait for no confirm are ignored.
    pub(crate) fn settle(
        &mut self,
        number: u64,
        multiple: bool,
        acked: bool,
        report: &mut impl FnMut(Settled),
    ) {
        let mut settle = |message: Unconfirmed| {
            let outcome = match message.returned {
                _ if !acked => Outcome::Nacked,
                Some(returned) => Outcome::Returned(returned),
                None => Outcome::Confirmed,
            };
            report((message.confirm, outcome));
        };
        if !multiple {
            if let Ok(at) = self.waiting.binary_search_by_key(&number, |it| it.number)
                && let Some(message) = self.waiting.remove(at)
            {
                settle(message);
            }
            return;
        }
        if number > self.published {
            return;
        }
        let last = if number == 0 { self.published } else { number };
        while self.waiting.front().is_some_and(|message| message.number <= last) {
            if let Some(message) = self.waiting.pop_front() {
                settle(message);
            }
        }
    }

    /// Removes all messages, as there will be no more confirms.
    ///
    /// If the broker closed the channel over a message, and only one waits, it is that one. With several, those before it may be in
    /// their queues.
    pub(crate) fn lose(self, error: &Error) -> impl Iterator<Item = Settled> {
        let refused = self.waiting.len() == 1 && error.is_channel_error_of(BASIC_PUBLISH);
        let outcome = if refused { Outcome::Refused } else { Outcome::Lost };
        let error = error.clone();
        self.waiting.into_iter().map(move |message| (message.confirm, outcome(error.clone())))
    }
}

/// Returns by what a returned message is recognised. `body` are the body's pieces of the connection's frame size, so that a body
/// has the same pieces both ways.
pub(crate) fn fingerprint<'a>(
    exchange: &[u8],
    routing_key: &[u8],
    correlation_id: Option<Text<'_>>,
    body: impl Iterator<Item = &'a [u8]>,
) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    let mut write = |bytes: &[u8]| {
        hasher.write_usize(bytes.len());
        hasher.write(bytes);
    };
    write(exchange);
    write(routing_key);
    write(correlation_id.map_or(&[], Text::as_bytes));
    body.for_each(write);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::channel::message::Message;

    #[derive(Default)]
    struct Outcomes(Mutex<Vec<(u128, &'static str)>>);

    impl ConfirmHandler for Outcomes {
        fn on_outcome(&self, message: u128, outcome: Outcome) {
            let name = match outcome {
                Outcome::Confirmed => "confirmed",
                Outcome::Returned(_) => "returned",
                Outcome::Nacked => "nacked",
                Outcome::Refused(_) => "refused",
                Outcome::Lost(_) => "lost",
            };
            self.0.lock().push((message, name));
        }
    }

    struct Channel {
        confirms: Confirms,
        outcomes: Arc<Outcomes>,
    }

    impl Channel {
        fn with_messages(fingerprints: &[u64]) -> Self {
            let (mut confirms, outcomes) = (Confirms::new(2), Arc::<Outcomes>::default());
            for (number, fingerprint) in (1..).zip(fingerprints) {
                let handler: Arc<dyn ConfirmHandler> = outcomes.clone();
                confirms.push(*fingerprint, Confirm::Handler(handler, number));
            }
            Self { confirms, outcomes }
        }

        fn settle(
            &mut self,
            number: u64,
            multiple: bool,
            acked: bool,
        ) -> Vec<(u128, &'static str)> {
            self.confirms.settle(number, multiple, acked, &mut |(confirm, outcome)| {
                confirm.report(outcome);
            });
            std::mem::take(&mut *self.outcomes.0.lock())
        }

        fn note_return(&mut self, fingerprint: u64) -> bool {
            let message = Message::new(Vec::new(), 0, 0, 0);
            self.confirms.note_return(fingerprint, Returned { code: 312, message }).is_none()
        }
    }

    #[test]
    fn messages_are_settled_in_any_order_and_once() {
        let mut channel = Channel::with_messages(&[1, 2, 3]);
        assert_eq!(channel.settle(2, false, true), [(2, "confirmed")]);
        assert_eq!(channel.settle(2, false, true), []);
        assert_eq!(channel.settle(3, true, false), [(1, "nacked"), (3, "nacked")]);
        assert_eq!(channel.settle(3, true, true), []);
    }

    #[test]
    fn zero_settles_all_and_a_number_that_was_never_used_none() {
        let mut channel = Channel::with_messages(&[1, 2]);
        assert_eq!(channel.settle(9, true, true), []);
        assert_eq!(channel.settle(9, false, true), []);
        assert_eq!(channel.settle(0, true, true).len(), 2);
    }

    #[test]
    fn a_returned_message_is_the_oldest_that_is_equal() {
        let mut channel = Channel::with_messages(&[7, 8, 7]);
        assert!(channel.note_return(8) && channel.note_return(7) && channel.note_return(7));
        assert!(!channel.note_return(7), "there is no third one");
        let returned = [(1, "returned"), (2, "returned"), (3, "returned")];
        assert_eq!(channel.settle(3, true, true), returned);
    }

    #[test]
    fn what_has_no_confirm_is_lost() {
        let mut channel = Channel::with_messages(&[1, 2, 3]);
        assert!(!channel.confirms.has_room());
        channel.settle(1, true, true);
        channel.settle(3, false, true);
        assert!(channel.confirms.has_room());
        let lost: Vec<_> = channel.confirms.lose(&Error::Closed).collect();
        assert!(matches!(lost[..], [(_, Outcome::Lost(Error::Closed))]));
    }
}
