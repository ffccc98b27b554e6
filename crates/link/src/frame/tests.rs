//! Frames byte by byte, and what is none.

#[path = "../../../types/tests/it/fuzz/mutation.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of types, which use all of it"
)]
mod mutation;
#[path = "../../../types/tests/it/fuzz/run.rs"]
mod run;

use super::*;

const LENGTH_MAX: usize = 64;

/// Reads until there is nothing more, and how it ended: whether between two frames.
fn read_all(bytes: &[u8]) -> (Vec<Frame>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let mut rest = bytes;
        let mut frames = Vec::new();
        loop {
            match read(&mut rest, LENGTH_MAX).await {
                Ok(Read::Frame(frame)) => frames.push(frame),
                Ok(Read::End) => return (frames, true),
                Ok(Read::Length(length)) => {
                    assert!(!(CONVERSATION_LENGTH..=LENGTH_MAX).contains(&length));
                    return (frames, false);
                }
                Err(_) => return (frames, false),
            }
        }
    })
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let mut bytes = Vec::new();
        for frame in frames {
            write(&mut bytes, frame).await.expect("memory");
        }
        bytes
    })
}

fn sample() -> Vec<Frame> {
    let frame = |conversation, bytes: &[u8]| Frame {
        conversation,
        bytes: bytes.to_vec(),
    };
    vec![
        hello(&NetworkId([7; 32])),
        frame(1, b"offer"),
        frame(CONTROL, b""),
        frame(u64::MAX, &[9; LENGTH_MAX]),
    ]
}

#[test]
fn frames_are_these_bytes() {
    let bytes = written(&sample());
    assert_eq!(bytes[..12], [40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[12..44], [7; 32]);
    assert_eq!(bytes[44..61], *b"\x0d\0\0\0\x01\0\0\0\0\0\0\0offer");
    assert_eq!(bytes.len(), 32 + 5 + LENGTH_MAX + 4 * FRAME_OVERHEAD);
    assert_eq!(read_all(&bytes), (sample(), true));
    assert_eq!(network_of(&sample()[0]), Some(NetworkId([7; 32])));
    assert_eq!(network_of(&sample()[1]), None);
}

#[test]
fn a_length_beyond_the_bound_takes_no_memory() {
    for length in [0, 7, 8 + LENGTH_MAX as u32 + 1, u32::MAX] {
        let (frames, whole) = read_all(&length.to_le_bytes());
        assert!(frames.is_empty() && !whole, "{length}");
    }
}

#[test]
fn fuzz_frames() {
    let bytes = written(&sample());
    run::fuzz("frames", |source| {
        let mut changed = bytes.clone();
        mutation::mutate(source, &mut changed, &bytes);
        let (frames, whole) = read_all(&changed);
        let again = written(&frames);
        assert!(changed.starts_with(&again), "a second spelling");
        assert!(!whole || again == changed);
    });
}
