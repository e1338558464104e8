//! The state of a transport, from those of its connections.

use std::mem;

use rpc_core::transport::ConnectionState;
use tokio::sync::watch;

use super::ConnectionSupervisor;
use super::supervisor::Status;

/// Keeps `state` up to date: it is the worse of the two connections'. Never returns.
pub(crate) async fn watch_state(
    publishing: &ConnectionSupervisor,
    consuming: &ConnectionSupervisor,
    state: &watch::Sender<ConnectionState>,
) {
    let (mut publishing, mut consuming) = (publishing.status(), consuming.status());
    loop {
        let mut blocked = None;
        let current = {
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
        state.send_if_modified(|known| mem::replace(known, current) != current);
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
