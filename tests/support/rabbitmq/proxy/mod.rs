//! A proxy between clients and a broker. It can cut, freeze and refuse links.

mod methods;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::methods::Method;
use self::methods::Reader;

/// How many bytes are read at once.
const CHUNK: usize = 64 * 1024;

/// Forwards what clients and the broker send each other, and records what clients send. Dropping it cuts all links.
///
/// It runs on the runtime in which it was started.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// How a link ends.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Both sides get an end of stream (FIN), as after the end of a process.
    Finish,
    /// Both sides get a reset (RST), as after the restart of a machine.
    Reset,
}

/// The direction of a stream.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToBroker,
    /// What the broker sends.
    ToClient,
}

#[derive(Debug)]
struct Shared {
    broker: SocketAddr,
    rules: watch::Sender<Rules>,
    opened: AtomicUsize,
    open: watch::Sender<usize>,
    to_broker: AtomicU64,
    to_client: AtomicU64,
    methods: Mutex<Vec<Method>>,
}

/// The rules that all links follow.
#[derive(Debug, Copy, Clone, Default)]
struct Rules {
    refuses: bool,
    holds_to_broker: bool,
    holds_to_client: bool,
    /// Links with a number below this one end, in this way.
    cut: Option<(usize, Cut)>,
}

impl Rules {
    fn hold(&mut self, direction: Direction) -> &mut bool {
        match direction {
            Direction::ToBroker => &mut self.holds_to_broker,
            Direction::ToClient => &mut self.holds_to_client,
        }
    }

    fn pass(mut self, direction: Direction) -> bool {
        !*self.hold(direction)
    }
}

impl Proxy {
    /// Starts a proxy, on a free port of loopback, to the broker at `broker`.
    ///
    /// # Errors
    ///
    /// Fails if there is no free port.
    pub async fn start(broker: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            broker,
            rules: watch::Sender::default(),
            opened: AtomicUsize::new(0),
            open: watch::Sender::new(0),
            to_broker: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
            methods: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, task })
    }

    /// Returns the port that clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all open links. New ones are accepted.
    pub fn cut(&self, how: Cut) {
        // A link gets its number under the lock of the rules, too. So it is either cut here, or opened later.
        self.shared.rules.send_modify(|rules| {
            rules.cut = Some((self.shared.opened.load(Ordering::Relaxed), how));
        });
    }

    /// Stops forwarding in this direction: neither bytes nor the end of a stream pass. Links stay open, and new ones are accepted.
    pub fn freeze(&self, direction: Direction) {
        self.shared.rules.send_modify(|rules| *rules.hold(direction) = true);
    }

    /// Stops forwarding in both directions, as [`freeze`](Self::freeze) does for one.
    pub fn freeze_all(&self) {
        self.freeze(Direction::ToBroker);
        self.freeze(Direction::ToClient);
    }

    /// Forwards again, beginning with the bytes that were held back.
    pub fn thaw(&self) {
        self.shared.rules.send_modify(|rules| {
            *rules.hold(Direction::ToBroker) = false;
            *rules.hold(Direction::ToClient) = false;
        });
    }

    /// Closes new links at once. Open links stay.
    pub fn refuse(&self) {
        self.shared.rules.send_modify(|rules| rules.refuses = true);
    }

    /// Accepts new links again after [`refuse`](Self::refuse).
    pub fn accept(&self) {
        self.shared.rules.send_modify(|rules| rules.refuses = false);
    }

    /// Returns how many links there have been, without those that were refused.
    #[must_use]
    pub fn links(&self) -> usize {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// Returns how many links are open.
    #[must_use]
    pub fn open_links(&self) -> usize {
        *self.shared.open.borrow()
    }

    /// Waits until so many links are open.
    pub async fn until_open(&self, links: usize) {
        // Cannot fail: `self` holds the sender.
        let _ = self.shared.open.subscribe().wait_for(|&open| open == links).await;
    }

    /// Returns how many bytes were forwarded.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.shared.bytes(direction).load(Ordering::Relaxed)
    }

    /// Returns the AMQP methods that clients sent, in the order in which they were forwarded.
    #[must_use]
    pub fn methods(&self) -> Vec<Method> {
        self.shared.methods().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.refuse();
        self.cut(Cut::Reset);
    }
}

impl Shared {
    fn bytes(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToBroker => &self.to_broker,
            Direction::ToClient => &self.to_client,
        }
    }

    fn methods(&self) -> MutexGuard<'_, Vec<Method>> {
        self.methods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of a new link, or `None` while links are refused.
    fn admit(&self) -> Option<usize> {
        let mut number = None;
        self.rules.send_if_modified(|rules| {
            number = (!rules.refuses).then(|| self.opened.fetch_add(1, Ordering::Relaxed));
            false
        });
        number
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if let Some(number) = shared.admit() {
            shared.open.send_modify(|open| *open += 1);
            tokio::spawn(link(client, number, Arc::clone(&shared)));
        }
    }
}

/// Serves one link to its end.
async fn link(mut client: TcpStream, number: usize, shared: Arc<Shared>) {
    if let Ok(mut broker) = TcpStream::connect(shared.broker).await {
        // The link works without it.
        let _ = client.set_nodelay(true);
        let _ = broker.set_nodelay(true);
        if pass_until_cut(&mut client, &mut broker, number, &shared).await == Some(Cut::Reset) {
            let _ = client.set_zero_linger();
            let _ = broker.set_zero_linger();
        } else {
            let _ = client.shutdown().await;
            let _ = broker.shutdown().await;
        }
    }
    // Closed before it counts as closed.
    drop(client);
    shared.open.send_modify(|open| *open -= 1);
}

/// Forwards until the link ends. Returns how it was cut, or `None` if one of its ends closed it.
async fn pass_until_cut(
    client: &mut TcpStream,
    broker: &mut TcpStream,
    number: usize,
    shared: &Shared,
) -> Option<Cut> {
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let mut rules = shared.rules.subscribe();
    let cut = async {
        let is_cut = |rules: &Rules| rules.cut.is_some_and(|(before, _)| number < before);
        rules.wait_for(is_cut).await.ok()?.cut.map(|(_, how)| how)
    };
    let passed = async {
        tokio::try_join!(
            pass(from_client, to_broker, Direction::ToBroker, Some(Reader::new(number)), shared),
            pass(from_broker, to_client, Direction::ToClient, None, shared),
        )
    };
    tokio::select! {
        how = cut => how,
        _ = passed => None,
    }
}

/// Forwards one direction of a link until its end.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut reader: Option<Reader>,
    shared: &Shared,
) -> io::Result<()> {
    let mut rules = shared.rules.subscribe();
    let mut buffer = vec![0; CHUNK];
    loop {
        let passes = |rules: &Rules| rules.pass(direction);
        // A frozen link does not read either: what is sent fills the kernel's buffers, as on a dead link.
        let _ = rules.wait_for(passes).await;
        let length = from.read(&mut buffer).await?;
        let _ = rules.wait_for(passes).await;
        if length == 0 {
            return to.shutdown().await;
        }
        if let Some(reader) = &mut reader {
            shared.methods().extend(reader.read(&buffer[..length]));
        }
        shared.bytes(direction).fetch_add(length as u64, Ordering::Relaxed);
        to.write_all(&buffer[..length]).await?;
    }
}
