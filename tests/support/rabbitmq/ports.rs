//! Ports that nobody uses.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below those that the kernel gives to outgoing connections. A client that dials a broker which is away could be given
/// the broker's own port, and would then be connected to itself.
const RANGE: Range<u16> = 10_000..30_000;

/// A port that was free on loopback a moment ago.
///
/// Chosen at random, so that several test processes seldom choose the same.
pub(super) fn free() -> io::Result<u16> {
    let dice = RandomState::new();
    let span = u64::from(RANGE.end - RANGE.start);
    let mut refused = None;
    for throw in 0..100 {
        let offset = u16::try_from(dice.hash_one(throw) % span).map_err(io::Error::other)?;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, RANGE.start + offset)) {
            Ok(_) => return Ok(RANGE.start + offset),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::Error::other("no port was tried")))
}
