//! Methods that the broker answers. It answers those of one channel in order, except those about consumers: in RabbitMQ the queue
//! answers these, and the channel may answer later requests before it hears of that.

use tokio::sync::oneshot;

use crate::Error;
use crate::wire::server_method::ServerMethod;
use crate::wire::text::Text;

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Declared(DeclaredQueue),
    Deleted { messages: u32 },
}

/// A queue that has been declared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeclaredQueue {
    /// Its name.
    pub name: String,
    /// How many messages are ready to be delivered.
    pub messages: u32,
    /// How many consumers it has.
    pub consumers: u32,
}

/// The method that answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    ChannelOpen,
    ExchangeDeclare,
    ExchangeDelete,
    QueueDeclare,
    QueueBind,
    QueueUnbind,
    QueueDelete,
    Qos,
    Consume,
    Cancel,
    Select,
    UpdateSecret,
}

impl Expected {
    /// Returns what a method answers, and what it says; `None` if it is no answer.
    pub(crate) fn of(method: &ServerMethod<'_>) -> Option<(Self, Answer)> {
        let expected = match *method {
            ServerMethod::QueueDeclareOk { name, messages, consumers } => {
                let name = name.to_string_lossy().into_owned();
                let declared = DeclaredQueue { name, messages, consumers };
                return Some((Self::QueueDeclare, Answer::Declared(declared)));
            }
            ServerMethod::QueueDeleteOk { messages } => {
                return Some((Self::QueueDelete, Answer::Deleted { messages }));
            }
            ServerMethod::ChannelOpenOk => Self::ChannelOpen,
            ServerMethod::ExchangeDeclareOk => Self::ExchangeDeclare,
            ServerMethod::ExchangeDeleteOk => Self::ExchangeDelete,
            ServerMethod::QueueBindOk => Self::QueueBind,
            ServerMethod::QueueUnbindOk => Self::QueueUnbind,
            ServerMethod::QosOk => Self::Qos,
            ServerMethod::ConsumeOk { .. } => Self::Consume,
            ServerMethod::CancelOk { .. } => Self::Cancel,
            ServerMethod::SelectOk => Self::Select,
            ServerMethod::UpdateSecretOk => Self::UpdateSecret,
            _ => return None,
        };
        Some((expected, Answer::Done))
    }
}

/// A method that was sent and waits for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    expected: Expected,
    /// The tag of the consumer that the method is about, by which its answer is known.
    consumer: Option<Box<[u8]>>,
    answer: oneshot::Sender<Result<Answer, Error>>,
}

impl Request {
    /// Creates a request, and what receives its answer. Whoever waits may drop the receiver: the answer is then dropped.
    pub(crate) fn new(expected: Expected) -> (Self, oneshot::Receiver<Result<Answer, Error>>) {
        let (answer, receiver) = oneshot::channel();
        (Self { expected, consumer: None, answer }, receiver)
    }

    /// Makes this a request about the consumer of a tag.
    pub(crate) fn about(mut self, consumer: &str) -> Self {
        self.consumer = Some(consumer.as_bytes().into());
        self
    }

    /// Returns whether an answer is for this request: it is of this kind, and about this consumer or none.
    pub(crate) fn expects(&self, kind: Expected, consumer: Option<Text<'_>>) -> bool {
        self.expected == kind && self.consumer.as_deref() == consumer.map(Text::as_bytes)
    }

    /// Returns whether the method is about a consumer.
    pub(crate) fn is_about_consumer(&self) -> bool {
        self.consumer.is_some()
    }

    pub(crate) fn answer(self, answer: Result<Answer, Error>) {
        let _ = self.answer.send(answer);
    }
}
