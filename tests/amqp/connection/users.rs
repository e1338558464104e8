//! Users other than `guest`.

use rpc_tests::support::rabbitmq::{Node, UrlForm};

use crate::bank::shared_with_vhost;

/// The password of users that tests add.
pub(crate) const PASSWORD: &str = "right";

/// Matches all names, in permissions to configure, write and read.
pub(crate) const EVERYTHING: [&str; 3] = [".*"; 3];

/// Starts the shared node, creates this test's own virtual host, and adds a user who may not use it yet.
pub(crate) async fn shared_with_stranger(vhost: &str, user: &str) -> &'static Node {
    let node = shared_with_vhost(vhost).await;
    node.add_user(user, PASSWORD).await.unwrap();
    node
}

/// Starts the shared node, creates this test's own virtual host, and adds a user who has permissions there.
pub(crate) async fn shared_with_user(
    vhost: &str,
    user: &str,
    permissions: [&str; 3],
) -> &'static Node {
    let node = shared_with_stranger(vhost, user).await;
    node.allow(user, vhost, permissions).await.unwrap();
    node
}

/// Returns the URL of a user with a password.
pub(crate) fn url_of(
    node: &Node,
    form: UrlForm,
    vhost: &str,
    user: &str,
    password: &str,
) -> String {
    node.url(form, vhost).replace("guest:guest", &format!("{user}:{password}"))
}
