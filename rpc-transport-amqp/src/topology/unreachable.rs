//! Queues that exist and cannot be reached: the node of the cluster that holds them is down.
//!
//! A classic queue lives on one node. While that node is down, RabbitMQ 3 refuses to declare the queue. RabbitMQ 4 tries for a minute
//! before it refuses, so a queue counts as unreachable, too, if its declaration stays unanswered while another one is answered.

use std::fmt;
use std::time::Duration;

use rpc_amqp::{BrokerError, Error};
use tokio::time::timeout;

use super::Queue;
use crate::connection::Session;

/// How long a declaration may take until another one is tried beside it, and how long that one may take.
pub(crate) const DECLARE_GRACE: Duration = Duration::from_millis(250);

/// What the broker's error says before the name of the node.
const BEFORE_NODE: &str = "home node '";

/// Returns whether the broker has refused to declare a queue as the node that holds it is down.
pub(crate) fn is_unreachable(error: &Error) -> bool {
    // A queue that does not exist would have been declared, so it is not missing.
    let declares = |error: &BrokerError| (error.class, error.method) == (50, 10);
    error.broker().is_some_and(|error| error.code == 404 && declares(error))
}

/// Returns whether the broker has refused a consumer as another one has the queue exclusively, or any if this one is to be exclusive.
pub(crate) fn is_taken(error: &Error) -> bool {
    let consumes = |error: &BrokerError| (error.class, error.method) == (60, 20);
    error.broker().is_some_and(|error| {
        error.code == 403 && consumes(error) && error.text.contains("exclusive use")
    })
}

/// Why a queue cannot be reached.
#[derive(Debug)]
pub(crate) enum Unreachable {
    /// The broker says so.
    Refused(Error),
    /// The broker did not answer, while it answered for another queue.
    Unanswered,
}

impl Unreachable {
    /// Returns the name of the node that holds the queue, if the broker tells it.
    pub(crate) fn node(&self) -> Option<&str> {
        let Self::Refused(error) = self else { return None };
        let (_, node) = error.broker()?.text.split_once(BEFORE_NODE)?;
        node.split_once('\'').map(|(node, _)| node)
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Unanswered => f.write_str("the broker declares other queues, and not this one"),
        }
    }
}

/// What an attempt to declare a queue has shown.
#[derive(Debug)]
pub(crate) enum Reachability {
    Reachable,
    Refused(Error),
    /// There is no answer yet.
    Unanswered,
    /// There is another error.
    Unknown,
}

impl Reachability {
    /// Returns why the queue cannot be reached. To be asked if the broker has answered for another queue.
    pub(crate) fn unreachable(self) -> Option<Unreachable> {
        match self {
            Self::Refused(error) => Some(Unreachable::Refused(error)),
            Self::Unanswered => Some(Unreachable::Unanswered),
            Self::Reachable | Self::Unknown => None,
        }
    }
}

impl Queue {
    /// Declares the queue, without its binding, on a channel of its own, to see whether it can be reached.
    pub(crate) async fn check_reachable(&self, session: &Session) -> Reachability {
        let attempt = async {
            let channel = session.connection.open_channel().await?;
            self.declare_unbound(&channel).await?;
            channel.close(200, "the queue can be reached").await;
            Ok::<_, Error>(())
        };
        match timeout(DECLARE_GRACE, attempt).await {
            Ok(Ok(())) => Reachability::Reachable,
            Ok(Err(error)) if is_unreachable(&error) => Reachability::Refused(error),
            Ok(Err(_)) => Reachability::Unknown,
            Err(_) => Reachability::Unanswered,
        }
    }
}
