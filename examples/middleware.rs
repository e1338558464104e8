//! Middleware is tower: a layer of one's own on both sides, and a ready one.
//!
//! `cargo run --example middleware`

use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use rpc_core::layer::{BoxError, RpcRequest, RpcResponse};
use rpc_core::{BoxFuture, CallError, Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service};

struct Vault;

#[endpoint(namespace = "vault")]
impl Vault {
    pub fn open(&self, ctx: &Context) -> String {
        format!(
            "open, {}",
            ctx.get("tenant").and_then(|tenant| tenant.as_str()).unwrap_or("nobody")
        )
    }

    pub async fn stuck(&self, _ctx: &Context) {
        std::future::pending::<()>().await;
    }
}

/// Says which tenant a client works for, in the context of every call.
#[derive(Clone)]
struct AsTenant(&'static str);

#[derive(Clone)]
struct Tenanted<S> {
    tenant: &'static str,
    inner: S,
}

impl<S> Layer<S> for AsTenant {
    type Service = Tenanted<S>;

    fn layer(&self, inner: S) -> Tenanted<S> {
        Tenanted { tenant: self.0, inner }
    }
}

impl<S: Service<RpcRequest>> Service<RpcRequest> for Tenanted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut call: RpcRequest) -> S::Future {
        let context = call.context().clone().with("tenant", self.tenant);
        call.set_context(context);
        self.inner.call(call)
    }
}

/// Prints what goes in and what comes out.
#[derive(Clone)]
struct Printed(&'static str);

#[derive(Clone)]
struct Printing<S> {
    side: &'static str,
    inner: S,
}

impl<S> Layer<S> for Printed {
    type Service = Printing<S>;

    fn layer(&self, inner: S) -> Printing<S> {
        Printing { side: self.0, inner }
    }
}

impl<S> Service<RpcRequest> for Printing<S>
where
    S: Service<RpcRequest, Response = RpcResponse, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = RpcResponse;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<RpcResponse, BoxError>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: RpcRequest) -> Self::Future {
        let (side, method) = (self.side, call.method().to_owned());
        println!("{side}: {method} goes in, {} bytes", call.args().len());
        let response = self.inner.call(call);
        Box::pin(async move {
            let response = response.await;
            match &response {
                Ok(RpcResponse { outcome: Ok(result), .. }) => {
                    println!("{side}: {method} comes out, {} bytes", result.len());
                }
                Ok(RpcResponse { outcome: Err(failure), .. }) => {
                    println!("{side}: {method} failed, {}", failure.class());
                }
                Err(error) => println!("{side}: {method} ended by a layer below, {error}"),
            }
            response
        })
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> anyhow::Result<()> {
    let transport = MemTransport::new();
    // Each layer goes around those before it, so the time limit is inside and the printing outside.
    let _server = Server::builder(transport.clone(), Target::topic("vault").server("vault-1"))
        .endpoint(Vault)
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .layer(Printed("server"))
        .build()?
        .start()
        .await?;

    let vault = VaultClient::new(transport, Target::topic("vault"))
        .prepare()
        .layer(Printed("client"))
        .layer(AsTenant("acme"))
        .build();
    println!("answer: {}", vault.open(&Context::new()).await?);
    match vault.stuck(&Context::new()).await {
        Err(CallError::Remote(error)) => println!("answer: remote error, class {}", error.class()),
        other => println!("answer: {other:?}"),
    }
    Ok(())
}
