//! The connection's task: reads frames, hands on what they carry, writes what waits, and keeps the heartbeat.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use tokio_util::io::poll_read_buf;

use super::dispatch::{Dispatcher, Signal};
use super::heartbeat::{Beat, Heartbeat};
use super::shared::{Phase, Shared};
use crate::Error;
use crate::wire::frame::{self, FrameError};

/// How many bytes are read at a time, at first and at most. A connection that is busy reads more at once.
const MIN_READ: usize = 4 * 1024;
const MAX_READ: usize = 64 * 1024;
/// How long the broker may take to confirm that this program closes the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection's task.
pub(super) struct Driver<S> {
    stream: S,
    input: BytesMut,
    read_size: usize,
    /// What is being written, and how much of it has been.
    chunk: Vec<u8>,
    written: usize,
    flushed: bool,
    /// Whether other tasks have had their turn since something waits to be written.
    yielded: bool,
    dispatcher: Dispatcher,
    heartbeat: Heartbeat,
    /// What has ended the connection, while the last bytes are written.
    ending: Option<Error>,
    close_timeout: Option<Pin<Box<Sleep>>>,
    shared: Arc<Shared>,
}

/// Ends the connection when its task is dropped, also when its runtime is shut down.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.shared.end(&Error::Closed);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Takes over after the handshake. `input` holds what has been read beyond it.
    pub(super) fn new(stream: S, input: BytesMut, shared: Arc<Shared>, max_body: usize) -> Self {
        Self {
            stream,
            input,
            read_size: MIN_READ,
            chunk: Vec::new(),
            written: 0,
            flushed: true,
            yielded: false,
            dispatcher: Dispatcher::new(Arc::clone(&shared), max_body),
            heartbeat: Heartbeat::new(shared.tuning.heartbeat),
            ending: None,
            close_timeout: None,
            shared,
        }
    }

    /// Runs until the connection ends.
    pub(super) async fn run(mut self) {
        // The handshake may have read more than its last frame, and nothing else need ever come.
        if let Err(error) = self.dispatch() {
            self.ending = Some(error);
        }
        let error = std::future::poll_fn(|cx| self.poll(cx)).await;
        self.shared.end(&error);
        // TLS says goodbye. A broken stream cannot, and one that takes no bytes is not waited for.
        let mut stream = pin!(&mut self.stream);
        let goodbye = std::future::poll_fn(|cx| stream.as_mut().poll_shutdown(cx));
        let _ = tokio::time::timeout(Duration::from_millis(100), goodbye).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let phase = self.shared.phase();
            if matches!(phase, Phase::Aborted | Phase::Closed) {
                return Poll::Ready(self.ending.take().unwrap_or(Error::Closed));
            }
            let mut reads = false;
            if self.ending.is_none() {
                match self.poll_read(cx) {
                    Poll::Ready(Ok(())) => reads = true,
                    Poll::Ready(Err(error)) => self.ending = Some(error),
                    Poll::Pending => {}
                }
            }
            // After the read: bytes that wait are not silence, however late this task comes to them.
            if let Poll::Ready(error) = self.poll_end(cx, phase) {
                return Poll::Ready(error);
            }
            if self.yields_before_write() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let can_write = match self.poll_write(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(self.ending.take().unwrap_or(Error::io(error)));
                }
                Poll::Pending => false,
            };
            if can_write && let Some(error) = self.ending.take() {
                return Poll::Ready(error);
            }
            // While the connection ends, only the last bytes are missing, and the time for them is limited.
            let idle = if self.ending.is_some() { self.close_timeout.is_some() } else { !reads };
            if idle && self.shared.park(cx.waker(), can_write, phase) {
                return Poll::Pending;
            }
        }
    }

    /// Returns whether other tasks get their turn first, once before each write. They may have something to send as well: a
    /// runtime with several threads runs a task that was just woken before all that are ready, and each message would be
    /// written alone.
    fn yields_before_write(&mut self) -> bool {
        let is_new = self.written == self.chunk.len() && self.shared.has_outgoing();
        self.yielded = is_new && !self.yielded;
        self.yielded
    }

    /// Looks whether time has run out, and sends heartbeats.
    fn poll_end(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<Error> {
        if phase != Phase::Open || self.ending.is_some() {
            let timeout = self.close_timeout.get_or_insert_with(|| Box::pin(sleep(CLOSE_TIMEOUT)));
            if timeout.as_mut().poll(cx).is_ready() {
                return Poll::Ready(self.ending.take().unwrap_or(Error::Closed));
            }
        }
        if self.ending.is_some() {
            // Nothing is read any more, which is not the broker's silence.
            return Poll::Pending;
        }
        while let Poll::Ready(beat) = self.heartbeat.poll(cx) {
            match beat {
                Beat::Nothing => {}
                Beat::Send => {
                    self.shared.change_as_driver(|state| {
                        // Bytes that wait are as good.
                        if state.outgoing.is_empty() {
                            state.outgoing.append(frame::put_heartbeat);
                        }
                    });
                }
                Beat::Missed(interval) => return Poll::Ready(Error::HeartbeatMissed(interval)),
            }
            if !self.heartbeat.was_read() {
                self.shrink();
            }
        }
        Poll::Pending
    }

    /// Gives the memory of an idle connection back.
    fn shrink(&mut self) {
        if self.input.is_empty() && self.input.capacity() > MIN_READ {
            self.input = BytesMut::new();
            self.read_size = MIN_READ;
        }
    }

    /// Reads once and dispatches all frames that are complete.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.input.reserve(self.read_size);
        let read = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.input));
        let bytes = read.map_err(Error::io)?;
        if bytes == 0 {
            let text = "the broker closed the stream";
            return Poll::Ready(Err(Error::io(io::Error::new(io::ErrorKind::UnexpectedEof, text))));
        }
        self.heartbeat.note_read();
        if bytes >= self.read_size {
            self.read_size = (self.read_size * 2).min(MAX_READ);
        }
        Poll::Ready(self.dispatch())
    }

    fn dispatch(&mut self) -> Result<(), Error> {
        loop {
            let frame = match frame::read(&self.input, self.shared.tuning.max_received) {
                Ok(frame) => frame,
                Err(FrameError::Incomplete(needed)) => {
                    // A frame of many reads is not moved again and again.
                    let missing = needed.saturating_sub(self.input.len());
                    self.read_size = self.read_size.max(missing.min(MAX_READ));
                    return Ok(());
                }
                Err(FrameError::TooLarge(bytes)) => {
                    return Err(Error::protocol(format_args!("a frame takes {bytes} bytes")));
                }
                Err(FrameError::NotAFrame) => {
                    return Err(Error::protocol("what comes is not a frame"));
                }
            };
            let (length, signal) = (frame.len(), self.dispatcher.on_frame(&frame)?);
            self.input.advance(length);
            match signal {
                Signal::None => {}
                Signal::End(error) => {
                    self.ending = Some(error);
                    return Ok(());
                }
            }
        }
    }

    /// Writes all that waits.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while self.written < self.chunk.len() {
                let rest = self.chunk.get(self.written..).unwrap_or_default();
                match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    bytes => self.written += bytes,
                }
                self.flushed = false;
                self.heartbeat.note_written();
            }
            self.written = 0;
            let chunk = &mut self.chunk;
            self.shared.change_as_driver(|state| state.outgoing.next(chunk));
            if chunk.is_empty() {
                break;
            }
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}
