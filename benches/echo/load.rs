//! The load: callers that call one subject, and the time that their calls take.

use std::sync::Arc;
use std::time::Duration;

use rpc_benches::Echoed;
use tokio::runtime::Runtime;

use crate::options::Options;
use crate::setting::{Callers, Setting};

/// A client of an echo service.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    fn echo(&self, text: String, number: u64) -> impl Future<Output = Echoed> + Send;
}

/// A service and its client, ready to be measured: one row of a table.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    runtime: Runtime,
    load: Box<Load>,
}

/// Runs so many calls per caller, and returns how long they took.
type Load = dyn Fn(&Runtime, usize) -> Duration;

impl Subject {
    /// Connects a client. Each subject has its own runtime, so the tasks and timers of the others cost it nothing.
    pub(crate) fn connect<C: Client>(
        name: &'static str,
        setting: Setting,
        connect: impl AsyncFnOnce() -> C,
    ) -> Self {
        let runtime = setting.threads.runtime();
        let client = runtime.block_on(connect());
        let text: Arc<str> = setting.text().into();
        let load =
            move |runtime: &Runtime, each| runtime.block_on(run(&client, setting, &text, each));
        Self { name, runtime, load: Box::new(load) }
    }

    /// Measures once. Returns nanoseconds per call.
    pub(crate) fn measure(&self, setting: Setting, options: &Options) -> f64 {
        let each = setting.calls_per_caller(options);
        let took = (self.load)(&self.runtime, each);
        took.as_secs_f64() * 1e9 / (each * setting.callers.count()) as f64
    }
}

async fn run<C: Client>(client: &C, setting: Setting, text: &Arc<str>, each: usize) -> Duration {
    let started = setting.now();
    match setting.callers {
        Callers::Main => caller(client, text, each).await,
        Callers::Tasks(count) => {
            let spawn = |_| {
                let (client, text) = (client.clone(), Arc::clone(text));
                tokio::spawn(async move { caller(&client, &text, each).await })
            };
            for caller in (0..count).map(spawn).collect::<Vec<_>>() {
                caller.await.expect("no call fails");
            }
        }
    }
    setting.now() - started
}

async fn caller<C: Client>(client: &C, text: &str, calls: usize) {
    for number in 0..calls as u64 {
        // Every subject pays for a new `String`: it takes ownership of the arguments.
        let echoed = client.echo(text.to_owned(), number).await;
        assert!(echoed.number == number && echoed.text.len() == text.len(), "got {echoed:?}");
    }
}
