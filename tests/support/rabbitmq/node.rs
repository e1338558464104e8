//! One private RabbitMQ node.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::control::{self, Control};
use super::identity::Identity;
use super::installation::Installation;
use super::processes::{POLL_INTERVAL, Processes, listens, wait_until};
use super::url::{UrlForm, percent_encoded, with_options};
use super::{NodeError, Tls, ports, transient_queues};

/// How long a node may take to start. It takes about 5 s on a machine that does little else.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a node is started that refuses transient queues, until it finds its tables loaded.
const START_ATTEMPTS: usize = 5;

/// How many lines of a log an error shows. The cause comes before its consequences.
const LOG_LINES: usize = 100;

/// Options of a node. The others have RabbitMQ's defaults.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Whether it has a listener for TLS, too.
    pub tls: Option<Tls>,
    /// More lines of `rabbitmq.conf`.
    pub settings: Vec<String>,
    /// Whether it refuses queues that are neither durable nor exclusive, as RabbitMQ 4 can. Default: as
    /// `RPC_RABBITMQ_REFUSE_TRANSIENT` says.
    pub refuse_transient: bool,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            tls: None,
            settings: Vec::new(),
            refuse_transient: transient_queues::are_to_be_refused(),
        }
    }
}

/// A RabbitMQ node of the test's own: on loopback, without plugins, with its own port mapper and a temporary folder.
///
/// Dropping it ends all its processes and removes its folder; so does the end of the test process, whatever ends it.
/// It is independent of runtimes: it can be kept in a static and used from any of them.
#[derive(Debug)]
pub struct Node(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    installation: Installation,
    processes: Mutex<Processes>,
    pub(super) control: Control,
    folder: PathBuf,
    identity: Identity,
    amqp: u16,
    tls: Option<u16>,
    distribution: u16,
    refuse_transient: bool,
}

impl Node {
    /// Starts a node. Returns when it accepts connections.
    ///
    /// # Errors
    ///
    /// Returns the end of its log if it does not start.
    pub async fn start(options: NodeOptions) -> Result<Self, NodeError> {
        Self::start_as(options, Identity::alone()?).await
    }

    /// Starts a node of this identity. Returns when it accepts connections.
    pub(super) async fn start_as(
        options: NodeOptions,
        identity: Identity,
    ) -> Result<Self, NodeError> {
        let started = blocking(move || Inner::start(&options, identity)).await;
        started.map(|inner| Self(Arc::new(inner)))
    }

    /// Kills the node, as a crash of its machine would: it neither writes nor sends anything more.
    ///
    /// # Errors
    ///
    /// Fails if it is not running.
    pub async fn kill(&self) -> Result<(), NodeError> {
        self.with(|inner| {
            inner.processes().signal("KILL")?;
            inner.gone()
        })
        .await
    }

    /// Stops the node as an operator would.
    ///
    /// # Errors
    ///
    /// Fails if it is not running, or does not end.
    pub async fn stop(&self) -> Result<(), NodeError> {
        self.with(|inner| {
            inner.control.eval("init:stop()")?;
            inner.gone()
        })
        .await
    }

    /// Restarts the node after it was killed or stopped, with the data that it had stored, on the same ports.
    ///
    /// # Errors
    ///
    /// Returns the end of its log if it does not start.
    pub async fn restart(&self) -> Result<(), NodeError> {
        self.with(Inner::boot).await
    }

    /// Returns whether the node runs, and is not paused.
    ///
    /// # Errors
    ///
    /// Fails if the operating system does not tell.
    pub async fn runs(&self) -> Result<bool, NodeError> {
        self.with(|inner| {
            let mut processes = inner.processes();
            Ok(processes.runs()? && !processes.paused)
        })
        .await
    }

    /// Returns whether the node accepts connections.
    pub(super) async fn accepts(&self) -> Result<bool, NodeError> {
        self.with(|inner| Ok(greets(inner.amqp))).await
    }

    /// Kills the node if it is paused, and starts it unless it runs.
    pub(super) async fn restore(&self) -> Result<(), NodeError> {
        if self.runs().await? {
            return Ok(());
        }
        let paused = self.with(|inner| Ok(inner.processes().runs()?)).await?;
        if paused {
            self.kill().await?;
        }
        self.restart().await
    }

    /// Pauses the node. Its connections stay open.
    ///
    /// # Errors
    ///
    /// Fails if it is not running.
    pub async fn pause(&self) -> Result<(), NodeError> {
        self.with(|inner| {
            let mut processes = inner.processes();
            processes.signal("STOP")?;
            processes.paused = true;
            Ok(processes.wait_until_stopped()?)
        })
        .await
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    ///
    /// Fails if it is not running.
    pub async fn resume(&self) -> Result<(), NodeError> {
        self.with(|inner| {
            let mut processes = inner.processes();
            processes.paused = false;
            Ok(processes.signal("CONT")?)
        })
        .await
    }

    /// Runs `rabbitmqctl` and returns what it prints. It takes a third of a second; [`eval`](Self::eval) takes a millisecond.
    ///
    /// # Errors
    ///
    /// Returns what it prints if it fails.
    pub async fn ctl(&self, arguments: &[&str]) -> Result<String, NodeError> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        self.with(move |inner| inner.ctl(&arguments)).await
    }

    /// Has the node evaluate an Erlang expression, and returns its value: text as it is, another term as Erlang prints it.
    ///
    /// # Errors
    ///
    /// Fails if the node is not running, does not answer within 30 s, or cannot evaluate the expression.
    pub async fn eval(&self, expression: impl Into<String>) -> Result<String, NodeError> {
        let expression = expression.into();
        self.with(move |inner| inner.control.eval(&expression)).await
    }

    /// Returns the name of the Erlang node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.identity.name
    }

    /// Returns the port for AMQP without TLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.amqp
    }

    /// Returns the port for AMQP over TLS.
    ///
    /// # Panics
    ///
    /// Panics if the node was started without TLS.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.0.tls.expect("a node started with TLS")
    }

    /// Returns the folder that holds everything that it stores.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Returns whether it refuses queues that are neither durable nor exclusive.
    #[must_use]
    pub fn refuses_transient(&self) -> bool {
        self.0.refuse_transient
    }

    /// Returns a URL of one of its virtual hosts, with the credentials of `guest`, over which servers can listen: a `rabbit://`
    /// URL asks for durable queues if the node [refuses others](Self::refuses_transient). [`with_options`] adds more options.
    ///
    /// # Panics
    ///
    /// Panics if the form is [`UrlForm::Amqps`] and the node was started without TLS.
    #[must_use]
    pub fn url(&self, form: UrlForm, vhost: &str) -> String {
        let url = self.url_without_options(form, vhost);
        if form == UrlForm::Rabbit && self.refuses_transient() {
            return with_options(&url, transient_queues::OPTION_WHERE_REFUSED);
        }
        url
    }

    /// Returns the same URL with the defaults of every option.
    ///
    /// # Panics
    ///
    /// Panics if the form is [`UrlForm::Amqps`] and the node was started without TLS.
    #[must_use]
    pub fn url_without_options(&self, form: UrlForm, vhost: &str) -> String {
        let (scheme, host, port) = match form {
            UrlForm::Amqp => ("amqp", "127.0.0.1", self.port()),
            UrlForm::Amqps => ("amqps", "localhost", self.tls_port()),
            UrlForm::Rabbit => ("rabbit", "127.0.0.1", self.port()),
        };
        format!("{scheme}://guest:guest@{host}:{port}/{}", percent_encoded(vhost))
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, NodeError> + Send + 'static,
    ) -> Result<T, NodeError> {
        let inner = Arc::clone(&self.0);
        blocking(move || work(&inner)).await
    }
}

/// Returns the node that the tests of this process share, each in a virtual host of its own. No test may kill, stop or pause it.
///
/// # Errors
///
/// Fails if the node did not start when it was first asked for.
pub async fn shared() -> Result<&'static Node, NodeError> {
    static SHARED: OnceLock<Result<Node, NodeError>> = OnceLock::new();
    let start = || Inner::start_alone(&NodeOptions::default());
    blocking(move || SHARED.get_or_init(start).as_ref().map_err(Clone::clone)).await
}

/// Returns the node of the tests whose subject is transient queues: the shared one, unless it refuses them. It permits them where
/// the version's default does. What is said of [`shared`] holds for it, too.
///
/// # Errors
///
/// Fails if the node did not start when it was first asked for.
pub async fn permissive() -> Result<&'static Node, NodeError> {
    static PERMISSIVE: OnceLock<Result<Node, NodeError>> = OnceLock::new();
    let node = shared().await?;
    if !node.refuses_transient() {
        return Ok(node);
    }
    let options = NodeOptions { refuse_transient: false, ..NodeOptions::default() };
    let start = move || Inner::start_alone(&options);
    blocking(move || PERMISSIVE.get_or_init(start).as_ref().map_err(Clone::clone)).await
}

impl Inner {
    fn start_alone(options: &NodeOptions) -> Result<Node, NodeError> {
        Self::start(options, Identity::alone()?).map(|inner| Node(Arc::new(inner)))
    }

    fn start(options: &NodeOptions, identity: Identity) -> Result<Self, NodeError> {
        let folder = std::env::temp_dir().join(identity.folder_name());
        let failed =
            |error| NodeError::of(&format!("set up a node in {}", folder.display()), error);
        let installation = Installation::find()?;
        fs::create_dir(&folder).map_err(failed)?;
        // From here on the watchdog removes the folder.
        let processes = Processes::start(&folder, identity.epmd).map_err(failed)?;
        let inner = Self {
            installation,
            processes: Mutex::new(processes),
            control: Control::new().map_err(failed)?,
            identity,
            amqp: ports::free().map_err(failed)?,
            tls: options.tls.is_some().then(ports::free).transpose().map_err(failed)?,
            distribution: ports::free().map_err(failed)?,
            folder,
            refuse_transient: options.refuse_transient,
        };
        inner.configure(options)?;
        inner.boot()?;
        Ok(inner)
    }

    fn configure(&self, options: &NodeOptions) -> Result<(), NodeError> {
        let mut settings = options.settings.clone();
        settings.push(format!("listeners.tcp.1 = 127.0.0.1:{}\n", self.amqp));
        if self.refuse_transient {
            transient_queues::check_version(self.ctl(&["version".to_owned()])?.trim())?;
            settings.push(transient_queues::SETTING.to_owned());
        }
        if let (Some(tls), Some(port)) = (&options.tls, self.tls) {
            settings.push(tls.install(&self.folder, port)?);
        }
        settings.extend(self.identity.settings.iter().cloned());
        fs::write(self.folder.join("rabbitmq.conf"), settings.join("\n"))?;
        fs::write(self.folder.join("advanced.config"), "[].\n")?;
        fs::write(self.folder.join("enabled_plugins"), "[].\n")?;
        fs::write(self.folder.join("control.erl"), control::SOURCE)?;
        Ok(self.identity.install_cookie(&self.folder)?)
    }

    /// Starts the node, and waits until it is ready.
    fn boot(&self) -> Result<(), NodeError> {
        for _ in 1..START_ATTEMPTS {
            let started = self.boot_once();
            if started.is_ok() || !self.refuse_transient || !self.found_no_tables() {
                return started;
            }
            while self.control.connected()? {}
            self.control.disconnect();
        }
        self.boot_once()
    }

    /// Returns whether the node has ended because it looked for transient queues before its tables were loaded.
    fn found_no_tables(&self) -> bool {
        let output = fs::read_to_string(self.folder.join("output.log")).unwrap_or_default();
        output.contains(transient_queues::TABLES_NOT_LOADED)
    }

    /// Starts the virtual machine, and waits until it is ready.
    fn boot_once(&self) -> Result<(), NodeError> {
        let log = self.folder.join("output.log");
        let mut processes = self.processes();
        if processes.runs()? {
            return Err(NodeError(format!("{} is running already", self.identity.name)));
        }
        processes.start_vm(&mut self.server()?, &log)?;
        let deadline = Instant::now() + START_TIMEOUT;
        let mut started = false;
        loop {
            started = started || self.control.connected()?;
            if started && greets(self.amqp) {
                return Ok(());
            }
            if let Some(status) = processes.ended()? {
                return Err(self.failed(&format!("ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(
                    self.failed(&format!("did not start within {} s", START_TIMEOUT.as_secs()))
                );
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    fn server(&self) -> Result<Command, NodeError> {
        let mut command = self.program("rabbitmq-server");
        let file = |name: &str| self.folder.join(name);
        // The script splits this at blanks, which the folder may have.
        command.env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            format!(
                "-kernel inet_dist_use_interface {{127,0,0,1}} -rpc_control_port {} \
                 -eval ok=file:eval(\"control.erl\")",
                self.control.port()?,
            ),
        );
        command
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.amqp.to_string())
            .env("RABBITMQ_MNESIA_BASE", file("data"))
            .env("RABBITMQ_LOG_BASE", file("log"))
            .env("RABBITMQ_LOGS", file("node.log"))
            .env("RABBITMQ_PID_FILE", file("pid"))
            .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins"));
        Ok(command)
    }

    /// Returns the command of one of RabbitMQ's programs, in the environment of this node.
    fn program(&self, name: &str) -> Command {
        let mut command = self.installation.command(name, &self.folder);
        command
            .current_dir(&self.folder)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.identity.epmd.port().to_string())
            .env("RABBITMQ_NODENAME", &self.identity.name)
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .env("RABBITMQ_CONF_ENV_FILE", self.folder.join("rabbitmq-env.conf"));
        command
    }

    fn ctl(&self, arguments: &[String]) -> Result<String, NodeError> {
        let output = self.program("rabbitmqctl").args(arguments).output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let what = format!("run rabbitmqctl {}", arguments.join(" "));
        Err(NodeError::of(&what, format!("{printed}{complaint}")))
    }

    /// Waits until the virtual machine has ended and its port is closed.
    fn gone(&self) -> Result<(), NodeError> {
        self.control.disconnect();
        self.processes().wait()?;
        Ok(wait_until("the node's port to be closed", || Ok(!listens(self.amqp)))?)
    }

    fn processes(&self) -> MutexGuard<'_, Processes> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, how: &str) -> NodeError {
        let tail = |name: &str| {
            let log = fs::read(self.folder.join(name)).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
        };
        let (output, log) = (tail("output.log"), tail("node.log"));
        let name = &self.identity.name;
        NodeError(format!("{name} {how}\nits output ends:\n{output}\nits log ends:\n{log}"))
    }
}

/// Returns whether what listens at `port` answers as an AMQP broker does.
fn greets(port: u16) -> bool {
    let hello = || {
        let mut link = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        link.set_read_timeout(Some(Duration::from_secs(5)))?;
        link.write_all(b"AMQP\x00\x00\x09\x01")?;
        let mut frame_type = [0; 1];
        link.read_exact(&mut frame_type).map(|()| frame_type)
    };
    // A method: `connection.start`. Another protocol's header would begin with a letter.
    hello().is_ok_and(|frame_type| frame_type == [1])
}

/// Runs blocking work off the threads of the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| NodeError(error.to_string()))?
}
