//! What travels back: answers, signs of life, and who has taken a call; and, after those, cancellations.

use std::time::Duration;

use lapin::BasicProperties;
use rpc_core::pending_calls::CallKey;
use rpc_core::{DecodeLimits, Outcome, Payload, Request};

use super::oslo;
use super::request::{IN_MEMORY, oslo_properties};
use super::{CallId, Outgoing, WayBack, compression, kind, kind_of, native, text};
use crate::config::Form;

/// The final answer to a request, as far as that could be read.
pub(crate) fn answer(back: &WayBack, request: Option<&Request>, outcome: Outcome) -> Outgoing {
    let (kind, content_type, body) = match back.form {
        Form::Oslo => ("", native::JSON, {
            let about = request
                .map(|request| oslo::About { method: &request.method, version: request.version });
            oslo::encode_reply(&back.call, &outcome, about)
        }),
        Form::Native => match outcome {
            Ok(payload) => {
                let content_type = native::content_type(payload.codec());
                (kind::RESULT, content_type, payload.into_bytes())
            }
            Err(failure) => (kind::FAILURE, native::MESSAGE_PACK, native::encode_failure(&failure)),
        },
    };
    let properties = addressed(back, kind).with_content_type(content_type.into());
    to_queue(&back.queue, properties, body)
}

/// A sign of life.
pub(crate) fn heartbeat(back: &WayBack) -> Outgoing {
    let body = match back.form {
        Form::Native => Vec::new(),
        Form::Oslo => oslo::encode_heartbeat(&back.call),
    };
    to_queue(&back.queue, addressed(back, kind::ALIVE), body)
}

/// Says to the caller that its method has begun, and where its server listens for cancellations. Native form only.
pub(crate) fn taken(back: &WayBack, inbox: &str) -> Outgoing {
    notice(back, kind::TAKEN, inbox)
}

/// Says to the server that has taken a call that its caller, whose inbox this is, has given up.
pub(crate) fn cancel(server: &str, key: CallKey, inbox: &str) -> Outgoing {
    let call = CallId::of(key).to_string().into();
    notice(&WayBack { form: Form::Native, queue: server.into(), call }, kind::CANCEL, inbox)
}

/// What is all said by its kind, the call that it is about, and whose inbox it comes from.
fn notice(to: &WayBack, kind: &str, inbox: &str) -> Outgoing {
    to_queue(&to.queue, addressed(to, kind).with_reply_to(inbox.into()), Vec::new())
}

fn addressed(back: &WayBack, kind: &str) -> BasicProperties {
    let properties = BasicProperties::default().with_delivery_mode(IN_MEMORY);
    match back.form {
        Form::Native => properties.with_type(kind.into()).with_correlation_id((&*back.call).into()),
        Form::Oslo => oslo_properties(properties),
    }
}

/// Straight to a queue, by the default exchange, to which every queue is bound by its name.
fn to_queue(queue: &str, properties: BasicProperties, body: Vec<u8>) -> Outgoing {
    Outgoing { exchange: "".into(), routing_key: queue.into(), properties, body }
}

/// What came to an inbox.
pub(crate) enum Mail {
    /// To a caller. `None`: to no call that ever was ours.
    Answer(Option<CallKey>, Result<Answer, String>),
    /// To a server: the caller with this way back has given up.
    Cancel(WayBack),
}

/// What a caller is told.
pub(crate) enum Answer {
    Final(Outcome),
    /// The first of two parts, as servers before oslo.messaging 4.0 send it.
    Part(Outcome),
    /// The end, without a result: of an answer in two parts, or of a method that returns nothing.
    Done,
    Alive,
    /// The method has begun; its server hears of cancellations here.
    Taken(Box<str>),
}

/// Reads what came to an inbox.
pub(crate) fn read_mail(
    properties: &BasicProperties,
    body: Vec<u8>,
    limits: &DecodeLimits,
) -> Mail {
    let call = text(properties.correlation_id());
    let answer = match kind_of(properties) {
        kind::RESULT => Ok(Answer::Final(Ok(Payload::new(
            native::codec(text(properties.content_type())),
            body,
        )))),
        kind::FAILURE => {
            native::read_failure(&body, limits).map(|failure| Answer::Final(Err(failure)))
        }
        kind::ALIVE => Ok(Answer::Alive),
        kind::TAKEN => Ok(Answer::Taken(text(properties.reply_to()).into())),
        kind::CANCEL => {
            let queue = text(properties.reply_to()).into();
            return Mail::Cancel(WayBack { form: Form::Native, queue, call: call.into() });
        }
        _ => return read_oslo(properties, &body, limits),
    };
    Mail::Answer(CallId::read(call), answer)
}

fn read_oslo(properties: &BasicProperties, body: &[u8], limits: &DecodeLimits) -> Mail {
    match oslo::read_reply(body, compression(properties), limits.max_bytes) {
        Ok(reply) => {
            let answer = match reply.content {
                oslo::Content::Heartbeat => Answer::Alive,
                oslo::Content::Part(outcome) => Answer::Part(outcome),
                oslo::Content::Final(outcome) => Answer::Final(outcome),
                oslo::Content::Done => Answer::Done,
            };
            Mail::Answer(CallId::read(&reply.msg_id), Ok(answer))
        }
        Err(reason) => Mail::Answer(None, Err(reason)),
    }
}

/// How long a message may still be of use; `None`: for ever, as far as it says.
pub(crate) fn time_left(properties: &BasicProperties) -> Option<Duration> {
    text(properties.expiration()).parse().ok().map(Duration::from_millis)
}
