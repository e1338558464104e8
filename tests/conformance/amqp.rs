//! The conformance suite over RabbitMQ, in both forms.

use std::process::ExitCode;

use rpc_tests::conformance;
use rpc_tests::conformance::backends::amqp::Amqp;
use rpc_tests::conformance::harness::{run_trials, trials};
use rpc_tests::support::rabbitmq::UrlForm;

fn main() -> ExitCode {
    let cases = conformance::cases();
    let backends = [UrlForm::Amqp, UrlForm::Rabbit].map(|form| Amqp { form });
    run_trials(backends.into_iter().flat_map(|backend| trials(backend, &cases)).collect())
}
