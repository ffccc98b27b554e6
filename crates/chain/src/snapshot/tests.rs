//! A snapshot's bytes, and what is none.

use super::{
    SnapshotError,
    file::{Kind, Reader, SECTION_LENGTH_MAX, Writer},
};
use crate::fuzz::{fuzz, mutate};

type Sections = Vec<(Kind, Vec<u8>)>;

fn sample() -> (Sections, Vec<u8>) {
    let sections = vec![
        (Kind::Block, b"block".to_vec()),
        (Kind::Certificate, Vec::new()),
        (Kind::Operations, vec![7; 300]),
    ];
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes).expect("memory");
    for (kind, section) in &sections {
        writer.section(*kind, section).expect("memory");
    }
    writer.end().expect("memory");
    (sections, bytes)
}

fn read(bytes: &[u8]) -> Result<Sections, SnapshotError> {
    let mut reader = Reader::new(bytes)?;
    let mut sections = Vec::new();
    while let Some(section) = reader.section()? {
        sections.push(section);
    }
    Ok(sections)
}

#[test]
fn sections_are_read_as_they_were_written() {
    let (sections, bytes) = sample();
    assert_eq!(read(&bytes).expect("whole"), sections);
    // The first version's bytes, as `docs/SNAPSHOT.md` spells them.
    assert_eq!(&bytes[..18], b"llmnet/snapshot\n\x00\x01");
    assert_eq!(&bytes[18..28], b"\x02\x00\x00\x00\x05block");
    assert_eq!(&bytes[28..33], b"\x03\x00\x00\x00\x00");
    assert_eq!(&bytes[33..38], b"\x05\x00\x00\x01\x2c");
    assert_eq!(&bytes[338..343], b"\x06\x00\x00\x00\x20");
    assert_eq!(bytes.len(), 375);
}

#[test]
fn every_change_of_a_byte_is_seen() {
    let (_, bytes) = sample();
    for at in 0..bytes.len() {
        assert!(read(&bytes[..at]).is_err(), "cut at {at}");
        for change in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            assert!(read(&changed).is_err(), "byte {at} changed by {change}");
        }
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(read(&longer), Err(SnapshotError::Damaged { .. })));
}

#[test]
fn a_later_version_is_told_from_damage() {
    let (_, mut bytes) = sample();
    bytes[17] = 9;
    let error = read(&bytes).expect_err("a later version");
    assert!(
        matches!(error, SnapshotError::Version { found: 9, known: 1 }),
        "{error}"
    );
}

#[test]
fn a_length_beyond_the_bound_is_refused_before_there_is_memory_for_it() {
    let (_, mut bytes) = sample();
    bytes[19..23].copy_from_slice(&u32::MAX.to_be_bytes());
    let error = read(&bytes).expect_err("too long");
    assert!(error.to_string().contains("4294967295 bytes"), "{error}");
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out).expect("memory");
    let long = vec![0; SECTION_LENGTH_MAX + 1];
    assert!(writer.section(Kind::Block, &long).is_err());
}

#[test]
fn fuzz_snapshots() {
    let (sections, whole) = sample();
    let body = whole.len() - 37;
    fuzz("snapshots", |source| {
        let mut bytes = whole[..body].to_vec();
        mutate(source, &mut bytes, &whole);
        // Half of them by somebody who knows the format, and puts the digest right again.
        if source.below(2) == 0 {
            let digest = llmnet_types::id::Digest::of(&bytes);
            bytes.extend_from_slice(&[Kind::End as u8, 0, 0, 0, 32]);
            bytes.extend_from_slice(&digest.0);
        } else {
            bytes.extend_from_slice(&whole[body..]);
            mutate(source, &mut bytes, &whole);
        }
        if let Ok(read) = read(&bytes) {
            let mut again = Vec::new();
            let mut writer = Writer::new(&mut again).expect("memory");
            for (kind, section) in &read {
                writer.section(*kind, section).expect("memory");
            }
            writer.end().expect("memory");
            assert!(again == bytes, "a second spelling");
            assert!(read == sections || bytes != whole);
        }
    });
}
