//! What comes to the inbox: answers for callers, cancellations for servers.

use lapin::message::Delivery;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::CallKey;
use rpc_core::{Codec, Payload};

use crate::hub::Hub;
use crate::publish::publisher::Sender;
use crate::wire::{self, Answer, CallId, Mail, names};

impl Hub {
    pub(crate) fn receive(&self, mail: Delivery) {
        match wire::read_mail(&mail.properties, mail.data, &self.limits) {
            Mail::Cancel(back) => self.announcer.cancel(&back),
            Mail::Answer(Some(key), Ok(answer)) => self.receive_answer(key, answer),
            Mail::Answer(Some(key), Err(reason)) => {
                let message = format!("the answer cannot be read: {reason}");
                let error =
                    SendError::new(TransportErrorKind::MalformedReply, Ran::Unknown, message);
                self.pending_calls.fail(key, error);
            }
            Mail::Answer(None, answer) => {
                let reason =
                    answer.err().unwrap_or_else(|| "it answers no call of ours".to_owned());
                tracing::debug!(%reason, "dropped an answer");
            }
        }
    }

    fn receive_answer(&self, key: CallKey, answer: Answer) {
        match answer {
            Answer::Final(outcome) => {
                self.taken.forget(key);
                if !self.pending_calls.complete(key, outcome) {
                    tracing::debug!(call = %CallId::of(key), "an answer found nobody: its caller has gone");
                }
            }
            Answer::Part(outcome) => {
                if self.pending_calls.is_waiting(key)
                    && !self.strays.keep_part(&self.pending_calls, key, outcome)
                {
                    let message =
                        "the answer comes in two parts, and there is no room for the first one";
                    let error =
                        SendError::new(TransportErrorKind::MalformedReply, Ran::Yes, message);
                    self.pending_calls.fail(key, error);
                }
            }
            Answer::Done => {
                let nothing = || Ok(Payload::new(Codec::Json, b"null".to_vec()));
                let outcome = self.strays.take_part(key).unwrap_or_else(nothing);
                self.pending_calls.complete(key, outcome);
            }
            Answer::Alive => {
                self.pending_calls.note_still_running(key);
            }
            Answer::Taken(server) if names::is_reserved(&server) => {
                tracing::warn!(queue = %server, "dropped a notice of a taken call: the broker reserves the name of its queue");
            }
            Answer::Taken(server) => {
                if self.pending_calls.is_waiting(key) {
                    self.taken.note(key, server);
                    // It may have been dropped in between, when nobody could say yet where to cancel it.
                    if self.pending_calls.is_waiting(key) {
                        return;
                    }
                    if let Some(server) = self.taken.forget(key) {
                        self.cancel(&server, key);
                    }
                } else {
                    self.cancel(&server, key);
                }
            }
        }
    }

    /// Best effort: a cancellation that cannot leave now would come too late.
    pub(crate) fn cancel(&self, server: &str, key: CallKey) {
        if let Some(ready) = self.outlet.now() {
            let cancel = wire::cancel(server, key, self.inbox.name());
            ready.publisher.publish(cancel, Sender::Server, ready.room);
        }
    }

    /// Tells callers of methods that take a while where to cancel them.
    pub(crate) async fn announce(&self) {
        loop {
            for call in self.announcer.next().await {
                if let Some(ready) = self.outlet.now()
                    && self.inbox.is_open()
                {
                    let taken = wire::taken(&call.back, self.inbox.name());
                    ready.publisher.publish(taken, Sender::Server, ready.room);
                }
            }
        }
    }
}
