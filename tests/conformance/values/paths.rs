//! The paths that a value can take.

use std::sync::Arc;

use rpc_core::serializer::{Serializer, SerializerError};
use rpc_core::{Codec, ContextEntries, Endpoint, Map, RpcClient, Value};

use crate::conformance::harness::TestEnv;

/// A serializer that changes nothing.
struct Identity;

impl Serializer for Identity {}

/// A serializer that puts each value into a map.
struct Wrapping;

impl Serializer for Wrapping {
    fn serialize_entity(&self, _: &ContextEntries, value: Value) -> Result<Value, SerializerError> {
        Ok(Map::from_iter([("wrapped", value)]).into())
    }

    fn deserialize_entity(
        &self,
        _: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        value.get("wrapped").cloned().ok_or_else(|| SerializerError::new("it is not wrapped"))
    }
}

/// A client of the endpoint, with the name of the path and its codec.
pub(super) struct Path<C> {
    pub(super) name: &'static str,
    pub(super) codec: Codec,
    pub(super) client: C,
}

/// Serves the endpoint on every path.
pub(super) async fn paths<E, C>(env: &TestEnv, endpoint: E) -> Vec<Path<C>>
where
    E: Endpoint + Send + Sync,
    C: From<RpcClient>,
{
    let endpoint = Arc::new(endpoint);
    env.start(env.server("plain").endpoint::<E>(Arc::clone(&endpoint))).await;
    env.start(env.server("identity").endpoint::<E>(Arc::clone(&endpoint)).serializer(Identity))
        .await;
    env.start(env.server("wrapping").endpoint::<E>(Arc::clone(&endpoint)).serializer(Wrapping))
        .await;
    let client = |server| env.client_of::<RpcClient>(env.target().server(server));
    let over = |name, client: RpcClient| Path { name, codec: env.codec(), client: client.into() };
    let in_process = RpcClient::in_process::<E>(endpoint);
    vec![
        Path { name: "in process", codec: Codec::MessagePack, client: in_process.into() },
        over("plain", client("plain")),
        over("identity", client("identity").prepare().serializer(Identity).build()),
        over("wrapping", client("wrapping").prepare().serializer(Wrapping).build()),
    ]
}
