//! Free ports.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below those that the kernel gives to outgoing connections. A client that dials a broker which is away could be given
/// the broker's own port, and would then be connected to itself.
const RANGE: Range<u16> = 10_000..30_000;

/// Returns a port that was free on loopback a moment ago.
///
/// Returns a free port. It is chosen at random, so that several test processes seldom choose the same one.
pub(super) fn free() -> io::Result<u16> {
    let mut refused = None;
    for _ in 0..100 {
        let port = fastrand::u16(RANGE);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::Error::other("no port was tried")))
}
