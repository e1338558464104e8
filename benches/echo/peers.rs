//! Peers, each set up as its documentation shows, with its defaults.

use std::sync::Arc;

use futures_util::StreamExt as _;
use jsonrpsee_core::RpcResult;
use jsonrpsee_core::server::RpcModule;
use jsonrpsee_core::traits::ToRpcParams;
use rpc_benches::Echoed;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tarpc::client::Config;
use tarpc::context;
use tarpc::server::{BaseChannel, Channel as _};
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tarpc::{ClientMessage, Response, Transport};
use tokio_serde::formats::MessagePack;

use crate::load::Client;

#[tarpc::service]
trait Echo {
    async fn echo(text: String, number: u64) -> Echoed;
}

#[derive(Clone)]
struct Server;

impl Echo for Server {
    async fn echo(self, _: context::Context, text: String, number: u64) -> Echoed {
        Echoed { text, number }
    }
}

/// Connects tarpc through a channel: values move, nothing is encoded.
pub(crate) async fn tarpc_channel() -> Tarpc {
    let (client, server) = tarpc::transport::channel::unbounded();
    serve_tarpc(server);
    Tarpc(EchoClient::new(Config::default(), client).spawn())
}

/// Connects tarpc over a byte stream: frames of MessagePack, in tokio-serde's compact form (no names).
pub(crate) async fn tarpc_duplex() -> Tarpc {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let framed = LengthDelimitedCodec::builder().new_framed(server);
    serve_tarpc(tarpc::serde_transport::new(framed, MessagePack::default()));
    let framed = LengthDelimitedCodec::builder().new_framed(client);
    let client = tarpc::serde_transport::new(framed, MessagePack::default());
    Tarpc(EchoClient::new(Config::default(), client).spawn())
}

fn serve_tarpc<T>(transport: T)
where
    T: Transport<Response<EchoResponse>, ClientMessage<EchoRequest>> + Send + 'static,
    T::Error: Send + Sync,
{
    let requests = BaseChannel::with_defaults(transport).execute(Server.serve());
    tokio::spawn(requests.for_each(|request| async {
        tokio::spawn(request);
    }));
}

#[derive(Clone)]
pub(crate) struct Tarpc(EchoClient);

impl Client for Tarpc {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        self.0.echo(context::current(), text, number).await.expect("the server replies")
    }
}

/// Sets up jsonrpsee without a socket: its module is called directly, in JSON, with neither a queue nor a task.
pub(crate) async fn jsonrpsee() -> Jsonrpsee {
    let mut module = RpcModule::new(());
    module
        .register_async_method("echo", |params, _, _| async move {
            let args: NamedArgs = params.parse()?;
            RpcResult::Ok(Echoed { text: args.text, number: args.number })
        })
        .expect("the only method");
    Jsonrpsee(Arc::new(module))
}

#[derive(Serialize, Deserialize)]
struct NamedArgs {
    text: String,
    number: u64,
}

impl ToRpcParams for NamedArgs {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        to_raw_value(&self).map(Some)
    }
}

#[derive(Clone)]
pub(crate) struct Jsonrpsee(Arc<RpcModule<()>>);

impl Client for Jsonrpsee {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        self.0.call("echo", NamedArgs { text, number }).await.expect("the module replies")
    }
}
