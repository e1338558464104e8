//! What looks after a transport while it is open: after calls that wait for long, and after its own state.

use rpc_core::error::Ran;
use rpc_core::transport::ConnectionState;

use crate::client::destination::{BELIEVED, Target};
use crate::config::Form;
use crate::connection::supervisor::Status;
use crate::hub::Hub;
use crate::topology::queue_status::Seen;

impl Hub {
    /// Looks after calls that wait for long: whether there is still anybody who could take them.
    ///
    /// A server that is about to stop finishes its calls, and no longer listens while it does. In the native form it has
    /// said that it has taken them; in the oslo form, where none says so, a call is given up only while messages wait.
    pub(crate) async fn watch_targets(&self) {
        loop {
            tokio::time::sleep(BELIEVED).await;
            self.taken.retain(|key| self.pending_calls.is_waiting(key));
            for target in self.targets.with_calls() {
                let long = target.long_waiting(&self.pending_calls);
                if !long.iter().all(|key| self.taken.is_taken(*key))
                    && self.is_deserted(&target).await
                {
                    for key in long.into_iter().filter(|key| !self.taken.is_taken(*key)) {
                        let error = target.address.no_consumer(&target.routing_key, Ran::Unknown);
                        self.pending_calls.fail(key, error);
                    }
                }
            }
        }
    }

    /// Whether nobody has listened on the target for two looks in a row, while a message may wait there.
    async fn is_deserted(&self, target: &Target) -> bool {
        match self.inspector.look(&target.routing_key).await {
            Ok(Some(Seen::Present { consumers: 0, messages })) => {
                let waits = messages > 0 || self.config.form == Form::Native;
                target.note_desertion() && waits
            }
            Ok(Some(Seen::Absent)) => target.note_desertion(),
            Ok(Some(Seen::Present { .. })) => {
                target.note_consumers(true);
                false
            }
            // It cannot be seen now.
            Ok(None) | Err(_) => false,
        }
    }

    /// Keeps the transport's state: the worse of its two connections'.
    pub(crate) async fn watch_state(&self) {
        let (mut publishing, mut consuming) =
            (self.outlet.link().status(), self.consuming.status());
        loop {
            let mut blocked = None;
            let state = {
                let (one, other) = (publishing.borrow_and_update(), consuming.borrow_and_update());
                match (&*one, &*other) {
                    (Status::Closed, _) | (_, Status::Closed) => ConnectionState::Closed,
                    (Status::Up(session), Status::Up(_)) => {
                        blocked = Some(session.blocked());
                        match session.is_blocked() {
                            true => ConnectionState::Blocked,
                            false => ConnectionState::Connected,
                        }
                    }
                    _ => ConnectionState::Connecting,
                }
            };
            self.state.send_if_modified(|known| std::mem::replace(known, state) != state);
            let unblocked = async {
                match &mut blocked {
                    Some(blocked) => drop(blocked.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = publishing.changed() => {}
                _ = consuming.changed() => {}
                () = unblocked => {}
            }
        }
    }
}
