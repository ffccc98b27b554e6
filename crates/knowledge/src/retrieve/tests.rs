use llmnet_types::{codec::Text, id::Salt};

use super::*;
use crate::ingest::{Document, parse};

fn document() -> Document {
    let text = "---\ndomain: d\ntitle: D\nas_of: 2026-01-01\nlicence: MIT\n---\n\
## Owls\n\nOwls hunt mice at midnight.\n\nTerms: nocturnal predator\n\
## Mice\n\nMice eat grain and hide.\n\
## Grain\n\nGrain is dried in August.\n\
## Comets\n\nComets have tails of gas.\n";
    parse("d.md", text).unwrap()
}

fn shelf(from: &Document, public: &[Document]) -> Shelf {
    let corpus = Corpus::new(from.sections.clone(), &Salt([1; 32]), from.as_of_day).unwrap();
    Shelf::new(corpus, Arc::new(Sample::new(public))).unwrap()
}

#[test]
fn findings_can_be_cited_at_once() {
    let document = document();
    let shelf = shelf(&document, std::slice::from_ref(&document));
    let findings = shelf
        .find("Which nocturnal predator hunts mice?", 2)
        .unwrap();
    assert_eq!(findings[0].evidence.passage.title.as_str(), "Owls");
    assert!(findings[0].evidence.holds());
    assert!(findings[0].coverage > findings[1].coverage);
    assert!(shelf.find("?!", 2).unwrap().is_empty());
}

#[test]
fn a_strangers_passage_is_measured_as_ones_own() {
    let document = document();
    let shelf = shelf(&document, std::slice::from_ref(&document));
    let question = "Which nocturnal predator hunts?";
    let own = &document.sections[0].passage;
    let known = shelf.compare(question, &[own])[0];
    let mut stranger = own.clone();
    stranger.document = Text::new("Elsewhere").unwrap();
    let both = shelf.compare(question, &[own, &stranger]);
    assert!(
        known > both[0],
        "search words count only where all are known"
    );
    assert_eq!(both[0], both[1]);
}

#[test]
fn a_word_in_common_is_little_evidence() {
    let document = document();
    let shelf = shelf(&document, std::slice::from_ref(&document));
    let coverage = |question| shelf.find(question, 1).unwrap()[0].coverage;
    assert!(coverage("Do tails of comets have gas?") > Score::clamped(7_500));
    assert!(coverage("Where was the grain merchant Silva born?") < Score::clamped(4_500));
}

#[test]
fn chatter_takes_little_away_and_another_subject_much() {
    let document = document();
    let shelf = shelf(&document, std::slice::from_ref(&document));
    let coverage = |question| shelf.find(question, 1).unwrap()[0].coverage;
    let plain = coverage("Do mice eat grain?");
    let chatty = coverage("honestly my sister wondered last week, do mice eat grain?");
    let other = coverage("a pizza recipe for the wedding, do mice eat grain?");
    assert!(
        plain > chatty && chatty > other,
        "{plain:?} {chatty:?} {other:?}"
    );
    assert!(other < Score::clamped(4_500), "{other:?}");
}

#[test]
fn words_of_one_phrase_say_more_than_scattered_ones() {
    let document = document();
    let shelf = shelf(&document, std::slice::from_ref(&document));
    let together = shelf.coverage("tails of gas", "Comets have tails of gas.");
    let scattered = shelf.coverage("tails of gas", "Mice have tails. Lamps burn gas.");
    assert!(together > scattered);
}
