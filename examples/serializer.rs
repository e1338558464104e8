//! A serializer that encrypts arguments and results, without changes to the methods.
//!
//! `cargo run -p rpc-examples --example serializer`

use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse, from_fn};
use rpc_core::serializer::{Serializer, SerializerError};
use rpc_core::{CallError, Codec, Context, ContextEntries, Server, Target, Value, endpoint};
use rpc_transport_mem::MemTransport;

/// A toy cipher: it shifts letters by the length of the key. A real serializer would encrypt and authenticate.
struct ToyCipher {
    key: &'static str,
}

impl ToyCipher {
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

impl Serializer for ToyCipher {
    /// Encrypts an argument (on the client) or a result (on the server).
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

    /// Decrypts an argument (on the server) or a result (on the client).
    fn deserialize_entity(
        &self,
        _ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        let Some(text) = value.as_str() else { return Ok(value) };
        let encrypted = text.strip_prefix(self.key).and_then(|rest| rest.strip_prefix(':'));
        let encrypted =
            encrypted.ok_or_else(|| SerializerError::new("encrypted with another key"))?;
        Ok(self.shift(encrypted, false).into())
    }
}

struct Diary;

#[endpoint(namespace = "diary")]
impl Diary {
    /// Receives the text as the caller wrote it.
    pub fn write(&self, _ctx: &Context, text: String) -> String {
        println!("method: {text}");
        format!("dear diary, {text}")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // JSON, so that the printed bytes are readable.
    let transport = MemTransport::builder().codec(Codec::Json).build();
    let _server = Server::builder(transport.clone(), Target::topic("diary").server("diary-1"))
        .endpoint(Diary)
        .serializer(ToyCipher { key: "toy" })
        .layer(from_fn(print_args))
        .build()?
        .start()
        .await?;

    let plain = DiaryClient::new(transport, Target::topic("diary"));
    let encrypted = plain.prepare().serializer(ToyCipher { key: "toy" }).build();
    println!("caller: {}", encrypted.write(&Context::new(), "hello".into()).await?);

    // The server rejects a call that was not encrypted, before the method runs.
    match plain.write(&Context::new(), "hello".into()).await {
        Err(CallError::Rejected(rejected)) => println!("caller: rejected, {}", rejected.message()),
        other => println!("caller: {other:?}"),
    }
    Ok(())
}

/// Prints the arguments as they were sent.
async fn print_args(request: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    println!("wire: {}", String::from_utf8_lossy(request.args().bytes()));
    next.run(request).await
}
