//! RabbitMQ under test: one node for all cases, a virtual host for each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::{BoxFuture, Context, RpcClient, Target, Transport};
use rpc_transport_amqp::AmqpTransport;

use crate::conformance::harness::{Backend, Broker, Clock, LeftBehind};
use crate::support::rabbitmq::{Node, UrlForm, shared};

/// One of the two forms.
#[derive(Debug, Copy, Clone)]
pub struct Amqp {
    /// The form.
    pub form: UrlForm,
}

impl Backend for Amqp {
    fn name(&self) -> String {
        match self.form {
            UrlForm::Rabbit => "rabbit://".to_owned(),
            _ => "amqp://".to_owned(),
        }
    }

    fn clock(&self) -> Clock {
        Clock::Real
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(120)
    }

    fn broker(&self) -> BoxFuture<'_, Arc<dyn Broker>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Box::pin(async move {
            let node = shared().await.unwrap_or_else(|error| panic!("no RabbitMQ: {error}"));
            let vhost = format!("case-{}", NEXT.fetch_add(1, Ordering::Relaxed));
            node.create_vhost(&vhost).await.unwrap_or_else(|error| panic!("{error}"));
            let transports = Mutex::default();
            Arc::new(AmqpBroker { node, vhost, form: self.form, transports }) as Arc<dyn Broker>
        })
    }
}

struct AmqpBroker {
    node: &'static Node,
    vhost: String,
    form: UrlForm,
    transports: Mutex<Vec<AmqpTransport>>,
}

impl AmqpBroker {
    fn transports(&self) -> std::sync::MutexGuard<'_, Vec<AmqpTransport>> {
        self.transports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker for AmqpBroker {
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Transport>> {
        let url = self.node.url(self.form, &self.vhost);
        let transport = AmqpTransport::from_url(&url).expect("the node's URL is one");
        self.transports().push(transport.clone());
        Box::pin(async move {
            // Connected when a case begins, so that none of its deadlines has to allow for that.
            let client = RpcClient::new(transport.clone(), Target::topic("nobody is there"));
            let nobody = client.call::<()>(&Context::new(), "call", &()).await;
            assert!(nobody.is_err(), "somebody is there");
            transport.into()
        })
    }

    fn carries_any_bytes(&self) -> bool {
        self.form != UrlForm::Rabbit
    }

    fn deletes_unused_queues(&self) -> bool {
        false
    }

    fn separates_exchanges(&self) -> bool {
        self.form != UrlForm::Rabbit
    }

    fn left_behind(&self) -> BoxFuture<'_, LeftBehind> {
        Box::pin(async move {
            let pending_calls = self.transports().iter().map(AmqpTransport::pending_calls).sum();
            let queues = self.node.queues(&self.vhost).await;
            let queues = queues.unwrap_or_else(|error| panic!("{error}"));
            let unacknowledged = queues.iter().map(|queue| queue.unacknowledged).sum();
            let queued = queues.iter().map(|queue| queue.messages).sum::<usize>() - unacknowledged;
            LeftBehind { pending_calls, queued, unacknowledged }
        })
    }
}
