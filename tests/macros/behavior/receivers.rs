//! `&self`, `Arc<Self>`, and methods that block.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use rpc_core::{Context, endpoint};

struct Worker {
    home: ThreadId,
}

#[endpoint]
impl Worker {
    #[expect(clippy::needless_arbitrary_self_type)]
    pub async fn plain(self: &Self, _: &Context) -> bool {
        thread::current().id() == self.home
    }

    pub async fn kept(self: Arc<Self>, _: &Context) -> usize {
        let another = Arc::clone(&self);
        tokio::spawn(async move { Arc::strong_count(&another) }).await.unwrap()
    }

    pub async fn shared(self: &Arc<Self>, _: &Context) -> bool {
        Arc::strong_count(self) > 0
    }

    #[rpc(blocking)]
    pub fn blocking(&self, ctx: &Context, text: String) -> Result<(bool, String), anyhow::Error> {
        let user = ctx.get("user").and_then(|user| user.as_str()).unwrap_or_default();
        Ok((thread::current().id() == self.home, format!("{text} {user}")))
    }

    #[rpc(blocking)]
    pub fn blocking_kept(self: Arc<Self>, _: &Context) -> bool {
        thread::current().id() == self.home
    }

    pub async fn with_lifetimes<'a>(&'a self, ctx: &'a Context, text: String) -> usize {
        tokio::task::yield_now().await;
        text.len() + ctx.entries().len()
    }
}

fn worker() -> WorkerClient {
    WorkerClient::in_process(Worker { home: thread::current().id() })
}

#[tokio::test]
async fn every_shared_receiver_works() {
    let client = worker();
    assert!(client.plain(&Context::new()).await.unwrap());
    assert!(client.kept(&Context::new()).await.unwrap() >= 2);
    assert!(client.shared(&Context::new()).await.unwrap());
    assert_eq!(client.with_lifetimes(&Context::new().with("a", 1), "abc".into()).await.unwrap(), 4);
}

#[tokio::test]
async fn a_blocking_method_runs_off_the_asynchronous_threads_with_its_context() {
    let client = worker();
    let ctx = Context::new().with("user", "ada");
    let answer = client.blocking(&ctx, "hello".into()).await.unwrap();
    assert_eq!(answer, (false, "hello ada".to_owned()));
    assert!(!client.blocking_kept(&ctx).await.unwrap());
}
