//! The conformance suite over RabbitMQ, in both forms.

use std::process::ExitCode;

use rpc_tests::conformance;
use rpc_tests::conformance::backends::amqp::Amqp;
use rpc_tests::conformance::harness::{conclude, trials};
use rpc_tests::support::rabbitmq::UrlForm;

fn main() -> ExitCode {
    let cases = conformance::cases();
    let fixtures = [UrlForm::Amqp, UrlForm::Rabbit].map(|form| Amqp { form });
    conclude(fixtures.into_iter().flat_map(|fixture| trials(fixture, &cases)).collect())
}
