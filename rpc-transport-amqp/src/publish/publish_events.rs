//! What becomes of messages that nobody waits for.

use lapin::message::BasicReturnMessage;

use crate::connection::broker_error::explained;
use crate::hub::Hub;
use crate::publish::publisher::{Fate, Sender};
use crate::wire::{self, CallId};

impl Fate for Hub {
    fn returned(&self, message: BasicReturnMessage) {
        let Some(hub) = self.myself() else { return };
        let delivery = message.delivery;
        let (exchange, key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        let caller = match wire::kind_of(&delivery.properties) {
            "" | wire::kind::CALL => delivery.properties.correlation_id().as_ref(),
            _ => None,
        };
        match caller.and_then(|id| CallId::read(id.as_str())) {
            Some(caller) => {
                // It is kept for as long as a call waits there.
                if let Some(target) = self.targets.find(exchange, key) {
                    target.note_absent();
                    self.pending_calls.fail(caller, target.address.no_queue());
                }
            }
            None => self.strays.returned(&hub, delivery),
        }
    }

    fn arrived(&self, sender: Sender) {
        if let Sender::Caller(_, target) = sender {
            target.note_arrival();
        }
    }

    fn refused(&self, sender: Sender) {
        match sender {
            Sender::Caller(key, target) => {
                self.pending_calls.fail(key, target.address.refused());
            }
            Sender::Server => tracing::warn!("the broker turned an answer away"),
        }
    }

    fn lost(&self, sender: Sender, error: Option<&lapin::Error>) {
        let refusal = error.filter(|error| error.is_amqp_soft_error()).map(explained);
        match (sender, refusal) {
            (Sender::Caller(key, target), None) => {
                self.pending_calls.fail(key, target.address.lost());
            }
            (Sender::Caller(key, target), Some(why)) => {
                self.pending_calls.fail(key, target.address.perhaps_refused(&why));
            }
            (Sender::Server, Some(error)) => tracing::warn!(%error, "the broker refused an answer"),
            (Sender::Server, None) => {}
        }
    }
}
