//! Decodes messages that take long on tokio's blocking thread pool.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;
use tracing::dispatcher;

use crate::transport::{Delivery, EncodedDelivery};

/// The permits to decode slow messages: half as many as there are processors, so that such messages never take all of
/// them, however many of them arrive.
pub(in crate::server) struct SlowDecoding(Arc<Semaphore>);

impl SlowDecoding {
    pub(in crate::server) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }

    /// Decodes a message.
    ///
    /// # Cancel safety
    ///
    /// A message whose future is dropped goes back to the broker: now, or once it has been decoded.
    pub(super) async fn decode(
        &self,
        message: Box<dyn EncodedDelivery>,
    ) -> Option<Box<dyn Delivery>> {
        // Nobody closes the semaphore.
        let permit = Arc::clone(&self.0).acquire_owned().await.ok()?;
        // The log of a message that is rejected goes where that of the task goes.
        let log = dispatcher::get_default(Clone::clone);
        let decoding = AbortOnDropHandle::new(spawn_blocking(move || {
            let _permit = permit;
            dispatcher::with_default(&log, || message.decode())
        }));
        match decoding.await {
            Ok(delivery) => delivery,
            // Without a panic the runtime was shut down before, and the message went back.
            Err(error) => error.try_into_panic().map_or(None, |panic| resume_unwind(panic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::{oneshot, watch};

    use super::*;
    use crate::codec::Codec;
    use crate::endpoint::BoxFuture;
    use crate::error::SendError;
    use crate::maybe_ready::MaybeReady;
    use crate::message::{MessageId, Request};
    use crate::server::process::{Permit, process_encoded};
    use crate::transport::{
        AckError, Capabilities, ConnectionState, Listen, ListenError, Listener, QueueKind, Route,
        Sent, Transport,
    };
    use crate::{Ping, Server, Target};

    /// A message that cannot be decoded, as `decode` finds out.
    struct Slow<F>(F);

    impl<F: FnOnce() + Send> EncodedDelivery for Slow<F> {
        fn message_id(&self) -> Option<MessageId> {
            None
        }

        fn queue(&self) -> QueueKind {
            QueueKind::Topic
        }

        fn redelivered(&self) -> bool {
            false
        }

        fn ack(self: Box<Self>) -> MaybeReady<Result<(), AckError>> {
            MaybeReady::ready(Ok(()))
        }

        fn decodes_slowly(&self) -> bool {
            true
        }

        fn decode(self: Box<Self>) -> Option<Box<dyn Delivery>> {
            (self.0)();
            None
        }
    }

    /// A transport of a server that is built and never started.
    struct Unused;

    impl Transport for Unused {
        fn codec(&self) -> Codec {
            Codec::Json
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::default()
        }

        fn send(&self, _: &Route, _: Arc<Request>) -> Result<Sent, SendError> {
            unreachable!("nothing is sent")
        }

        fn listen(&self, _: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
            unreachable!("nobody listens")
        }

        fn state(&self) -> watch::Receiver<ConnectionState> {
            watch::channel(ConnectionState::Connected).1
        }

        fn close(&self) -> BoxFuture<'_, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn a_message_that_takes_long_to_decode_stops_no_other_task_of_the_thread() {
        let target = Target::topic("t").server("s");
        let transport: Arc<dyn Transport> = Arc::new(Unused);
        let server = Server::builder(transport, target).endpoint(Ping).build().unwrap();
        let permit = Arc::clone(&server.shared.permits).acquire_owned().await.unwrap();
        let permit = Permit::new(&server.shared, permit);
        let (started, has_started) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        let message = Slow(move || {
            started.send(()).unwrap();
            ended.recv_timeout(Duration::from_secs(60)).expect("the thread runs other tasks");
        });
        let in_flight = server.shared.in_flight.token();
        let processing = tokio::spawn(process_encoded(Box::new(message), permit, in_flight, None));
        has_started.await.unwrap();
        // By the only thread of the runtime, while the message is decoded.
        end.send(()).unwrap();
        drop(processing.await.unwrap());
        assert_eq!(server.shared.permits.available_permits(), 64);
    }

    #[tokio::test]
    async fn slow_messages_never_take_all_processors() {
        let decoding = SlowDecoding::new();
        let (limit, running) = (decoding.0.available_permits(), Arc::new(AtomicUsize::new(0)));
        let decodings = (0..8 * limit).map(|_| {
            let running = Arc::clone(&running);
            decoding.decode(Box::new(Slow(move || {
                let others = running.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
                running.fetch_sub(1, Ordering::SeqCst);
                assert!(others < limit, "{others} others");
            })))
        });
        assert!(join_all(decodings).await.iter().all(Option::is_none));
        assert_eq!(decoding.0.available_permits(), limit);
    }

    #[tokio::test]
    async fn a_message_that_panics_gives_its_permit_back() {
        let decoding = Arc::new(SlowDecoding::new());
        let limit = decoding.0.available_permits();
        let same = Arc::clone(&decoding);
        let message = Box::new(Slow(|| panic!("a defect of the transport")));
        let decoded = tokio::spawn(async move { same.decode(message).await.is_some() });
        assert!(decoded.await.unwrap_err().is_panic());
        assert_eq!(decoding.0.available_permits(), limit);
    }
}
