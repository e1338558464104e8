//! What the handles of a connection and its task share.
//!
//! One lock guards the outgoing bytes and the state of all channels, so that the number of a message and its place among the
//! bytes are decided in one step. No code of others runs under it.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::outgoing::Outgoing;
use crate::Error;
use crate::channel::request::Request;
use crate::channel::state::{ChannelState, Effect};
use crate::wire::client_method::{self, ClientMethod};

/// What the handshake has agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tuning {
    pub(crate) channel_max: u16,
    /// The largest payload of a frame that is sent.
    pub(crate) max_payload: usize,
    /// The largest payload of a frame that is accepted.
    pub(crate) max_received: usize,
    /// In seconds; zero: none.
    pub(crate) heartbeat: u16,
    /// The largest frame, as the broker was told.
    pub(crate) frame_max: u32,
}

/// What the handles of a connection and its task share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) tuning: Tuning,
    state: Mutex<State>,
    /// Whether the connection takes messages: it is open and not blocked, and not too many bytes wait.
    ready: AtomicBool,
    ready_again: Notify,
    /// Why the broker has blocked the connection.
    pub(super) blocked: watch::Sender<Option<Arc<str>>>,
    /// Why the connection is closed; set before its phase changes.
    error: OnceLock<Error>,
    pub(super) closed: watch::Sender<bool>,
}

/// How far the life of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// This program has sent its close and waits for the broker's confirm.
    Closing,
    /// This program has given the connection up. Its task has not seen that yet.
    Aborted,
    Closed,
}

/// The place of an id.
#[derive(Debug, Default)]
struct Slot {
    channel: Option<ChannelState>,
    /// Whether the broker has closed a channel of this id. It sends on what its queues hand to the channel until it has read the
    /// confirm of its close, and under load that may be several channels of this id later.
    expects_late: bool,
}

/// What the lock guards.
#[derive(Debug)]
pub(super) struct State {
    pub(super) outgoing: Outgoing,
    /// Wakes the connection's task. Taken by whoever first has something for it.
    driver: Option<Waker>,
    /// By their id, less one.
    channels: Vec<Slot>,
    pub(super) phase: Phase,
    /// Requests of the connection itself.
    pub(super) requests: Vec<Request>,
    blocked: bool,
}

impl State {
    /// Appends a method.
    pub(super) fn send(&mut self, channel: u16, method: &ClientMethod<'_>) {
        self.outgoing.append(|out| client_method::put(out, channel, method));
    }

    pub(super) fn channel(&mut self, id: u16) -> Option<&mut ChannelState> {
        self.slot(id)?.channel.as_mut()
    }

    fn slot(&mut self, id: u16) -> Option<&mut Slot> {
        self.channels.get_mut(usize::from(id).checked_sub(1)?)
    }

    /// Removes a channel, so that its id can be used again. `late`: the broker may send further deliveries for it.
    pub(super) fn free_channel(&mut self, id: u16, late: bool) {
        if let Some(slot) = self.slot(id) {
            slot.channel = None;
            slot.expects_late |= late;
        }
    }

    /// Returns whether late deliveries can come on an id that no channel has.
    pub(super) fn expects_late(&mut self, id: u16) -> bool {
        self.slot(id).is_some_and(|slot| slot.channel.is_none() && slot.expects_late)
    }

    /// Adds a channel with the lowest free id; `None`: there is none up to `max`.
    pub(super) fn add_channel(&mut self, max: u16) -> Option<(u16, &mut ChannelState)> {
        let is_free = |slot: &Slot| slot.channel.as_ref().is_none_or(ChannelState::is_over);
        let at = match self.channels.iter().position(is_free) {
            Some(at) => at,
            None if self.channels.len() < usize::from(max) => {
                self.channels.push(Slot::default());
                self.channels.len() - 1
            }
            None => return None,
        };
        // At most `max`.
        let id = u16::try_from(at + 1).ok()?;
        let slot = self.channels.get_mut(at)?;
        slot.expects_late |= slot.channel.is_some();
        slot.channel = Some(ChannelState::new());
        Some((id, self.channel(id)?))
    }

    fn is_ready(&self) -> bool {
        self.phase == Phase::Open && !self.blocked && !self.outgoing.is_full()
    }
}

impl Shared {
    pub(super) fn new(tuning: Tuning) -> Arc<Self> {
        let state = State {
            outgoing: Outgoing::default(),
            driver: None,
            channels: Vec::new(),
            phase: Phase::Open,
            requests: Vec::new(),
            blocked: false,
        };
        Arc::new(Self {
            tuning,
            state: Mutex::new(state),
            ready: AtomicBool::new(true),
            ready_again: Notify::new(),
            blocked: watch::Sender::new(None),
            error: OnceLock::new(),
            closed: watch::Sender::new(false),
        })
    }

    /// Changes the state, then has the connection's task look at it.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, driver) = {
            let mut state = self.state.lock();
            let result = change(&mut state);
            self.ready.store(state.is_ready(), Ordering::Release);
            (result, state.driver.take())
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        result
    }

    /// Changes the state, from the connection's task itself.
    pub(super) fn change_as_driver<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, again) = {
            let mut state = self.state.lock();
            let result = change(&mut state);
            let ready = state.is_ready();
            (result, !self.ready.swap(ready, Ordering::AcqRel) && ready)
        };
        if again {
            self.notify_ready();
        }
        result
    }

    /// Returns whether bytes wait to be written.
    pub(super) fn has_outgoing(&self) -> bool {
        !self.state.lock().outgoing.is_empty()
    }

    /// Registers the connection's task to be woken. Returns false if there is something to do at once: bytes to be written, which
    /// the stream would take, or a close.
    pub(super) fn park(&self, waker: &Waker, can_write: bool, phase: Phase) -> bool {
        let mut state = self.state.lock();
        if (can_write && !state.outgoing.is_empty()) || state.phase != phase {
            return false;
        }
        match &mut state.driver {
            Some(known) if known.will_wake(waker) => {}
            driver => *driver = Some(waker.clone()),
        }
        true
    }

    /// Notes whether the broker has blocked the connection.
    pub(super) fn set_blocked(&self, reason: Option<Arc<str>>) {
        self.change_as_driver(|state| state.blocked = reason.is_some());
        self.blocked.send_replace(reason);
    }

    /// Returns how far the life of the connection has come.
    pub(super) fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Wakes those who wait to publish.
    pub(super) fn notify_ready(&self) {
        self.ready_again.notify_waiters();
    }

    /// Returns what is notified when messages may be published again, or when they never will.
    pub(super) fn ready_again(&self) -> &Notify {
        &self.ready_again
    }

    /// Does what a change of the state has led to.
    pub(super) fn run(&self, effects: &mut Vec<Effect>) {
        for effect in effects.drain(..) {
            effect.run(|| self.notify_ready());
        }
    }

    /// Returns why the connection is closed.
    pub(super) fn error(&self) -> Error {
        self.error.get().cloned().unwrap_or(Error::Closed)
    }

    /// Has the connection's task end the connection.
    pub(super) fn abort(&self) {
        self.change(|state| {
            if state.phase != Phase::Closed {
                state.phase = Phase::Aborted;
            }
        });
    }

    /// Ends the connection: everybody who waits for anything is told. Does nothing the second time.
    ///
    /// Only the connection's task does this, so that no consumer receives a message after it was told of the end.
    pub(super) fn end(&self, error: &Error) {
        let mut effects = Vec::new();
        let first = self.change(|state| {
            if state.phase == Phase::Closed {
                return false;
            }
            let _ = self.error.set(error.clone());
            state.phase = Phase::Closed;
            state.outgoing = Outgoing::default();
            for request in state.requests.drain(..) {
                effects.push(Effect::Answer(request, Err(error.clone())));
            }
            for slot in mem::take(&mut state.channels) {
                if let Some(mut channel) = slot.channel
                    && channel.is_open()
                {
                    channel.end(error, true, &mut effects);
                }
            }
            true
        });
        if first {
            self.closed.send_replace(true);
            self.run(&mut effects);
            self.notify_ready();
        }
    }
}
