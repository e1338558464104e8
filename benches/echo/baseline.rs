//! Baselines: the least that an echo needs.
//!
//! There are no names, versions, deadlines, ids, limits, cancellation or failures. The channels are unbounded, because
//! bounded ones cost more. Buffers are allocated once, with the size that they need, and arguments are borrowed while they
//! are encoded.

use rpc_benches::Echoed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::load::Client;

type Requests<T, R> = mpsc::UnboundedSender<(T, oneshot::Sender<R>)>;

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

/// The method.
async fn echo(text: String, number: u64) -> Echoed {
    Echoed { text, number }
}

async fn round_trip<T, R>(requests: &Requests<T, R>, request: T) -> R {
    let (reply_to, reply) = oneshot::channel();
    assert!(requests.send((request, reply_to)).is_ok(), "the server runs");
    reply.await.expect("the server replies")
}

/// Sends values through an mpsc channel and back through oneshot channels, without encoding.
pub(crate) async fn values() -> Values {
    let (sender, mut requests) = mpsc::unbounded_channel::<(Args, oneshot::Sender<Echoed>)>();
    tokio::spawn(async move {
        while let Some((args, reply_to)) = requests.recv().await {
            let _ = reply_to.send(echo(args.text, args.number).await);
        }
    });
    Values(sender)
}

#[derive(Clone)]
pub(crate) struct Values(Requests<Args, Echoed>);

impl Client for Values {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        round_trip(&self.0, Args { text, number }).await
    }
}

/// Encodes and decodes named arguments, and the result.
pub(crate) async fn bytes() -> Bytes {
    let (sender, mut requests) = mpsc::unbounded_channel::<(Vec<u8>, oneshot::Sender<Vec<u8>>)>();
    tokio::spawn(async move {
        while let Some((request, reply_to)) = requests.recv().await {
            let _ = reply_to.send(serve(request).await);
        }
    });
    Bytes(sender)
}

/// Does the same with a task per call. The targets are relative to this one.
pub(crate) async fn tasks() -> Bytes {
    let (sender, mut requests) = mpsc::unbounded_channel::<(Vec<u8>, oneshot::Sender<Vec<u8>>)>();
    tokio::spawn(async move {
        while let Some((request, reply_to)) = requests.recv().await {
            tokio::spawn(async move {
                let _ = reply_to.send(serve(request).await);
            });
        }
    });
    Bytes(sender)
}

async fn serve(request: Vec<u8>) -> Vec<u8> {
    let args: Args = decode(&request);
    let echoed = echo(args.text, args.number).await;
    encode(&echoed, echoed.text.len())
}

#[derive(Clone)]
pub(crate) struct Bytes(Requests<Vec<u8>, Vec<u8>>);

impl Client for Bytes {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        let request = encode(&ArgsRef { text: &text, number }, text.len());
        decode(&round_trip(&self.0, request).await)
    }
}

/// Encodes a value whose text has this size.
fn encode<T: Serialize>(value: &T, text: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text + 64);
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value.serialize(&mut serializer).expect("the payload can be encoded");
    bytes
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
    rmp_serde::from_slice(bytes).expect("the payload can be decoded")
}
