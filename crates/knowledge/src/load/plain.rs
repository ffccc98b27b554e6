//! Bytes into text, and text that has no marks at all.

use super::{LoadError, Loaded, Piece};

/// Text in UTF-8, in UTF-16 with its mark, or else, as older files are, in Latin-1.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, LoadError> {
    let utf16 = |unit: fn([u8; 2]) -> u16| {
        let units = bytes[2..]
            .chunks_exact(2)
            .map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => return Ok(utf16(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => return Ok(utf16(u16::from_be_bytes)),
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            return String::from_utf8(rest.to_vec()).map_err(|_| {
                LoadError::Damaged("text that begins as UTF-8 and is not".to_owned())
            });
        }
        _ => {}
    }
    if bytes.contains(&0) {
        return Err(LoadError::Damaged("no text, but zero bytes".to_owned()));
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect()))
}

/// One part; its title is left to the file's name.
pub(super) fn load(text: String) -> Loaded {
    Loaded {
        parts: vec![Piece {
            text,
            ..Piece::default()
        }],
        ..Loaded::default()
    }
}
