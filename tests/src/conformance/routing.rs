//! Whom a message reaches: any server of a topic, one of them, all of them.

use rpc_core::{Context, RpcClient, endpoint};

use crate::harness::{World, cases};

struct Named(&'static str);

#[endpoint]
impl Named {
    /// Which server answers.
    pub fn name(&self, _ctx: &Context) -> String {
        self.0.to_owned()
    }
}

async fn a_call_is_answered(world: World) {
    world.serve(Named("one")).await;
    let client: NamedClient = world.client();
    assert_eq!(client.name(&Context::new()).await.unwrap(), "one");
    let client: RpcClient = world.client();
    assert_eq!(client.call::<String>(&Context::new(), "name", &()).await.unwrap(), "one");
}

cases! {
    a_call_is_answered;
}
