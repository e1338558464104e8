//! A proxy between a client and a broker, which disturbs what goes over it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::methods::{Method, Reader};

/// How much is taken at once.
const CHUNK: usize = 64 * 1024;

/// Passes on what clients and the broker send each other, and records what clients send. Dropping it cuts everything.
///
/// It belongs to the runtime in which it was started.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// How a link ends.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Both sides are told that the other has finished, as when a process ends.
    Finish,
    /// Both sides are told that there is no such link, as when a machine was restarted.
    Reset,
}

/// Which way bytes go.
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

/// What links go by.
#[derive(Debug, Copy, Clone, Default)]
struct Rules {
    refuses: bool,
    holds_to_broker: bool,
    holds_to_client: bool,
    /// Links that were opened before this many were are to end in this way.
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
    /// There is no free port.
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

    /// Where clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all links that are open. New ones are accepted.
    pub fn cut(&self, how: Cut) {
        // Under the lock of the rules, by which a link gets its number: it is either cut or comes later.
        self.shared.rules.send_modify(|rules| {
            rules.cut = Some((self.shared.opened.load(Ordering::Relaxed), how));
        });
    }

    /// Keeps all links, and accepts new ones, but passes nothing on in this direction: neither bytes nor an end.
    pub fn freeze(&self, direction: Direction) {
        self.shared.rules.send_modify(|rules| *rules.hold(direction) = true);
    }

    /// [Freezes](Self::freeze) both directions.
    pub fn freeze_all(&self) {
        self.freeze(Direction::ToBroker);
        self.freeze(Direction::ToClient);
    }

    /// Passes on what was held, and what comes.
    pub fn thaw(&self) {
        self.shared.rules.send_modify(|rules| {
            *rules.hold(Direction::ToBroker) = false;
            *rules.hold(Direction::ToClient) = false;
        });
    }

    /// Closes new links at once. Those that are open stay.
    pub fn refuse(&self) {
        self.shared.rules.send_modify(|rules| rules.refuses = true);
    }

    /// Ends [`refuse`](Self::refuse).
    pub fn accept(&self) {
        self.shared.rules.send_modify(|rules| rules.refuses = false);
    }

    /// How many links there have been, without those that were refused.
    #[must_use]
    pub fn links(&self) -> usize {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// How many links are open.
    #[must_use]
    pub fn open_links(&self) -> usize {
        *self.shared.open.borrow()
    }

    /// Waits until so many links are open.
    pub async fn until_open(&self, links: usize) {
        // Cannot fail: the sender is held here.
        let _ = self.shared.open.subscribe().wait_for(|&open| open == links).await;
    }

    /// How many bytes were passed on.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.shared.bytes(direction).load(Ordering::Relaxed)
    }

    /// The methods that clients called, in the order in which they were passed on.
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

    /// The number of a new link; none is to be had while links are refused.
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
        // Neither is a reason not to go on.
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

/// How the link was cut; `None` if its ends ended it.
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

/// Passes on what comes in one direction, until it ends.
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
        // A frozen link takes nothing either: what is sent fills the kernel's buffers, as on a dead line.
        let _ = rules.wait_for(passes).await;
        let taken = from.read(&mut buffer).await?;
        let _ = rules.wait_for(passes).await;
        if taken == 0 {
            return to.shutdown().await;
        }
        if let Some(reader) = &mut reader {
            shared.methods().extend(reader.read(&buffer[..taken]));
        }
        shared.bytes(direction).fetch_add(taken as u64, Ordering::Relaxed);
        to.write_all(&buffer[..taken]).await?;
    }
}
