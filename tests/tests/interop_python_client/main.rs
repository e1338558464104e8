//! Python programs that call our servers.

#![allow(clippy::unwrap_used, unreachable_pub)]

use std::process::ExitCode;

use rpc_core::{Context, endpoint, Value};
use rpc_tests::interop::{self, World, cases};
use serde_json::json;

struct Echo;
#[endpoint]
impl Echo { pub fn echo(&self, _ctx: &Context, value: Value) -> Value { value } }

async fn a_call_is_answered(world: World) {
    world.serve(Echo).await;
    let answer = world.python().await.call("echo", json!({"value": {"a": [1, 2.5, "é"]}})).await.unwrap();
    assert_eq!(answer, json!({"a": [1, 2.5, "é"]}));
}

cases! { a_call_is_answered everywhere; }

fn main() -> ExitCode { interop::run(CASES) }
