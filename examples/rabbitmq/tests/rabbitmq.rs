//! Runs the examples for RabbitMQ, over a broker of this test's own.

// A test that cannot find its files fails.
#![allow(clippy::unwrap_used)]

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rpc_tests::interop::interpreter;
use rpc_tests::support::rabbitmq::{Node, UrlForm, shared};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the command of an example. Cargo puts examples beside the `deps` folder of this test.
fn program(name: &str) -> Command {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(
        path.exists(),
        "{} is not built; run `cargo test -p rpc-examples-rabbitmq --features rabbitmq`, which builds the examples, too",
        path.display()
    );
    Command::new(path)
}

fn python_program(name: &str, url: &str) -> Command {
    let mut command = Command::new(interpreter("18.3.1").unwrap());
    command.arg(folder().join("python").join(name)).arg(url);
    command
}

/// Creates a virtual host for one test.
async fn node(vhost: &str) -> &'static Node {
    let node = shared().await.unwrap();
    node.create_vhost(vhost).await.unwrap();
    node
}

/// Runs a program that must succeed, and returns what it prints.
fn printed(mut command: Command) -> String {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A program that runs beside another one. It is killed when it is dropped.
struct Running {
    program: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a program, and waits until it prints this line.
    fn start(mut command: Command, first: &str) -> Self {
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(program.stdout.take().unwrap());
        let mut running = Self { program, output };
        let mut line = String::new();
        running.output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), first);
        running
    }

    /// Waits until the program succeeds, and returns the rest of its output.
    fn rest(mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.program.wait().unwrap().success());
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if the program has ended.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[tokio::test]
async fn the_quickstart_runs_over_rabbitmq_by_its_url_alone() {
    let node = node("quickstart").await;
    let expected = std::fs::read_to_string(folder().join("../expected/quickstart.txt")).unwrap();
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let mut quickstart = program("quickstart_rabbitmq");
        quickstart.env("RPC_TRANSPORT_URL", node.url(form, "quickstart"));
        assert_eq!(printed(quickstart), expected, "{form:?}");
    }
}

#[tokio::test]
async fn a_python_program_calls_a_rust_server() {
    let node = node("rust_server").await;
    let url = node.url(UrlForm::Rabbit, "rust_server");
    let mut server = program("rust_server");
    server.env("RPC_TRANSPORT_URL", &url);
    let server = Running::start(server, "server: listens on topic bank");
    assert_eq!(
        printed(python_program("client.py", &url)),
        "client: 700 cents left\nclient: insufficient funds, 200 cents short\n"
    );
    assert_eq!(
        server.rest(),
        "server: ada withdraws 300 cents\nserver: ada withdraws 1200 cents\nserver: stopped\n"
    );
}

#[tokio::test]
async fn a_rust_client_calls_a_python_server() {
    let node = node("python_server").await;
    let url = node.url(UrlForm::Rabbit, "python_server");
    let server = python_program("server.py", &url);
    let server = Running::start(server, "server: listens on topic bank");
    let mut client = program("rust_client");
    client.env("RPC_TRANSPORT_URL", &url);
    assert_eq!(
        printed(client),
        "client: 700 cents left\nclient: insufficient funds, 200 cents short\n"
    );
    assert_eq!(server.rest(), "server: stopped\n");
}
