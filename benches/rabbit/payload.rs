//! The messages of the subjects that use lapin alone: MessagePack, with named arguments.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::ShortString;
use rpc_benches::Echoed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct ArgsRef<'a> {
    text: &'a str,
    number: u64,
}

#[derive(Deserialize)]
struct Args {
    text: String,
    number: u64,
}

/// A message and the queue that it is published to.
pub(crate) struct Message {
    pub(crate) queue: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

/// Encodes a request.
pub(crate) fn request(
    (text, number): (&str, u64),
    queue: &ShortString,
    reply_to: &ShortString,
    id: ShortString,
) -> Message {
    let properties = transient().with_correlation_id(id).with_reply_to(reply_to.clone());
    Message { queue: queue.clone(), properties, body: encode(&ArgsRef { text, number }) }
}

/// Runs the method of a request, and encodes its reply.
pub(crate) async fn serve(request: Delivery) -> Message {
    let Args { text, number } = decode(&request.data);
    let body = encode(&Echoed { text, number });
    let properties = request.properties;
    let id = properties.correlation_id().clone().expect("the request has a correlation id");
    let queue = properties.reply_to().clone().expect("the request has a reply queue");
    Message { queue, properties: transient().with_correlation_id(id), body }
}

fn transient() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(1)
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value.serialize(&mut serializer).expect("the payload can be encoded");
    bytes
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
    rmp_serde::from_slice(bytes).expect("the payload can be decoded")
}
