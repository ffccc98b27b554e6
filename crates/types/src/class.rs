//! What makes two answers equal: the key of an answer's class, computed from the words alone (DEB-2, DEB-8).
//!
//! An answer that quotes is known by its main passage. Any other is known by its *choice*, what it comes
//! down to where the question is closed or the answer says which its final word is, else by all of its
//! words without case and punctuation. Who is in doubt whether two answers say the same keeps them apart:
//! that costs a debate, where a class too wide would feign agreement.

mod choice;

use crate::{
    id::{ContractId, Digest},
    message::{Answer, answer_class},
    request::Request,
};

pub use choice::choice;

/// The most bytes of a choice: a longer one is a text like any other.
pub const CHOICE_LENGTH_MAX: usize = 64;

/// What makes a text equal to others as an answer to a question; audits name it (AUD-1).
pub fn text_key(question: &str, text: &str) -> Digest {
    let words = choice(question, text).unwrap_or_else(|| normalised(text));
    Digest::of(words.as_bytes())
}

/// The class of an answer that rests on no passage.
pub fn text_class(contract: &ContractId, request: &Request, text: &str) -> Digest {
    answer_class(contract, &text_key(request.question(), text).0)
}

/// Whether an answer is of the class it claims: that of its text, or that of its main passage where it says
/// nothing but what its passages say (DEB-8).
///
/// Else a seat could put any text into the class of the many, and have it delivered as theirs.
pub fn follows(contract: &ContractId, request: &Request, answer: &Answer) -> bool {
    let of_passage = answer
        .evidence
        .first()
        .is_some_and(|main| answer.class == answer_class(contract, &main.passage.digest().0));
    (of_passage && quotes(answer)) || answer.class == text_class(contract, request, &answer.text)
}

/// Whether each sentence of an answer stands in one of its passages, but for case and punctuation.
///
/// Sentences are cut at every sign that may end one: what is cut too often still stands where the whole did.
fn quotes(answer: &Answer) -> bool {
    let words = |text: &str| format!(" {} ", normalised(text));
    let passages: Vec<String> = answer
        .evidence
        .iter()
        .map(|evidence| words(&evidence.passage.text))
        .collect();
    let mut begin = 0;
    let text = answer.text.as_str();
    let ends = text.char_indices().filter_map(|(at, sign)| {
        let after = at + sign.len_utf8();
        let apart = text[after..].chars().next().is_none_or(char::is_whitespace);
        ((".!?".contains(sign) && apart) || sign == '\n').then_some(after)
    });
    ends.chain([text.len()]).all(|end| {
        let sentence = words(&text[begin..end]);
        begin = end;
        sentence.trim().is_empty() || passages.iter().any(|passage| passage.contains(&sentence))
    })
}

/// A text without what does not change its meaning: case, punctuation, white space.
///
/// Only punctuation of prose goes, and none between digits or before one: `-5`, `3.14` and `C++` stay.
pub fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut before = None;
    let mut gap = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let to_digit = characters.peek().is_some_and(char::is_ascii_digit);
        let from_digit = before.is_some_and(|before: char| before.is_ascii_digit());
        let kept = to_digit && (from_digit || character == '.');
        before = Some(character);
        if character.is_whitespace() || (is_prose(character) && !kept) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) && !plain.is_empty() {
            plain.push(' ');
        }
        // Every answer passes here several times, and most of it is ASCII.
        if character.is_ascii() {
            plain.push(character.to_ascii_lowercase());
        } else {
            plain.extend(character.to_lowercase());
        }
    }
    plain
}

const fn is_prose(character: char) -> bool {
    matches!(
        character,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '"'
            | '\''
            | '`'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '*'
            | '_'
    ) || matches!(character, '\u{2018}'..='\u{201f}')
}

#[cfg(test)]
mod tests;
