//! Runs the examples that are made for RabbitMQ, over a node of this test's own.

// A test that cannot find its files fails.
#![allow(clippy::unwrap_used)]

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rpc_tests::interop::interpreter;
use rpc_tests::rabbit::{Node, UrlForm, shared};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of this package: `examples` stands beside the `deps` that this test runs from.
fn program(name: &str) -> Command {
    let test = env::current_exe().unwrap();
    let profile: PathBuf = test.parent().and_then(Path::parent).unwrap().into();
    Command::new(profile.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION))
}

fn python_program(name: &str, url: &str) -> Command {
    let mut command = Command::new(interpreter("18.3.1").unwrap());
    command.arg(folder().join("python").join(name)).arg(url);
    command
}

/// A virtual host of the case's own.
async fn node(vhost: &str) -> &'static Node {
    let node = shared().await.unwrap();
    node.create_vhost(vhost).await.unwrap();
    node
}

/// Runs a program to its end, which has to be a good one; what it prints.
fn printed(mut command: Command) -> String {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Starts a program, and waits for its first line; the program, and what is left of its output.
fn started(mut command: Command, first: &str) -> (Child, BufReader<impl Read>) {
    let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), first);
    (program, output)
}

fn rest(mut program: Child, mut output: impl Read) -> String {
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(program.wait().unwrap().success());
    rest
}

#[tokio::test]
async fn the_quickstart_runs_over_rabbitmq_by_its_url_alone() {
    let node = node("quickstart").await;
    let expected = std::fs::read_to_string(folder().join("expected/quickstart.txt")).unwrap();
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let mut quickstart = program("quickstart");
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
    let (server, output) = started(server, "server: listens on topic bank");
    assert_eq!(
        printed(python_program("client.py", &url)),
        "client: 700 cents left\nclient: refused, 200 cents short\n"
    );
    assert_eq!(
        rest(server, output),
        "server: ada withdraws 300 cents\nserver: ada withdraws 1200 cents\nserver: stopped\n"
    );
}

#[tokio::test]
async fn a_rust_client_calls_a_python_server() {
    let node = node("python_server").await;
    let url = node.url(UrlForm::Rabbit, "python_server");
    let (server, output) = started(python_program("server.py", &url), "server: listens on topic bank");
    let mut client = program("rust_client");
    client.env("RPC_TRANSPORT_URL", &url);
    assert_eq!(printed(client), "client: 700 cents left\nclient: refused, 200 cents short\n");
    assert_eq!(rest(server, output), "server: stopped\n");
}
