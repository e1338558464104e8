//! A task that opens channels one after the other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_amqp::{Channel, ConfirmHandler, Connection};
use rpc_tests::support::seeded_rng::SeededRng;
use tokio::time::Instant;

use super::ledger::{self, Ledger, Message, is_fault};
use super::visit::{Visit, begin};
use crate::broker::{declare, in_time};

pub struct Visitor {
    pub task: usize,
    connections: [Arc<Connection>; 2],
    pub ledger: Arc<Mutex<Ledger>>,
    pub handler: Arc<dyn ConfirmHandler>,
    pub rng: SeededRng,
    last: u64,
}

impl Visitor {
    pub fn new(
        task: usize,
        connections: [Arc<Connection>; 2],
        ledger: Arc<Mutex<Ledger>>,
        handler: Arc<dyn ConfirmHandler>,
        rng: SeededRng,
    ) -> Self {
        Self { task, connections, ledger, handler, rng, last: 0 }
    }

    /// Opens channels until the end.
    pub async fn run(mut self, end: Instant) {
        while Instant::now() < end {
            let connection = Arc::clone(&self.connections[self.rng.below(2)]);
            if self.rng.percent(10) {
                begin(connection.open_channel(), self.rng.below(4)).await;
                continue;
            }
            let channel = in_time("a channel", connection.open_channel()).await.unwrap();
            self.visit(channel).await;
        }
    }

    /// Uses a channel in random ways, and leaves it in a random way.
    async fn visit(&mut self, channel: Channel) {
        let number = {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.visits.push(ledger::Visit::default());
            ledger.visits.len() - 1
        };
        let mut visit = Visit::begin(self, &channel, number).await;
        for _ in 0..visit.rng().below(20) {
            visit.act().await;
        }
        let (fault, mut told) = (visit.fault, visit.told);
        match self.rng.below(5) {
            0 | 1 => drop(channel),
            2 => in_time("the close", channel.close(200, "done")).await,
            3 => drop(begin(channel.close(200, "done"), self.rng.below(4)).await),
            _ if fault.is_some() => {
                let error = in_time("the end of the channel", channel.closed()).await;
                assert!(is_fault(&error, fault), "{error} instead of {fault:?}");
                told = true;
            }
            _ => {
                let name = super::stored(self.task);
                assert_eq!(declare(&channel, &name).await.unwrap().name, name);
            }
        }
        self.ledger.lock().unwrap().visits[number] = ledger::Visit { fault, told };
        if self.rng.percent(5) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the number of the next message.
    pub fn next_message(&mut self) -> Message {
        self.last += 1;
        (self.task as Message) << 64 | Message::from(self.last)
    }
}
