//! Rules for every AMQP method that a transport sends: RabbitMQ up to 4.3 accepts it, and no message is lost.

use std::collections::HashSet;

use lapin::protocol::{AMQPClass, basic, channel, confirm, exchange, queue};
use rpc_tests::support::rabbitmq::Method;

/// Queue arguments that RabbitMQ no longer supports.
const GIVEN_UP: [&str; 3] = ["x-queue-mode", "x-queue-version", "x-ha-policy"];

/// The channels of all links, with the methods sent on each since it was opened.
#[derive(Default)]
struct Channels {
    with_prefetch: HashSet<(usize, u16)>,
    with_confirms: HashSet<(usize, u16)>,
}

/// Returns the methods that break a rule, with the rule.
pub fn broken(methods: &[Method]) -> Vec<String> {
    let mut channels = Channels::default();
    let complaints = methods.iter().map(|method| {
        let rules = complaints(&mut channels, method);
        rules.into_iter().map(move |rule| format!("{rule}: {method:?}"))
    });
    complaints.flatten().collect()
}

fn complaints(channels: &mut Channels, method: &Method) -> Vec<&'static str> {
    let place = (method.link, method.channel);
    let rules: Vec<(bool, &str)> = match &method.class {
        AMQPClass::Channel(channel::AMQPMethod::Open(_)) => {
            channels.with_prefetch.remove(&place);
            channels.with_confirms.remove(&place);
            Vec::new()
        }
        AMQPClass::Confirm(confirm::AMQPMethod::Select(_)) => {
            channels.with_confirms.insert(place);
            Vec::new()
        }
        AMQPClass::Basic(basic::AMQPMethod::Qos(qos)) => {
            channels.with_prefetch.insert(place);
            vec![(qos.global, "a limit for a whole channel"), (qos.prefetch_count == 0, "no limit")]
        }
        AMQPClass::Basic(basic::AMQPMethod::Consume(consume)) => {
            let own = ["reply", "fanout"].iter().any(|kind| consume.queue.as_str().contains(kind));
            vec![
                (!channels.with_prefetch.contains(&place), "a consumer without prefetch"),
                (
                    own != consume.exclusive,
                    "exclusive is for queues of one process, and for all of them",
                ),
                (consume.no_ack, "messages that are lost on the way"),
            ]
        }
        AMQPClass::Basic(basic::AMQPMethod::Publish(publish)) => vec![
            (!channels.with_confirms.contains(&place), "a message that nobody confirms"),
            (!publish.mandatory, "a message that gets lost where there is no queue"),
            (publish.immediate, "a flag that the broker does not know"),
        ],
        AMQPClass::Queue(queue::AMQPMethod::Declare(queue)) if !queue.passive => {
            let arguments = queue.arguments.inner();
            vec![
                (
                    !queue.durable && !queue.exclusive,
                    "a queue that is neither durable nor exclusive",
                ),
                (GIVEN_UP.iter().any(|name| arguments.contains_key(*name)), "an old argument"),
            ]
        }
        AMQPClass::Exchange(exchange::AMQPMethod::Declare(exchange)) => vec![
            (exchange.exchange.as_str().is_empty(), "the default exchange is there"),
            (exchange.internal, "an exchange that nobody can publish to"),
        ],
        _ => Vec::new(),
    };
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, rule)| rule).collect()
}
