//! Publishes messages, all of them mandatory and with publisher confirms.
//!
//! Knows connections and messages; knows no caller and no server. There are two ways to publish: [`PublishPermit::publish`] does
//! not wait for the confirm and tells a handler of it, [`ConfirmedPublisher::publish`] waits.

mod confirmed;
mod logged;
mod publisher;
mod supervisor;

pub(crate) use self::confirmed::{ConfirmedPublisher, PublishOutcome};
pub(crate) use self::logged::{LoggedPublish, ReturnListener};
pub(crate) use self::supervisor::{PublishPermit, PublisherSupervisor};
