//! Middleware is tower: layers from functions, one of one's own, and a ready one.
//!
//! `cargo run --example middleware`

use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse, from_fn};
use rpc_core::{BoxFuture, CallError, Context, Failure, FailureKind, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service};

struct Vault;

#[endpoint(namespace = "vault")]
impl Vault {
    pub fn open(&self, ctx: &Context) -> String {
        format!("open, {}", ctx.get_str("tenant").unwrap_or("nobody"))
    }

    pub async fn stuck(&self, _ctx: &Context) {
        std::future::pending::<()>().await;
    }
}

/// Says which tenant a client works for, in the context of every call.
async fn as_acme(mut call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    let context = call.context().clone().with("tenant", "acme");
    call.set_context(context);
    next.run(call).await
}

/// Lets nobody in who is not somebody's tenant.
async fn tenants_only(call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    if call.context().get_str("tenant").is_some() {
        return next.run(call).await;
    }
    let denied = Failure::new(FailureKind::Denied, "Forbidden", "the vault is for tenants");
    Ok(RpcResponse::from(Err(denied)))
}

/// A layer can as well be a type of its own, as everywhere in tower: this one prints what goes in and what comes out.
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
        .layer(from_fn(tenants_only))
        .layer(Printed("server"))
        .build()?
        .start()
        .await?;

    let anybody = VaultClient::new(transport, Target::topic("vault"));
    match anybody.open(&Context::new()).await {
        Err(CallError::Rejected(refused)) => println!("answer: {}", refused.message()),
        other => println!("answer: {other:?}"),
    }

    let vault = anybody.prepare().layer(Printed("client")).layer(from_fn(as_acme)).build();
    println!("answer: {}", vault.open(&Context::new()).await?);
    match vault.stuck(&Context::new()).await {
        Err(CallError::Remote(error)) => println!("answer: remote error, class {}", error.class()),
        other => println!("answer: {other:?}"),
    }
    Ok(())
}
