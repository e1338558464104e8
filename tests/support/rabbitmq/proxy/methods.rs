//! Reads AMQP methods from the bytes that a client sends.

use std::mem;

use amq_protocol::frame::AMQPFrame;
use amq_protocol::frame::parsing::parse_frame;
use amq_protocol::protocol::AMQPClass;

/// Type, channel and length of a frame.
const HEADER: usize = 7;

/// The first frame, `AMQP` and a version, is longer than its header says: it has none.
const GREETING: usize = 8;

/// A method that a client called.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// The number of the proxy's link that carried it.
    pub link: usize,
    /// The channel.
    pub channel: u16,
    /// The method with its arguments.
    pub class: AMQPClass,
}

/// Reads the frames of one link.
#[derive(Debug)]
pub(super) struct Reader {
    link: usize,
    unread: Vec<u8>,
    /// Whether the bytes are not AMQP but TLS, for example. Then nothing more is read.
    lost: bool,
}

impl Reader {
    pub(super) fn new(link: usize) -> Self {
        Self { link, unread: Vec::new(), lost: false }
    }

    /// Reads more bytes, and returns the methods that they complete.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Method> {
        if self.lost {
            return Vec::new();
        }
        self.unread.extend_from_slice(bytes);
        let unread = mem::take(&mut self.unread);
        let mut rest = unread.as_slice();
        let mut methods = Vec::new();
        while let Some(length) = frame_length(rest)
            && let Some((frame, after)) = rest.split_at_checked(length)
        {
            rest = after;
            match parse_frame(frame) {
                Ok((_, AMQPFrame::Method(channel, class))) => {
                    methods.push(Method { link: self.link, channel, class });
                }
                Ok(_) => {}
                Err(_) => {
                    self.lost = true;
                    return methods;
                }
            }
        }
        self.unread = rest.to_vec();
        methods
    }
}

/// Returns the length of the first frame in `bytes`, or `None` if its header is incomplete.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    if bytes.first() == Some(&b'A') {
        return Some(GREETING);
    }
    let header = bytes.get(..HEADER)?;
    let payload = u32::from_be_bytes(header[3..].try_into().ok()?) as usize;
    // One more byte ends it.
    payload.checked_add(HEADER + 1)
}

#[cfg(test)]
mod tests {
    use amq_protocol::frame::{ProtocolVersion, WriteContext, gen_frame};
    use amq_protocol::protocol::{basic, queue};

    use super::*;

    fn bytes(frames: &[AMQPFrame]) -> Vec<u8> {
        frames.iter().fold(Vec::new(), |buffer, frame| {
            gen_frame(frame)(WriteContext::from(buffer)).unwrap().write
        })
    }

    fn session() -> Vec<AMQPFrame> {
        let declare = queue::Declare { queue: "q".into(), durable: true, ..Default::default() };
        let qos = basic::Qos { prefetch_count: 7, ..Default::default() };
        vec![
            AMQPFrame::ProtocolHeader(ProtocolVersion::amqp_0_9_1()),
            AMQPFrame::Heartbeat,
            AMQPFrame::Method(1, AMQPClass::Queue(queue::AMQPMethod::Declare(declare))),
            AMQPFrame::Body(1, b"A body".to_vec()),
            AMQPFrame::Method(2, AMQPClass::Basic(basic::AMQPMethod::Qos(qos))),
        ]
    }

    fn sent(session: Vec<AMQPFrame>) -> Vec<Method> {
        let method = |frame| match frame {
            AMQPFrame::Method(channel, class) => Some(Method { link: 3, channel, class }),
            _ => None,
        };
        session.into_iter().filter_map(method).collect()
    }

    #[test]
    fn methods_are_found_between_other_frames() {
        assert_eq!(Reader::new(3).read(&bytes(&session())), sent(session()));
    }

    #[test]
    fn it_does_not_matter_where_what_is_sent_is_cut() {
        let mut reader = Reader::new(3);
        let read: Vec<_> =
            bytes(&session()).into_iter().flat_map(|byte| reader.read(&[byte])).collect();
        assert_eq!(read, sent(session()));
    }

    #[test]
    fn what_is_not_amqp_has_no_methods() {
        let mut reader = Reader::new(3);
        assert_eq!(reader.read(&[22, 3, 1, 0, 0, 0, 2, 9, 9, 9]), []);
        assert_eq!(reader.read(&bytes(&session())), []);
    }
}
