//! URLs of nodes.

/// The scheme of the URL of a node.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum UrlForm {
    /// `amqp://`
    Amqp,
    /// `amqps://`, to `localhost`; of nodes that have TLS.
    Amqps,
    /// `rabbit://`
    Rabbit,
}

/// Returns the URL with more options, such as `prefetch=5&heartbeat=4`.
#[must_use]
pub fn with_options(url: &str, options: &str) -> String {
    let separator = match (options, url.contains('?')) {
        ("", _) => "",
        (_, false) => "?",
        (_, true) => "&",
    };
    format!("{url}{separator}{options}")
}

pub(super) fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Returns the URL with the same login at several ports of this machine in place of `port`.
pub(super) fn with_hosts(url: &str, port: u16, ports: &[u16]) -> String {
    let login = |port: &u16| format!("guest:guest@127.0.0.1:{port}");
    let hosts: Vec<String> = ports.iter().map(login).collect();
    url.replace(&login(&port), &hosts.join(","))
}
