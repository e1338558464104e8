//! Frames: what the bytes of a connection are divided into.

/// The bytes of a frame beside its payload: type, channel and length in front, and the end mark.
pub(crate) const OVERHEAD: usize = HEAD + 1;
const HEAD: usize = 7;
const END: u8 = 0xCE;

/// The class of messages' content.
pub(crate) const CLASS_BASIC: u16 = 60;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Method,
    Header,
    Body,
    Heartbeat,
}

/// A frame within the bytes that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) channel: u16,
    pub(crate) payload: &'a [u8],
}

impl Frame<'_> {
    /// Returns how many bytes the frame takes.
    pub(crate) fn len(&self) -> usize {
        self.payload.len() + OVERHEAD
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// More bytes have to be read: this many in all, as far as is known.
    Incomplete(usize),
    /// The frame announces a payload of so many bytes.
    TooLarge(usize),
    /// The other side speaks another protocol, or has lost its place in its own bytes.
    NotAFrame,
}

/// Reads the frame at the beginning of `bytes`.
///
/// # Errors
///
/// Fails if the frame is not complete, or has a payload of more than `max_payload` bytes, or is no frame.
pub(crate) fn read(bytes: &[u8], max_payload: usize) -> Result<Frame<'_>, FrameError> {
    let kind = match bytes.first() {
        None => return Err(FrameError::Incomplete(OVERHEAD)),
        Some(1) => Kind::Method,
        Some(2) => Kind::Header,
        Some(3) => Kind::Body,
        Some(8) => Kind::Heartbeat,
        Some(_) => return Err(FrameError::NotAFrame),
    };
    let Some(&[_, c1, c2, l1, l2, l3, l4]) = bytes.first_chunk::<HEAD>() else {
        return Err(FrameError::Incomplete(OVERHEAD));
    };
    let (channel, length) = (u16::from_be_bytes([c1, c2]), u32::from_be_bytes([l1, l2, l3, l4]));
    let length = length as usize;
    if length > max_payload {
        return Err(FrameError::TooLarge(length));
    }
    let end = HEAD + length;
    match (bytes.get(HEAD..end), bytes.get(end)) {
        (Some(payload), Some(&END)) => Ok(Frame { kind, channel, payload }),
        (Some(_), Some(_)) => Err(FrameError::NotAFrame),
        _ => Err(FrameError::Incomplete(end + 1)),
    }
}

/// Returns the payloads of the frames of one kind.
pub(crate) fn payloads(mut bytes: &[u8], kind: Kind) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let frame = read(bytes, usize::MAX).ok()?;
        bytes = bytes.get(frame.len()..)?;
        Some(frame)
    })
    .filter(move |frame| frame.kind == kind)
    .map(|frame| frame.payload)
}

/// Appends a method frame, whose payload `write` appends.
pub(crate) fn put_method(out: &mut Vec<u8>, channel: u16, write: impl FnOnce(&mut Vec<u8>)) {
    let start = begin(out, 1, channel);
    write(out);
    finish(out, start);
}

/// Appends a heartbeat.
pub(crate) fn put_heartbeat(out: &mut Vec<u8>) {
    let start = begin(out, 8, 0);
    finish(out, start);
}

/// Appends the content of a message: its header, and its body in as many frames as it takes.
pub(crate) fn put_content(
    out: &mut Vec<u8>,
    channel: u16,
    properties: &[u8],
    body: &[&[u8]],
    max_payload: usize,
) {
    let size: usize = body.iter().map(|segment| segment.len()).sum();
    let start = begin(out, 2, channel);
    out.extend_from_slice(&CLASS_BASIC.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(size as u64).to_be_bytes());
    out.extend_from_slice(properties);
    finish(out, start);
    let mut segments = body.iter().copied().filter(|segment| !segment.is_empty());
    let mut segment = segments.next();
    while segment.is_some() {
        let start = begin(out, 3, channel);
        let mut room = max_payload;
        while let Some(bytes) = segment
            && room > 0
        {
            let (now, later) = bytes.split_at(bytes.len().min(room));
            out.extend_from_slice(now);
            room -= now.len();
            segment = if later.is_empty() { segments.next() } else { Some(later) };
        }
        finish(out, start);
    }
}

/// Returns how many bytes [`put_content`] appends at most.
pub(crate) fn content_len(properties: usize, body: usize, max_payload: usize) -> usize {
    OVERHEAD + 12 + properties + body + (body / max_payload.max(1) + 1) * OVERHEAD
}

fn begin(out: &mut Vec<u8>, kind: u8, channel: u16) -> usize {
    let start = out.len();
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    start
}

/// Writes the length of the payload into the frame that began at `start`, and ends it.
fn finish(out: &mut Vec<u8>, start: usize) {
    let length = (out.len() - start - HEAD) as u32;
    if let Some(place) = out.get_mut(start + 3..start + HEAD) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    out.push(END);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns kind, channel and payload of all frames.
    fn frames(mut bytes: &[u8]) -> Vec<(Kind, u16, Vec<u8>)> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let frame = read(bytes, usize::MAX).unwrap();
            frames.push((frame.kind, frame.channel, frame.payload.to_vec()));
            bytes = &bytes[frame.len()..];
        }
        frames
    }

    #[test]
    fn a_body_is_divided_into_frames_wherever_its_segments_meet() {
        let body: Vec<u8> = (0..20).collect();
        for at in 0..=20 {
            for max in 1..=21 {
                let mut out = Vec::new();
                let (one, other) = body.split_at(at);
                put_content(&mut out, 7, &[0, 0], &[one, other], max);
                assert!(out.len() <= content_len(2, 20, max));
                let frames = frames(&out);
                assert_eq!(frames[0].2, [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0]);
                let bodies: Vec<_> = frames[1..].iter().map(|(_, _, body)| body.clone()).collect();
                assert_eq!(bodies.len(), 20usize.div_ceil(max));
                assert_eq!(bodies.concat(), body);
            }
        }
    }

    #[test]
    fn an_empty_body_takes_no_frame() {
        let mut out = Vec::new();
        put_content(&mut out, 1, &[0, 0], &[&[], &[]], 10);
        assert_eq!(frames(&out).len(), 1);
    }

    #[test]
    fn a_frame_is_complete_with_its_last_byte() {
        let mut out = Vec::new();
        put_method(&mut out, 3, |out| out.extend_from_slice(b"abc"));
        for length in 0..out.len() {
            assert!(matches!(read(&out[..length], 3), Err(FrameError::Incomplete(_))), "{length}");
        }
        assert_eq!(read(&out, 3).unwrap().payload, b"abc");
        assert_eq!(read(&out, 2), Err(FrameError::TooLarge(3)));
        *out.last_mut().unwrap() = 0;
        assert_eq!(read(&out, 3), Err(FrameError::NotAFrame));
        assert_eq!(read(b"HTTP/1.1", 3), Err(FrameError::NotAFrame));
    }
}
