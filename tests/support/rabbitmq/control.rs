//! A link to the node's own evaluator of Erlang expressions.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::NodeError;

/// What the node runs at its start.
pub(super) const SOURCE: &str = include_str!("control.erl");

/// How long an answer may take. Nothing that is asked for takes a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a node calls in once it has started, and is then asked.
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

    /// Takes the call of a node that has just started; false as long as there is none.
    pub(super) fn connected(&self) -> io::Result<bool> {
        match self.listener.accept() {
            Ok((link, _)) => {
                link.set_nonblocking(false)?;
                link.set_nodelay(true)?;
                link.set_read_timeout(Some(PATIENCE))?;
                *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The value of `expression`, which needs no full stop.
    pub(super) fn eval(&self, expression: &str) -> Result<String, NodeError> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = link.as_mut() else {
            return Err(NodeError(format!("no node is running that could evaluate {expression}")));
        };
        match exchange(stream, &format!("{expression}.")) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(why)) => Err(NodeError(format!("the node cannot evaluate {expression}: {why}"))),
            Err(error) => {
                // An answer that comes later would be taken for that of the next question.
                *link = None;
                Err(NodeError(format!("the node did not evaluate {expression}: {error}")))
            }
        }
    }

    /// Forgets a node that is no more.
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
