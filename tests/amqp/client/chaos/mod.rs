//! Tasks open and drop channels with declarations, consumers and messages under way, while the broker closes some of the
//! channels over errors. Nothing is lost, every outcome is right, and no channel stays open.

mod ledger;
mod visit;
mod visitor;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_amqp::{Channel, Connection, ConsumeOptions, Field, FieldTable, Outcome, QueueDeclare};
use rpc_tests::support::seeded_rng::SeededRng;
use tokio::time::Instant;

use self::ledger::{Drained, Ledger, Message, Tally};
use self::visitor::Visitor;
use crate::broker::{BULK_TIMEOUT, Broker, QUEUE, declare, in_time, seed, within};
use crate::messages::Received;
use crate::outcomes::Outcomes;

const TASKS: usize = 16;

/// A queue that has no room for more messages, and rejects them.
const FULL: &str = "full";

/// Returns the queue of a task from which messages are only taken at the end.
fn stored(task: usize) -> String {
    format!("stored {task}")
}

/// Returns the queue of a task that its channels consume.
fn consumed(task: usize) -> String {
    format!("consumed {task}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_that_come_and_go_lose_nothing_and_every_outcome_is_right() {
    let seconds = std::env::var("RPC_CHAOS_SECONDS").ok().map(|it| it.parse().unwrap());
    let duration = Duration::from_secs(seconds.unwrap_or(12));
    let mut rng = SeededRng::new(seed());
    let broker = Broker::shared("chaos").await;
    let connections = [broker.connect().await, broker.connect().await].map(Arc::new);
    let channel = in_time("a channel", connections[0].open_channel()).await.unwrap();
    set_up(&channel).await;
    drop(channel);

    let (handler, outcomes) = Outcomes::new();
    let end = Instant::now() + duration;
    let ledgers: Vec<_> = (0..TASKS).map(|_| Arc::<Mutex<Ledger>>::default()).collect();
    let start = |(task, ledger): (usize, &Arc<Mutex<Ledger>>)| {
        let (connections, handler) = (connections.clone(), Arc::clone(&handler));
        let rng = SeededRng::new(rng.seed());
        let visitor = Visitor::new(task, connections, Arc::clone(ledger), handler, rng);
        tokio::spawn(visitor.run(end))
    };
    let tasks: Vec<_> = ledgers.iter().enumerate().map(start).collect();
    drop(handler);
    for task in tasks {
        within(duration + BULK_TIMEOUT, "a task ends", task).await.unwrap();
    }

    broker.until_no_channel_is_open().await;
    let mut told: HashMap<Message, Vec<Outcome>> = HashMap::new();
    for (message, outcome) in outcomes.all().await {
        told.entry(message).or_default().push(outcome);
    }
    let mut tally = Tally::default();
    for (task, ledger) in ledgers.iter().enumerate() {
        let stored = drain(&connections[1], &stored(task)).await;
        let consumed = drain(&connections[0], &consumed(task)).await;
        ledger.lock().unwrap().check(&mut told, &stored, &consumed, &mut tally);
    }
    assert!(told.is_empty(), "outcomes of messages that nobody published: {told:?}");
    println!("{tally:#?}");
    tally.assert_everything_happened();
    broker.until_no_channel_is_open().await;
    assert!(connections.iter().all(|connection| connection.is_open()));
}

/// Declares the queues.
async fn set_up(channel: &Channel) {
    for task in 0..TASKS {
        declare(channel, &stored(task)).await.unwrap();
        declare(channel, &consumed(task)).await.unwrap();
    }
    let mut arguments = FieldTable::new();
    arguments.insert("x-max-length", Field::I64(1)).unwrap();
    arguments.insert("x-overflow", Field::Text("reject-publish")).unwrap();
    let full = QueueDeclare { name: FULL, arguments: &arguments, ..QUEUE };
    in_time("a declaration", channel.queue_declare(&full)).await.unwrap();
    in_time("confirms", channel.confirm_select(1)).await.unwrap();
    in_time("a confirm", crate::messages::publish(channel, FULL, b"first").unwrap()).await;
}

/// Takes all messages out of a queue.
async fn drain(connection: &Connection, queue: &str) -> Vec<Drained> {
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    let messages = declare(&channel, queue).await.unwrap().messages;
    let options = ConsumeOptions { no_ack: true, ..ConsumeOptions::default() };
    let (consumer, mut received) = Received::new();
    in_time("a consumer", channel.consume(queue, "drain", &options, consumer)).await.unwrap();
    let mut drained = Vec::new();
    for _ in 0..messages {
        let delivery = received.delivery().await;
        let message = ledger::message(&delivery);
        drained.push(Drained { message, redelivered: delivery.redelivered });
    }
    assert_eq!(declare(&channel, queue).await.unwrap().messages, 0);
    in_time("the close", channel.close(200, "drained")).await;
    drained
}
