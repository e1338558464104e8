//! Rewriting what travels, without the methods knowing: sealed arguments and results.
//!
//! `cargo run --example serializer`

use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse, from_fn};
use rpc_core::serializer::{Serializer, SerializerError};
use rpc_core::{CallError, Codec, Context, ContextEntries, Server, Target, Value, endpoint};
use rpc_transport_mem::MemTransport;

/// A toy that keeps nothing secret: it shifts letters by the length of the key's name. A real one would encrypt and
/// authenticate.
struct ToySeal {
    key: &'static str,
}

impl ToySeal {
    fn shift(&self, text: &str, forward: bool) -> String {
        let by = (self.key.len() % 26) as u8;
        let by = if forward { by } else { 26 - by };
        let letter = |letter: char| match letter {
            'a'..='z' => char::from(b'a' + (letter as u8 - b'a' + by) % 26),
            other => other,
        };
        text.chars().map(letter).collect()
    }
}

impl Serializer for ToySeal {
    /// Called for each argument by the client, and for the result by the server.
    fn serialize_entity(
        &self,
        _ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        Ok(match value.as_str() {
            Some(text) => format!("{}:{}", self.key, self.shift(text, true)).into(),
            None => value,
        })
    }

    /// Called for each argument by the server, and for the result by the client.
    fn deserialize_entity(
        &self,
        _ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        let Some(text) = value.as_str() else { return Ok(value) };
        let sealed = text.strip_prefix(self.key).and_then(|rest| rest.strip_prefix(':'));
        let sealed = sealed.ok_or_else(|| SerializerError::new("sealed with another key"))?;
        Ok(self.shift(sealed, false).into())
    }
}

struct Diary;

#[endpoint(namespace = "diary")]
impl Diary {
    /// Sees the text as its caller wrote it.
    pub fn write(&self, _ctx: &Context, text: String) -> String {
        println!("method: {text}");
        format!("dear diary, {text}")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // JSON, so that the bytes below can be read.
    let transport = MemTransport::builder().codec(Codec::Json).build();
    let _server = Server::builder(transport.clone(), Target::topic("diary").server("diary-1"))
        .endpoint(Diary)
        .serializer(ToySeal { key: "toy" })
        .layer(from_fn(wiretap))
        .build()?
        .start()
        .await?;

    let plain = DiaryClient::new(transport, Target::topic("diary"));
    let sealed = plain.prepare().serializer(ToySeal { key: "toy" }).build();
    println!("caller: {}", sealed.write(&Context::new(), "hello".into()).await?);

    // Without the key the server cannot make sense of it, and says so before the method runs.
    match plain.write(&Context::new(), "hello".into()).await {
        Err(CallError::Rejected(refused)) => println!("caller: refused, {}", refused.message()),
        other => println!("caller: {other:?}"),
    }
    Ok(())
}

/// Prints the arguments as they came over the wire.
async fn wiretap(call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    println!("wire: {}", String::from_utf8_lossy(call.args().bytes()));
    next.run(call).await
}
