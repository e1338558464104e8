//! Outcomes of messages that are published together: confirmed, returned, nacked.

use std::collections::HashMap;
use std::sync::Arc;

use rpc_amqp::{
    Channel, ConfirmHandler, Field, FieldTable, Options, Outcome, PropertiesBuilder, Publish,
    QueueDeclare, Returned,
};
use rpc_tests::support::poll::until;
use rpc_tests::support::seeded_rng::SeededRng;

use crate::broker::{
    BULK_TIMEOUT, Broker, NO_ARGUMENTS, QUEUE, SMALLEST_FRAME, declare, in_time, seed, within,
};
use crate::outcomes::Outcomes;

const TASKS: usize = 4;
const MESSAGES_PER_TASK: usize = 5_000;

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Route {
    Queue,
    OtherQueue,
    Nowhere,
    NowhereElse,
    /// It may vanish.
    NotMandatory,
    /// The queue rejects what it has no room for.
    Full,
    /// An exchange with bindings to a queue that takes the message and to one that is full.
    Both,
}

impl Route {
    const ALL: [Self; 7] = [
        Self::Queue,
        Self::OtherQueue,
        Self::Nowhere,
        Self::NowhereElse,
        Self::NotMandatory,
        Self::Full,
        Self::Both,
    ];

    /// Returns exchange, routing key and whether the message is mandatory.
    fn address(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::Queue => ("", "queue", true),
            Self::OtherQueue => ("", "other", true),
            Self::Nowhere => ("", "nowhere", true),
            Self::NowhereElse => ("amq.topic", "nowhere", true),
            Self::NotMandatory => ("", "nowhere", false),
            Self::Full => ("", "full", true),
            Self::Both => ("amq.direct", "both", true),
        }
    }

    fn agrees_with(self, outcome: &Outcome) -> bool {
        matches!(
            (self, outcome),
            (Self::Queue | Self::OtherQueue | Self::NotMandatory, Outcome::Confirmed)
                | (Self::Nowhere | Self::NowhereElse, Outcome::Returned(_))
                | (Self::Full | Self::Both, Outcome::Nacked)
        )
    }
}

/// A message that was published, by what can be told apart.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    route: Route,
    correlation_id: Option<String>,
    body: Vec<u8>,
}

impl Sent {
    fn random(rng: &mut SeededRng) -> Self {
        let route = rng.pick(&Route::ALL);
        let correlation_id = match rng.below(3) {
            0 => None,
            1 => Some("same".to_owned()),
            _ => Some(rng.seed().to_string()),
        };
        // Equal bodies, unequal ones of equal length, and ones of several frames.
        let length = rng.pick(&[0, 0, 1, 5, 5, 100, 4_088, 4_089, 9_000]);
        let byte = if rng.percent(50) { b'x' } else { rng.below(256) as u8 };
        Self { route, correlation_id, body: vec![byte; length] }
    }

    fn publish(&self, channel: &Channel, handler: &Arc<dyn ConfirmHandler>, number: u128) {
        let properties = PropertiesBuilder::new();
        let properties = match &self.correlation_id {
            Some(id) => properties.correlation_id(id),
            None => properties,
        };
        let properties = &properties.build().unwrap();
        let (exchange, routing_key, mandatory) = self.route.address();
        // The pieces that a caller has need not be those of the frames.
        let (front, back) = self.body.split_at(self.body.len() / 3);
        let body: &[_] = &[front, back];
        let message = Publish { exchange, routing_key, mandatory, properties, body };
        channel.publish_with_handler(&message, Arc::clone(handler), number).unwrap();
    }

    fn assert_returned_as(&self, returned: &Returned) {
        let (message, (exchange, routing_key, _)) = (&returned.message, self.route.address());
        assert_eq!(returned.code, 312);
        assert_eq!(message.exchange().as_str(), Some(exchange));
        assert_eq!(message.routing_key().as_str(), Some(routing_key));
        let properties = message.properties();
        let id = properties.correlation_id().and_then(|id| id.as_str());
        assert_eq!(id, self.correlation_id.as_deref());
        assert_eq!(message.body(), self.body);
    }
}

/// Declares the queues, of which one is full.
async fn set_up(channel: &Channel) {
    declare(channel, "queue").await.unwrap();
    declare(channel, "other").await.unwrap();
    let mut arguments = FieldTable::new();
    arguments.insert("x-max-length", Field::I64(1)).unwrap();
    arguments.insert("x-overflow", Field::Text("reject-publish")).unwrap();
    let full = QueueDeclare { name: "full", arguments: &arguments, ..QUEUE };
    in_time("a declaration", channel.queue_declare(&full)).await.unwrap();
    for queue in ["other", "full"] {
        let bound = channel.queue_bind(queue, "amq.direct", "both", &NO_ARGUMENTS);
        in_time("a binding", bound).await.unwrap();
    }
    let first = in_time("a confirm", crate::messages::publish(channel, "full", b"").unwrap()).await;
    assert!(matches!(first, Outcome::Confirmed), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_twenty_thousand_messages_on_one_channel_has_its_own_outcome() {
    let broker = Broker::shared("outcomes").await;
    let mut rng = SeededRng::new(seed());
    let options = Options { frame_max: SMALLEST_FRAME, ..broker.options() };
    let connection = broker.open(&options).await.unwrap();
    let channel = Arc::new(in_time("a channel", connection.open_channel()).await.unwrap());
    in_time("confirms", channel.confirm_select(1_000)).await.unwrap();
    set_up(&channel).await;
    let (handler, outcomes) = Outcomes::new();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (channel, handler) = (Arc::clone(&channel), Arc::clone(&handler));
            let mut rng = SeededRng::new(rng.seed());
            tokio::spawn(async move {
                let mut messages = HashMap::new();
                for number in (task..).step_by(TASKS).take(MESSAGES_PER_TASK) {
                    in_time("room for a message", channel.ready()).await.unwrap();
                    let sent = Sent::random(&mut rng);
                    sent.publish(&channel, &handler, number as u128);
                    messages.insert(number as u128, sent);
                }
                messages
            })
        })
        .collect();
    drop(handler);
    let mut messages = HashMap::new();
    for task in tasks {
        messages.extend(within(BULK_TIMEOUT, "all messages", task).await.unwrap());
    }
    let all = messages.clone();
    for (number, outcome) in outcomes.all().await {
        let sent = messages.remove(&number).expect("one outcome for each message");
        let right = sent.route.agrees_with(&outcome);
        assert!(right, "{number}: {:?} {}", sent.route, crate::messages::short_form(&outcome));
        if let Outcome::Returned(returned) = outcome {
            sent.assert_returned_as(&returned);
        }
    }
    assert!(messages.is_empty(), "{} without outcome", messages.len());
    assert!(channel.is_open());
    let count = |routes: &[Route]| all.values().filter(|it| routes.contains(&it.route)).count();
    let expected = [count(&[Route::Queue]), count(&[Route::OtherQueue, Route::Both]), 1];
    println!("{:?}", Route::ALL.map(|route| (route, count(&[route]))));
    until("the queues hold what was confirmed", async || {
        let mut found = [0; 3];
        for (found, queue) in found.iter_mut().zip(["queue", "other", "full"]) {
            *found = broker.messages(queue).await;
        }
        found == expected
    })
    .await;
}
