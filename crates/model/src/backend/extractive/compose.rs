//! Passages into an answer's text: whole sentences, as they stand.

use llmnet_types::{
    passage::Passage,
    registration::Tokenizer,
    units::{Score, Tokens},
};

/// The most sentences quoted of the main passage.
const SENTENCES_MAX: usize = 3;

/// The text, and of how many passages it is made; `None` where not even one sentence fits.
///
/// Of the first passage come its first sentence, which says what it is about, and those that cover most of
/// the question; of a second passage the one that covers most.
pub(super) fn compose(
    passages: &[&Passage],
    score: impl Fn(&str) -> Score,
    limit: Tokens,
) -> Option<(String, usize)> {
    let main = sentences(&passages.first()?.text);
    let mut places: Vec<usize> = (1..main.len()).collect();
    places.sort_by_key(|place| (std::cmp::Reverse(score(main[*place])), *place));
    let mut chosen = vec![0];
    for place in places {
        if chosen.len() == SENTENCES_MAX {
            break;
        }
        chosen.push(place);
        chosen.sort_unstable();
        if Tokenizer::Bytes4.count(&join(&main, &chosen)) > limit {
            chosen.retain(|other| *other != place);
        }
    }
    let text = join(&main, &chosen);
    if text.is_empty() || Tokenizer::Bytes4.count(&text) > limit {
        return None;
    }
    let second = passages.get(1).and_then(|passage| {
        let sentences = sentences(&passage.text);
        let best = sentences
            .iter()
            .rev()
            .max_by_key(|sentence| score(sentence))?;
        let both = format!("{text}\n\n{best}");
        (Tokenizer::Bytes4.count(&both) <= limit).then_some(both)
    });
    Some(second.map_or((text, 1), |both| (both, 2)))
}

fn join(sentences: &[&str], chosen: &[usize]) -> String {
    let chosen: Vec<&str> = chosen
        .iter()
        .filter_map(|place| sentences.get(*place).copied())
        .collect();
    chosen.join(" ")
}

/// Whether every sentence of a text stands in one of the passages, but for white space.
pub(super) fn stands_in<'a>(text: &str, passages: impl Iterator<Item = &'a Passage>) -> bool {
    let passages: Vec<String> = passages.map(|passage| plain(&passage.text)).collect();
    let mut sentences = text.split("\n\n").flat_map(sentences).peekable();
    sentences.peek().is_some()
        && sentences.all(|sentence| {
            let sentence = plain(sentence);
            passages.iter().any(|passage| passage.contains(&sentence))
        })
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sentences of a text. An end is `.`, `!` or `?` before white space and what begins a sentence; an
/// abbreviation may still split one, which only makes two shorter quotes of it.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut begin = 0;
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    for window in characters.windows(3) {
        let [(_, end), (gap, space), (next, first)] = window else {
            continue;
        };
        let begins =
            first.is_uppercase() || first.is_ascii_digit() || matches!(first, '"' | '\u{201c}');
        if matches!(end, '.' | '!' | '?') && space.is_whitespace() && begins {
            sentences.push(text[begin..*gap].trim());
            begin = *next;
        }
    }
    sentences.push(text[begin..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}
