//! A connection over which a node evaluates Erlang expressions.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::NodeError;

/// The program that the node runs at its start.
pub(super) const SOURCE: &str = include_str!("control.erl");

/// How long an evaluation may take. None takes a second.
const EVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A listener that a node connects to when it has started, and the connection that expressions are sent over.
#[derive(Debug)]
pub(super) struct Control {
    listener: TcpListener,
    link: Mutex<Option<TcpStream>>,
}

impl Control {
    pub(super) fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, link: Mutex::new(None) })
    }

    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Accepts the connection of a node that has just started. Returns false while there is none.
    pub(super) fn connected(&self) -> io::Result<bool> {
        match self.listener.accept() {
            Ok((link, _)) => {
                link.set_nonblocking(false)?;
                link.set_nodelay(true)?;
                link.set_read_timeout(Some(EVAL_TIMEOUT))?;
                *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Evaluates `expression`, which needs no full stop, and returns its value.
    pub(super) fn eval(&self, expression: &str) -> Result<String, NodeError> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = link.as_mut() else {
            return Err(NodeError(format!("no node is running that could evaluate {expression}")));
        };
        match exchange(stream, &format!("{expression}.")) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(why)) => Err(NodeError(format!("the node cannot evaluate {expression}: {why}"))),
            Err(error) => {
                // A late answer would be taken for the answer to the next expression.
                *link = None;
                Err(NodeError(format!("the node did not evaluate {expression}: {error}")))
            }
        }
    }

    /// Drops the connection of a node that has ended.
    pub(super) fn disconnect(&self) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn exchange(stream: &mut TcpStream, question: &str) -> io::Result<Result<String, String>> {
    let length = u32::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question.as_bytes()].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer)?;
    let (&failed, text) = answer.split_first().ok_or(ErrorKind::InvalidData)?;
    let text = String::from_utf8_lossy(text).into_owned();
    Ok(if failed == 0 { Ok(text) } else { Err(text) })
}
