//! What an answer rests on, where OpenAI's clients look for it: for each passage, the place in the text that it holds up.
//!
//! All of a passage, with the proof of where it stands, is under `llmnet.citations`, in the same order.

use serde::Serialize;

use crate::port::{Answered, Citation};

/// The most places that are told: a text may repeat its marks.
const PLACES_MAX: usize = 256;

/// A passage, and where the text rests on it.
struct Place<'a> {
    citation: &'a Citation,
    /// In characters, the last one excluded.
    span: (usize, usize),
}

/// Where a text rests on which passages, in the order of the text.
///
/// A mark `[2]` is of the second passage. A text without marks that has as many paragraphs as there are passages rests on
/// one with each, as those do who answer in the words of passages; else all of it rests on all of them.
fn places<'a>(text: &str, citations: &'a [Citation]) -> Vec<Place<'a>> {
    if citations.is_empty() || text.is_empty() {
        return Vec::new();
    }
    let mut places = marks(text, citations);
    if places.is_empty() {
        let paragraphs = paragraphs(text);
        let whole = (0, text.chars().count());
        let each = paragraphs.len() == citations.len();
        let spans = citations.iter().enumerate();
        places = spans
            .map(|(at, citation)| Place {
                citation,
                span: if each { paragraphs[at] } else { whole },
            })
            .collect();
    }
    places.truncate(PLACES_MAX);
    places
}

fn marks<'a>(text: &str, citations: &'a [Citation]) -> Vec<Place<'a>> {
    let mut found = Vec::new();
    // Where a bracket is open, and what number follows it.
    let mut open: Option<(usize, usize)> = None;
    for (at, character) in text.chars().enumerate() {
        open = match (character, open) {
            ('[', _) => Some((at, 0)),
            (']', Some((start, number))) => {
                let citation = number.checked_sub(1).and_then(|place| citations.get(place));
                found.extend(citation.map(|citation| Place {
                    citation,
                    span: (start, at + 1),
                }));
                None
            }
            (digit, Some((start, number))) => digit.to_digit(10).and_then(|digit| {
                let number = number.checked_mul(10)?.checked_add(digit as usize)?;
                Some((start, number))
            }),
            (_, None) => None,
        };
    }
    found
}

/// Where the paragraphs of a text are.
fn paragraphs(text: &str) -> Vec<(usize, usize)> {
    let mut at = 0;
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let (start, length) = (at, paragraph.chars().count());
        at += length + 2;
        (start, start + length)
    });
    paragraphs.filter(|(start, end)| start < end).collect()
}

/// An annotation of a chat completion. It knows of pages only: a document that is none has a name for an address.
#[derive(Serialize)]
pub(super) struct OfChat<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitation<'a>,
}

#[derive(Serialize)]
struct UrlCitation<'a> {
    start_index: usize,
    end_index: usize,
    title: &'a str,
    url: String,
}

/// The annotations of a chat completion.
pub(super) fn of_chat(answered: &Answered) -> Vec<OfChat<'_>> {
    let places = places(&answered.text, &answered.citations).into_iter();
    let annotations = places.map(|Place { citation, span }| OfChat {
        kind: "url_citation",
        url_citation: UrlCitation {
            start_index: span.0,
            end_index: span.1,
            title: &citation.title,
            url: url(citation),
        },
    });
    annotations.collect()
}

fn url(citation: &Citation) -> String {
    let document = &citation.document;
    if document.starts_with("https://") || document.starts_with("http://") {
        document.clone()
    } else {
        format!("urn:llmnet:passage:{}", citation.passage)
    }
}

/// An annotation of a response.
#[derive(Serialize)]
pub(super) struct OfResponse<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    file_id: String,
    filename: &'a str,
    index: usize,
}

/// The annotations of a response.
pub(super) fn of_response(answered: &Answered) -> Vec<OfResponse<'_>> {
    let places = places(&answered.text, &answered.citations).into_iter();
    let annotations = places.map(|Place { citation, span }| OfResponse {
        kind: "file_citation",
        file_id: citation.passage.to_string(),
        filename: &citation.document,
        index: span.1,
    });
    annotations.collect()
}

#[cfg(test)]
mod tests {
    use llmnet_types::id::Digest;

    use super::*;

    fn citation(document: &str) -> Citation {
        Citation {
            title: "Title".to_owned(),
            document: document.to_owned(),
            passage: Digest([7; 32]),
            corpus: Digest::ZERO,
            as_of_day: 0,
            provider: String::new(),
            quote: String::new(),
        }
    }

    /// What of a text is said to rest on which document.
    fn held(text: &str, documents: &[&str]) -> Vec<(String, String)> {
        let citations: Vec<Citation> = documents.iter().map(|name| citation(name)).collect();
        let places = places(text, &citations).into_iter();
        let held = places.map(|place| {
            let (start, end) = place.span;
            let words = text.chars().skip(start).take(end - start).collect();
            (words, place.citation.document.clone())
        });
        held.collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned =
            |(words, document): &(&str, &str)| ((*words).to_owned(), (*document).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn marks_are_of_their_passages_and_all_else_in_brackets_is_text() {
        let text =
            "Über [2] und [1], [[2]] nicht [0], [3], [], [a1], [1a], [99999999999999999999999] [2";
        let expected = [("[2]", "b"), ("[1]", "a"), ("[2]", "b")];
        assert_eq!(held(text, &["a", "b"]), pairs(&expected));
    }

    #[test]
    fn words_of_passages_are_told_by_paragraphs() {
        let text = "Löwen schlafen.\n\nEulen wachen.";
        let expected = [("Löwen schlafen.", "a"), ("Eulen wachen.", "b")];
        assert_eq!(held(text, &["a", "b"]), pairs(&expected));
        // Nobody knows which of them is whose.
        assert_eq!(held(text, &["a"]), pairs(&[(text, "a")]));
        assert!(held(text, &[]).is_empty() && held("", &["a"]).is_empty());
    }

    #[test]
    fn a_text_of_marks_alone_is_bounded() {
        assert_eq!(held(&"[1]".repeat(1_000), &["a"]).len(), PLACES_MAX);
    }

    #[test]
    fn pages_keep_their_address() {
        assert_eq!(url(&citation("https://a.example/b")), "https://a.example/b");
        let named = format!("urn:llmnet:passage:{}", "07".repeat(32));
        assert_eq!(url(&citation("notes/b.md")), named);
    }
}
