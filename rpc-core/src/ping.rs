//! An endpoint that answers whether its server is up.

use std::future::ready;
use std::sync::Arc;

use crate::client::RpcClient;
use crate::context::Context;
use crate::endpoint::{
    BoxFuture, EncodedArgs, Endpoint, EndpointDescriptor, InvokeFn, MethodDescriptor, TypeName,
};
use crate::message::{Outcome, encode_result};
use crate::version::Version;

/// Answers `pong`: what oslo.messaging's option `rpc_ping_enabled` adds to a server.
///
/// A server has it only when it is added. Operators' tools call `oslo_rpc_server_ping` in the null namespace and version
/// 1.0. The arguments are ignored.
///
/// ```
/// use rpc_core::{Ping, Server, Target, Transport};
/// # use rpc_core::server::BuildError;
///
/// # fn example(transport: std::sync::Arc<dyn Transport>) -> Result<(), BuildError> {
/// let server = Server::builder(transport, Target::topic("bank").server("bank-1")).endpoint(Ping).build()?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq)]
pub struct Ping;

impl Endpoint for Ping {
    type Client = RpcClient;

    const DESCRIPTOR: &'static EndpointDescriptor = &EndpointDescriptor {
        name: "Ping",
        namespaces: &[None],
        version: Version::V1_0,
        docs: "Answers whether the server is up.",
        methods: &[MethodDescriptor {
            name: "oslo_rpc_server_ping",
            aliases: &[],
            since: None,
            docs: "Answers `pong`.",
            deprecated: None,
            args: &[],
            rest: Some("anything"),
            returns: TypeName::of::<&str>(),
            expected: &[],
            blocking: false,
        }],
    };

    const INVOKE: &'static [InvokeFn<Self>] = &[pong];
}

fn pong<'a>(_: &'a Arc<Ping>, _: &'a Context, args: EncodedArgs<'a>) -> BoxFuture<'a, Outcome> {
    Box::pin(ready(encode_result(args.codec(), &"pong")))
}
