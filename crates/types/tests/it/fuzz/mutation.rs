//! A few changes to bytes, of the kinds that decoders stumble over.

use crate::any::Source;

/// Longer than any value we make; repeats do not grow without end.
const LENGTH_MAX: usize = 1 << 20;

/// Numbers at which counts, lengths and sums break.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    10_000,
    10_001,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0xffff_ffff,
    u64::MAX - 1,
    u64::MAX,
];

/// Changes bytes in one to four places; now and then in none. Pieces may come from `other`.
pub(crate) fn mutate(source: &mut Source, bytes: &mut Vec<u8>, other: &[u8]) {
    if source.below(32) == 0 {
        return;
    }
    for _ in 0..=source.below(4) {
        change(source, bytes, other);
        bytes.truncate(LENGTH_MAX);
    }
}

fn change(source: &mut Source, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.push(source.next() as u8);
        return;
    }
    let at = place(source, bytes.len());
    match source.below(10) {
        0 => bytes[at] ^= 1 << source.below(8),
        1 => bytes[at] = source.next() as u8,
        2 => {
            let number = NUMBERS[source.below(NUMBERS.len())].to_le_bytes();
            let width = 1 << source.below(4);
            overwrite(bytes, at, &number[..width]);
        }
        3 => {
            // A count, most likely: one more or one less than there are.
            let count = u16::from_le_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)]);
            let step = 1 + source.below(3) as u16;
            let count = if source.below(2) == 0 {
                count.wrapping_add(step)
            } else {
                count.wrapping_sub(step)
            };
            overwrite(bytes, at, &count.to_le_bytes());
        }
        4 => bytes.truncate(at),
        5 => {
            bytes.drain(piece(source, bytes.len(), at));
        }
        6 => {
            let repeated = bytes[piece(source, bytes.len(), at)].to_vec();
            for _ in 0..=source.below(3) {
                bytes.splice(at..at, repeated.iter().copied());
            }
        }
        7 => {
            let from = place(source, bytes.len());
            let moved = bytes[piece(source, bytes.len(), from)].to_vec();
            overwrite(bytes, at, &moved);
        }
        8 if !other.is_empty() => {
            let from = place(source, other.len());
            let foreign = other[piece(source, other.len(), from)].to_vec();
            let replaced = piece(source, bytes.len(), at);
            bytes.splice(replaced, foreign);
        }
        _ => {
            let added: Vec<u8> = (0..=source.below(8)).map(|_| source.next() as u8).collect();
            bytes.splice(at..at, added);
        }
    }
}

/// A place in so many bytes: anywhere, or near either end, where counts and variants stand.
fn place(source: &mut Source, length: usize) -> usize {
    match source.below(4) {
        0 => source.below(length.min(8)),
        1 => length - 1 - source.below(length.min(8)),
        _ => source.below(length),
    }
}

/// A piece from there on, seldom a long one.
fn piece(source: &mut Source, length: usize, at: usize) -> std::ops::Range<usize> {
    let longest = [1, 2, 4, 8, 32, 64, 256, length][source.below(8)];
    at..length.min(at + 1 + source.below(longest))
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, with) in bytes[at..].iter_mut().zip(with) {
        *byte = *with;
    }
}

/// Changes text line by line, as pretty JSON has it: lines go, come twice, change place, or say another
/// number or word.
pub(crate) fn mutate_lines(source: &mut Source, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=source.below(3) {
        if lines.is_empty() {
            break;
        }
        let at = source.below(lines.len());
        let other = source.below(lines.len());
        match source.below(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[other].clone()),
            2 => lines.swap(at, other),
            3 => lines[at] = lines[other].clone(),
            4 => lines[at] = another_value(source, &lines[at]),
            _ => {
                let mut bytes = lines[at].clone().into_bytes();
                change(source, &mut bytes, lines[other].as_bytes());
                lines[at] = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
    }
    lines.join("\n") + "\n"
}

fn another_value(source: &mut Source, line: &str) -> String {
    const VALUES: [&str; 14] = [
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "-1",
        "0",
        "1",
        "0.5",
        "1e3",
        "65536",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
    ];
    let Some((name, value)) = line.split_once(": ") else {
        return line.to_owned();
    };
    let end = if value.ends_with(',') { "," } else { "" };
    format!("{name}: {}{end}", VALUES[source.below(VALUES.len())])
}
