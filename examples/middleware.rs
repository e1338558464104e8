//! Middleware: tower layers from a function, as a type, and ready-made.
//!
//! `cargo run -p rpc-examples --example middleware`

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
    /// Opens the vault.
    pub fn open(&self, ctx: &Context) -> String {
        format!("open, {}", ctx.get_str("tenant").unwrap_or("unknown"))
    }

    /// Never returns.
    pub async fn stuck(&self, _ctx: &Context) {
        std::future::pending::<()>().await;
    }
}

/// Adds the tenant to the context of every call of a client.
async fn add_tenant(mut request: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    let context = request.context().clone().with("tenant", "acme");
    request.set_context(context);
    next.run(request).await
}

/// Rejects calls without a tenant.
async fn require_tenant(request: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    if request.context().get_str("tenant").is_some() {
        return next.run(request).await;
    }
    let denied = Failure::new(FailureKind::Denied, "Forbidden", "the context has no `tenant`");
    Ok(RpcResponse::from(Err(denied)))
}

/// A layer as a type: it prints each request and its response.
#[derive(Clone)]
struct PrintLayer(&'static str);

#[derive(Clone)]
struct Print<S> {
    side: &'static str,
    inner: S,
}

impl<S> Layer<S> for PrintLayer {
    type Service = Print<S>;

    fn layer(&self, inner: S) -> Print<S> {
        Print { side: self.0, inner }
    }
}

impl<S> Service<RpcRequest> for Print<S>
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

    fn call(&mut self, request: RpcRequest) -> Self::Future {
        let (side, method) = (self.side, request.method().to_owned());
        println!("{side}: {method} request, {} bytes", request.args().len());
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await;
            match &response {
                Ok(RpcResponse { outcome: Ok(result), .. }) => {
                    println!("{side}: {method} response, {} bytes", result.len());
                }
                Ok(RpcResponse { outcome: Err(failure), .. }) => {
                    println!("{side}: {method} failed, {}", failure.class());
                }
                Err(error) => println!("{side}: {method} failed in an inner layer, {error}"),
            }
            response
        })
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = MemTransport::new();
    // Each layer wraps those before it: the timeout is innermost, printing outermost.
    let _server = Server::builder(transport.clone(), Target::topic("vault").server("vault-1"))
        .endpoint(Vault)
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .layer(from_fn(require_tenant))
        .layer(PrintLayer("server"))
        .build()?
        .start()
        .await?;

    let vault = VaultClient::new(transport, Target::topic("vault"));
    match vault.open(&Context::new()).await {
        Err(CallError::Rejected(rejected)) => println!("result: rejected, {}", rejected.message()),
        other => println!("result: {other:?}"),
    }

    let vault = vault.prepare().layer(PrintLayer("client")).layer(from_fn(add_tenant)).build();
    println!("result: {}", vault.open(&Context::new()).await?);
    match vault.stuck(&Context::new()).await {
        Err(CallError::Remote(error)) => println!("result: remote error, class {}", error.class()),
        other => println!("result: {other:?}"),
    }
    Ok(())
}
