//! What several tasks send leaves in few writes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use rpc_amqp::{Connection, Properties};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::{JoinSet, yield_now};

use crate::broker::{options, stream, within};
use crate::receivers::mandatory;

/// A stream that counts how often it is written to.
struct Counted(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A runtime with several threads runs a task next that was just woken, before those that are ready. So the connection's task
/// would write each message alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_tasks_send_at_the_same_time_leaves_in_one_write() {
    let (tasks, rounds) = (32, 50);
    let writes = Arc::new(AtomicUsize::new(0));
    let (client, mut broker) = stream(1024 * 1024);
    let client = Counted(client, Arc::clone(&writes));
    let (connection, _) = within(async {
        let options = options();
        tokio::join!(Connection::open(client, &options), broker.shake_hands((0, 4096, 0)))
    })
    .await;
    let connection = connection.unwrap();
    let channel = Arc::new(broker.open_channel(&connection, 1).await);
    writes.store(0, Ordering::Relaxed);
    let mut senders = JoinSet::new();
    for _ in 0..tasks {
        let channel = Arc::clone(&channel);
        senders.spawn(async move {
            for _ in 0..rounds {
                channel.publish(&mandatory(&Properties::default(), &[b"body"])).unwrap();
                yield_now().await;
            }
        });
    }
    for _ in 0..tasks * rounds {
        broker.published().await;
    }
    senders.join_all().await;
    let writes = writes.load(Ordering::Relaxed);
    assert!(writes <= 4 * rounds, "{} messages left in {writes} writes", tasks * rounds);
}
