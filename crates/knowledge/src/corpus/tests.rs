use llmnet_types::codec::Text;

use super::*;
use crate::ingest::parse;

fn document(passages: usize) -> Document {
    let mut text = "---\ndomain: d\ntitle: D\nas_of: 2026-01-01\nlicence: MIT\n---\n".to_owned();
    for passage in 0..passages {
        text.push_str(&format!("## P{passage}\n\nText {passage}.\n"));
    }
    parse("d.md", &text).unwrap()
}

const SALT: Salt = Salt([9; 32]);

#[test]
fn cor_1_a_root_covers_every_passage_and_the_salt() {
    let sections = document(7).sections;
    let corpus = Corpus::new(sections.clone(), &SALT, 5).unwrap();
    assert_eq!(corpus.registration().passages, 7);
    assert_eq!(corpus.registration().as_of_day, 5);
    let other_salt = Corpus::new(sections.clone(), &Salt([8; 32]), 5).unwrap();
    assert_ne!(corpus.root(), other_salt.root());
    let mut fewer = sections.clone();
    fewer.pop();
    assert_ne!(corpus.root(), Corpus::new(fewer, &SALT, 5).unwrap().root());
    let twice = [sections.clone(), sections].concat();
    assert!(matches!(
        Corpus::new(twice, &SALT, 5),
        Err(CorpusError::Duplicate { .. })
    ));
    assert!(matches!(
        Corpus::new(Vec::new(), &SALT, 5),
        Err(CorpusError::Empty)
    ));
}

#[test]
fn cor_2_a_citation_proves_its_passage_and_no_other() {
    let corpus = Corpus::new(document(7).sections, &SALT, 5).unwrap();
    for place in 0..7 {
        let evidence = corpus.cite(place).unwrap();
        assert!(evidence.holds());
        assert_eq!(corpus.place(&evidence.passage), Some(place));
        let mut altered = evidence.clone();
        altered.passage.text = Text::new("Text of my own.").unwrap();
        assert!(!altered.holds());
        assert_eq!(corpus.place(&altered.passage), None);
        let mut moved = evidence;
        moved.citation = corpus.cite((place + 1) % 7).unwrap().citation;
        assert!(!moved.holds());
    }
    assert!(corpus.cite(7).is_none());
}

#[test]
fn experts_hold_different_halves_and_the_same_at_every_start() {
    let document = document(200);
    let (a, b) = (part(&document, "a"), part(&document, "b"));
    assert_eq!(a, part(&document, "a"));
    assert_ne!(a, b);
    for half in [a, b] {
        assert!((70..130).contains(&half.len()), "{}", half.len());
    }
}
