//! The bytes that wait to be written.

use std::collections::VecDeque;
use std::mem;

/// How many bytes may wait before publishers are asked to wait.
const HIGH_WATER: usize = 1024 * 1024;
/// How many bytes may wait when publishers go on.
const LOW_WATER: usize = HIGH_WATER / 2;
/// A buffer that has grown beyond this is not kept.
const MAX_KEPT: usize = 64 * 1024;

/// The bytes that wait to be written, in order. What comes while earlier bytes are written gathers in one buffer, and leaves in
/// one write.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Messages that were too large to be copied, and what gathered in front of them.
    chunks: VecDeque<Vec<u8>>,
    tail: Vec<u8>,
    /// How many bytes wait or are being written.
    bytes: usize,
    full: bool,
}

impl Outgoing {
    /// Appends what `write` writes.
    pub(super) fn append<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let before = self.tail.len();
        let written = write(&mut self.tail);
        self.add(self.tail.len() - before);
        written
    }

    /// Appends a buffer without copying it.
    pub(super) fn push(&mut self, chunk: Vec<u8>) {
        if !self.tail.is_empty() {
            self.chunks.push_back(mem::take(&mut self.tail));
        }
        self.add(chunk.len());
        self.chunks.push_back(chunk);
    }

    fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.full |= self.bytes >= HIGH_WATER;
    }

    /// Returns whether publishers should wait.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// Replaces `chunk`, which has been written, by the next one; it is empty if nothing waits.
    pub(super) fn next(&mut self, chunk: &mut Vec<u8>) {
        self.bytes -= chunk.len();
        self.full &= self.bytes > LOW_WATER;
        match self.chunks.pop_front() {
            Some(next) => *chunk = next,
            None => {
                chunk.clear();
                if chunk.capacity() > MAX_KEPT {
                    *chunk = Vec::new();
                }
                mem::swap(chunk, &mut self.tail);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_leave_in_the_order_in_which_they_came() {
        let mut outgoing = Outgoing::default();
        outgoing.append(|out| out.extend_from_slice(b"a"));
        outgoing.push(b"large".to_vec());
        outgoing.append(|out| out.extend_from_slice(b"b"));
        outgoing.append(|out| out.extend_from_slice(b"c"));
        let (mut chunk, mut written) = (Vec::new(), Vec::new());
        loop {
            outgoing.next(&mut chunk);
            if chunk.is_empty() {
                break;
            }
            written.push(chunk.clone());
        }
        assert_eq!(written, [b"a".to_vec(), b"large".to_vec(), b"bc".to_vec()]);
        assert!(outgoing.is_empty());
        assert_eq!(outgoing.bytes, 0);
    }

    #[test]
    fn publishers_wait_until_half_of_the_bytes_are_written() {
        let mut outgoing = Outgoing::default();
        for _ in 0..4 {
            assert!(!outgoing.is_full());
            outgoing.push(vec![0; HIGH_WATER / 4]);
        }
        let mut chunk = Vec::new();
        outgoing.next(&mut chunk);
        outgoing.next(&mut chunk);
        assert!(outgoing.is_full());
        outgoing.next(&mut chunk);
        assert!(!outgoing.is_full());
    }
}
