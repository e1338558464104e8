//! The Python processes that all cases share.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{Client, Peer, Raw, Server, VERSIONS};
use crate::support::rabbitmq::{UrlForm, shared};

/// The virtual host that they are in.
pub(super) const VHOST: &str = "interop";

/// Started when the first case needs them.
#[derive(Debug)]
pub(super) struct Peers {
    version: &'static str,
    client: OnceCell<Client>,
    server: OnceCell<Server>,
    raw: OnceCell<Raw>,
}

impl Peers {
    /// Creates peers with this release of oslo.messaging. None is started yet.
    pub(super) fn new(version: &'static str) -> Self {
        let (client, server, raw) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { version, client, server, raw }
    }

    pub(super) fn version(&self) -> &'static str {
        self.version
    }

    /// Returns the URL of the virtual host of all cases. Options are those of a case.
    pub(super) async fn url() -> &'static str {
        static URL: OnceCell<String> = OnceCell::const_new();
        let start = || async {
            let node = shared().await.unwrap();
            node.create_vhost(VHOST).await.unwrap();
            node.url_without_options(UrlForm::Rabbit, VHOST)
        };
        URL.get_or_init(start).await
    }

    pub(super) async fn client(&self) -> &Client {
        let start = || async {
            let client = Client(Arc::new(Peer::start("client.py", self.version)));
            client.connect("main", Self::url().await, &["peer_errors"]).await.unwrap();
            client
        };
        self.client.get_or_init(start).await
    }

    pub(super) async fn server(&self) -> &Server {
        let start = || async { Server(Arc::new(Peer::start("server.py", self.version))) };
        self.server.get_or_init(start).await
    }

    pub(super) async fn raw(&self) -> &Raw {
        let start = || async {
            let peer = Peer::start("raw.py", VERSIONS[0]);
            let url = Self::url().await.replacen("rabbit:", "amqp:", 1);
            peer.ask("connect", serde_json::json!({ "url": url })).await.unwrap();
            Raw(Arc::new(peer))
        };
        self.raw.get_or_init(start).await
    }
}
