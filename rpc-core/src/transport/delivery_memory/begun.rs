//! The messages that a server has received or begun, and that may come back.

use std::collections::{HashMap, VecDeque};

use super::MessageKey;
use super::window::DuplicateWindow;
use crate::transport::{AckMode, Incoming};

/// How many ended messages are remembered whose acknowledgement is in doubt. Each lost connection leaves a few. They come
/// back soon, as a broker returns messages to the front of their queue.
const MAX_IN_DOUBT: usize = 16 * 1024;

/// What a message is to its server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was not begun.
    New,
    /// A second copy.
    Duplicate,
    /// The first delivery of it is being processed.
    Keep,
    AlreadyBegun,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum Stage {
    /// Received, and on its way to its method.
    Taken,
    /// The method has begun.
    Begun,
    Finished,
    /// The method has not run, and never will for this delivery.
    Refused,
}

struct Entry {
    stage: Stage,
    /// Differs for each message of the same id.
    generation: u64,
    /// Whether the broker is known to have processed the acknowledgement.
    confirmed: bool,
    /// Whether nobody will learn any more whether it has.
    in_doubt: bool,
    /// A delivery that came while the first one was processed.
    second: Option<Incoming>,
}

pub(super) struct BegunMessages {
    window: DuplicateWindow,
    entries: HashMap<MessageKey, Entry>,
    next_generation: u64,
    /// Messages that have ended and are in doubt, oldest first.
    in_doubt: VecDeque<(MessageKey, u64)>,
    /// Whether a message cannot come back while it is being processed.
    trusts_acks: bool,
}

impl BegunMessages {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window: DuplicateWindow::new(window),
            entries: HashMap::new(),
            next_generation: 0,
            in_doubt: VecDeque::new(),
            trusts_acks: false,
        }
    }

    pub(super) fn trust_acks(&mut self) {
        self.trusts_acks = true;
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn judge(&self, key: MessageKey, redelivered: bool, mode: AckMode) -> Verdict {
        let stage = self.entries.get(&key).map(|entry| entry.stage);
        match (stage, redelivered) {
            (None, _) if !self.window.contains(key) => Verdict::New,
            (Some(Stage::Refused), false) => Verdict::New,
            (_, false) => Verdict::Duplicate,
            (Some(Stage::Taken), true) => Verdict::Keep,
            (Some(Stage::Begun), true) if mode == AckMode::AfterReply => Verdict::Keep,
            (_, true) => Verdict::AlreadyBegun,
        }
    }

    pub(super) fn take(&mut self, key: MessageKey) {
        self.window.insert(key);
        if !self.trusts_acks {
            self.insert(key, Stage::Taken);
        }
    }

    fn insert(&mut self, key: MessageKey, stage: Stage) -> &mut Entry {
        self.next_generation += 1;
        let entry = Entry {
            stage,
            generation: self.next_generation,
            confirmed: false,
            in_doubt: false,
            second: None,
        };
        self.entries.entry(key).insert_entry(entry).into_mut()
    }

    /// Keeps a second delivery. Returns the one that was kept before.
    pub(super) fn keep(&mut self, key: MessageKey, second: Incoming) -> Option<Incoming> {
        self.entries.get_mut(&key)?.second.replace(second)
    }

    /// Notes that the method begins. Returns a second delivery that can be acknowledged already.
    pub(super) fn begin(&mut self, key: MessageKey, mode: AckMode) -> Option<Incoming> {
        let entry = self.entries.get_mut(&key)?;
        entry.stage = Stage::Begun;
        if mode.is_before_invoke() { entry.second.take() } else { None }
    }

    pub(super) fn finish(&mut self, key: MessageKey) -> Option<Incoming> {
        self.end(key, Stage::Finished)
    }

    pub(super) fn refuse(&mut self, key: MessageKey) -> Option<Incoming> {
        self.window.forget(key);
        self.end(key, Stage::Refused)
    }

    fn end(&mut self, key: MessageKey, stage: Stage) -> Option<Incoming> {
        let entry = self.entries.get_mut(&key)?;
        entry.stage = stage;
        let second = entry.second.take();
        if entry.confirmed {
            self.entries.remove(&key);
        } else if entry.in_doubt {
            let generation = entry.generation;
            self.remember_doubt(key, generation);
        }
        second
    }

    pub(super) fn forget(&mut self, key: MessageKey) -> Option<Incoming> {
        self.window.forget(key);
        self.entries.remove(&key)?.second
    }

    /// Notes that a message was dropped while its method ran. Returns the second delivery.
    pub(super) fn abandon(&mut self, key: MessageKey) -> Option<Incoming> {
        let second = self.entries.get_mut(&key).and_then(|entry| entry.second.take());
        self.expect_again(key);
        second
    }

    /// Notes that a message has ended and may come back, as it was not acknowledged.
    pub(super) fn expect_again(&mut self, key: MessageKey) {
        let entry = match self.entries.get_mut(&key) {
            Some(entry) => entry,
            None => self.insert(key, Stage::Finished),
        };
        if entry.stage != Stage::Refused {
            entry.stage = Stage::Finished;
        }
        if !std::mem::replace(&mut entry.in_doubt, true) {
            let generation = entry.generation;
            self.remember_doubt(key, generation);
        }
    }

    pub(super) fn generation(&self, key: MessageKey) -> Option<u64> {
        self.entries.get(&key).map(|entry| entry.generation)
    }

    pub(super) fn confirm(&mut self, key: MessageKey, generation: u64) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.generation != generation {
            return;
        }
        entry.confirmed = true;
        if matches!(entry.stage, Stage::Finished | Stage::Refused) {
            self.entries.remove(&key);
        }
    }

    pub(super) fn doubt(&mut self, key: MessageKey, generation: u64) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.generation != generation || std::mem::replace(&mut entry.in_doubt, true) {
            return;
        }
        if matches!(entry.stage, Stage::Finished | Stage::Refused) {
            self.remember_doubt(key, generation);
        }
    }

    /// Adds an ended message that may come back, and forgets the oldest of too many.
    fn remember_doubt(&mut self, key: MessageKey, generation: u64) {
        self.in_doubt.push_back((key, generation));
        if self.in_doubt.len() > MAX_IN_DOUBT
            && let Some((oldest, generation)) = self.in_doubt.pop_front()
            && self.generation(oldest) == Some(generation)
        {
            self.entries.remove(&oldest);
        }
    }
}
