use llmnet_types::{
    codec::Text,
    id::{Digest, Salt},
};

use super::*;
use crate::{ingest::Section, store::NewDocument};

fn document(text: &str) -> NewDocument {
    NewDocument {
        digest: Digest::of(text.as_bytes()),
        title: String::new(),
        kind: "text".to_owned(),
        licence: String::new(),
        as_of_day: 1,
        bytes: text.len() as u64,
        sections: vec![Section {
            passage: Passage {
                document: Text::new("d").unwrap(),
                title: Text::new("").unwrap(),
                text: Text::new(text).unwrap(),
            },
            terms: String::new(),
        }],
    }
}

fn at_present(store: &Arc<Store>) -> Stored {
    let proofs = store.proofs().unwrap();
    Stored::new(Arc::clone(store), proofs, Arc::default())
}

fn texts(library: &Stored) -> Vec<String> {
    let found = library.find("Where do owls sleep?", 5).unwrap();
    for finding in &found {
        assert!(finding.evidence.holds());
        assert_eq!(finding.evidence.citation.root, library.proofs.root());
    }
    let text = |finding: &Finding| finding.evidence.passage.text.to_string();
    let mut texts: Vec<_> = found.iter().map(text).collect();
    texts.sort();
    texts
}

#[test]
fn cor_2_what_came_after_an_announcement_is_not_cited_under_its_root_and_what_went_not_at_all() {
    let store = Arc::new(Store::in_memory(&Salt([1; 32])).unwrap());
    store.add("a", &document("Owls sleep in barns.")).unwrap();
    store.add("b", &document("Owls sleep by day.")).unwrap();
    let before = at_present(&store);
    store.add("c", &document("Owls sleep in holes.")).unwrap();
    store.remove("b").unwrap();
    let after = at_present(&store);
    assert_eq!(texts(&before), ["Owls sleep in barns."]);
    assert_eq!(
        texts(&after),
        ["Owls sleep in barns.", "Owls sleep in holes."]
    );
}

#[test]
fn reg_8_the_share_that_changed_is_told_since_the_last_announcement() {
    let store = Store::in_memory(&Salt([1; 32])).unwrap();
    for number in 0..9 {
        let text = format!("Owl number {number}.");
        store.add(&text, &document(&text)).unwrap();
    }
    let first = store.proofs().unwrap();
    assert_eq!(store.changed(&first).unwrap(), Score::ONE);
    store.note_announced(&first).unwrap();
    assert_eq!(store.changed(&first).unwrap(), Score::ZERO);
    // One comes: a tenth.
    store.add("j", &document("An owl more.")).unwrap();
    let second = store.proofs().unwrap();
    assert_eq!(store.changed(&second).unwrap(), Score::clamped(1_000));
    store.note_announced(&second).unwrap();
    // One goes, another comes in its place.
    store.remove("j").unwrap();
    store.add("k", &document("An owl less.")).unwrap();
    let third = store.proofs().unwrap();
    assert_eq!(store.changed(&third).unwrap(), Score::clamped(1_000));
    store.note_announced(&third).unwrap();
    assert_eq!(store.changed(&third).unwrap(), Score::ZERO);
}
