use std::collections::BTreeSet;

use llmnet_types::{codec::Text, passage::Passage};

use super::*;
use crate::{analysis::Query, bm25::Counts, ingest::Section};

const SALT: Salt = Salt([7; 32]);

fn section(title: &str, text: &str) -> Section {
    Section {
        passage: Passage {
            document: Text::new("d").unwrap(),
            title: Text::new(title).unwrap(),
            text: Text::new(text).unwrap(),
        },
        terms: String::new(),
    }
}

fn document(name: &str, day: u32, texts: &[&str]) -> NewDocument {
    let sections: Vec<_> = texts.iter().map(|text| section("", text)).collect();
    let bytes = format!("{name}{texts:?}");
    NewDocument {
        digest: Digest::of(bytes.as_bytes()),
        title: name.to_owned(),
        kind: "text".to_owned(),
        licence: "MIT".to_owned(),
        as_of_day: day,
        bytes: bytes.len() as u64,
        sections,
    }
}

fn store() -> Store {
    Store::in_memory(&SALT).unwrap()
}

fn found(store: &Store, question: &str, filter: &Filter) -> Vec<String> {
    let query = Query::new(question);
    let statistics = store.statistics_of(&query).unwrap();
    let wanted = Wanted {
        query: &query,
        vector: None,
        statistics: &statistics,
        limit: 10,
        filter,
    };
    let hits = store.best(&wanted).unwrap();
    hits.iter()
        .map(|hit| store.passage(hit.id).unwrap().text.as_str().to_owned())
        .collect()
}

/// What holds of every store, whatever was done to it.
fn check(store: &Store) {
    let (status, proofs) = (store.status().unwrap(), store.proofs().unwrap());
    assert_eq!(status.passages as usize, proofs.ids().len());
    let (mut words, mut counts) = (0, std::collections::BTreeMap::<String, u64>::new());
    for id in proofs.ids() {
        let evidence = store.cite(&proofs, *id).unwrap().unwrap();
        assert!(evidence.holds());
        let terms = Counts::of(&evidence.passage);
        words += u64::from(terms.length());
        for term in terms.terms() {
            *counts.entry(term.to_owned()).or_default() += 1;
        }
        assert!(!store.origins_of(*id).unwrap().is_empty());
    }
    assert_eq!(status.words, words);
    assert_eq!(store.statistics(usize::MAX).unwrap().counts, counts);
}

#[test]
fn what_was_added_is_found_and_cited() {
    let store = store();
    assert_eq!(store.proofs().unwrap().registration(), None);
    let added = store
        .add(
            "owls.md",
            &document("owls", 5, &["Owls hunt mice.", "Grain is dry."]),
        )
        .unwrap();
    assert_eq!(
        added,
        Added::Kept {
            came: 2,
            stayed: 0,
            went: 0
        }
    );
    assert_eq!(
        found(&store, "What hunts mice?", &Filter::default()),
        ["Owls hunt mice."]
    );
    let announced = store.proofs().unwrap().registration().unwrap();
    assert_eq!((announced.passages, announced.as_of_day), (2, 5));
    check(&store);
}

#[test]
fn a_document_that_comes_twice_is_kept_once_and_goes_with_its_last_name() {
    let store = store();
    let owls = document("owls", 1, &["Owls hunt mice."]);
    store.add("a/owls.md", &owls).unwrap();
    let before = store.proofs().unwrap();
    assert_eq!(store.add("a/owls.md", &owls).unwrap(), Added::Same);
    assert_eq!(store.add("b/owls.md", &owls).unwrap(), Added::Duplicate);
    assert_eq!(store.proofs().unwrap().root(), before.root());
    let removed = store.remove("a").unwrap();
    assert_eq!(
        removed,
        Removed {
            origins: 1,
            documents: 0,
            passages: 0
        }
    );
    assert_eq!(store.proofs().unwrap().root(), before.root());
    let removed = store.remove("b/owls.md").unwrap();
    assert_eq!(
        removed,
        Removed {
            origins: 1,
            documents: 1,
            passages: 1
        }
    );
    assert!(found(&store, "owls", &Filter::default()).is_empty());
    assert_eq!(store.remove("b/owls.md").unwrap(), Removed::default());
    check(&store);
}

#[test]
fn an_edit_changes_what_was_edited_and_old_citations_hold() {
    let store = store();
    store
        .add("d", &document("1", 1, &["one", "two", "three"]))
        .unwrap();
    let old = store.proofs().unwrap();
    let cited = store.cite(&old, old.ids()[1]).unwrap().unwrap();
    let added = store
        .add("d", &document("2", 2, &["one", "zwei", "three"]))
        .unwrap();
    assert_eq!(
        added,
        Added::Kept {
            came: 1,
            stayed: 2,
            went: 1
        }
    );
    let new = store.proofs().unwrap();
    assert_ne!(new.root(), old.root());
    assert!(cited.holds(), "under the root of its time");
    let kept: BTreeSet<_> = old
        .ids()
        .iter()
        .filter(|id| new.ids().contains(id))
        .collect();
    assert_eq!(kept.len(), 2, "what stayed kept its place in order");
    let again = store.cite(&new, old.ids()[0]).unwrap().unwrap();
    let before = store.cite(&old, old.ids()[0]).unwrap().unwrap();
    assert_eq!(again.citation.salt, before.citation.salt);
    check(&store);
}

#[test]
fn a_folder_goes_whole_and_its_neighbours_stay() {
    let store = store();
    for (origin, text) in [
        ("docs/a", "a"),
        ("docs/b", "b"),
        ("docs2/c", "c"),
        ("docs", "d"),
    ] {
        store.add(origin, &document(origin, 1, &[text])).unwrap();
    }
    assert_eq!(store.remove("docs/").unwrap().origins, 2);
    let left: Vec<_> = store
        .list("")
        .unwrap()
        .into_iter()
        .map(|held| held.origin)
        .collect();
    assert_eq!(left, ["docs", "docs2/c"]);
    check(&store);
}

#[test]
fn filters_leave_out_what_they_say() {
    let store = store();
    let mut old = document("old", 10, &["Owls hunted."]);
    old.kind = "pdf".to_owned();
    store.add("a/old.pdf", &old).unwrap();
    let mut new = document("new", 20, &["Owls hunt."]);
    new.licence = "CC0-1.0".to_owned();
    store.add("b/new.md", &new).unwrap();
    let only = |filter: Filter| found(&store, "owls", &filter);
    assert_eq!(only(Filter::default()).len(), 2);
    assert_eq!(
        only(Filter {
            below: Some("a/".into()),
            ..Filter::default()
        }),
        ["Owls hunted."]
    );
    assert_eq!(
        only(Filter {
            since_day: Some(11),
            ..Filter::default()
        }),
        ["Owls hunt."]
    );
    assert_eq!(
        only(Filter {
            kind: Some("pdf".into()),
            ..Filter::default()
        }),
        ["Owls hunted."]
    );
    assert_eq!(
        only(Filter {
            licence: Some("CC0-1.0".into()),
            ..Filter::default()
        }),
        ["Owls hunt."]
    );
}

#[test]
fn vectors_are_kept_for_what_is_there_and_join_the_search() {
    let store = store();
    store
        .add(
            "d",
            &document("d", 1, &["Owls hunt.", "Mice hide.", "Grain dries."]),
        )
        .unwrap();
    let wanting = store.unembedded("m", 10).unwrap();
    assert_eq!(wanting.len(), 3);
    let at = |x: f32, y: f32| vec![x, y];
    let vectors = [
        (wanting[0].id, at(3.0, 0.0)),
        (wanting[1].id, at(0.0, 0.1)),
        (wanting[2].id, at(1.0, 1.0)),
        (999, at(1.0, 0.0)),
    ];
    store.keep_vectors("m", &vectors).unwrap();
    assert!(store.unembedded("m", 10).unwrap().is_empty());
    assert_eq!(store.unembedded("other", 10).unwrap().len(), 3);
    let query = Query::new("Who hides?");
    let statistics = store.statistics_of(&query).unwrap();
    let filter = Filter::default();
    let wanted = Wanted {
        query: &query,
        vector: Some(("m", &[0.0, 5.0])),
        statistics: &statistics,
        limit: 2,
        filter: &filter,
    };
    let hits = store.best(&wanted).unwrap();
    assert_eq!(hits[0].id, wanting[1].id);
    assert!((hits[0].dense.unwrap() - 1.0).abs() < 1e-6 && hits[0].lexical > 0.0);
    assert_eq!(hits[1].id, wanting[2].id, "found by its vector alone");
    // Another length, or none, is refused whole.
    let wrong = store.keep_vectors("m", &[(wanting[0].id, vec![1.0; 3])]);
    assert!(matches!(
        wrong,
        Err(VectorError::Dimensions {
            found: 3,
            expected: 2,
            ..
        })
    ));
    let zero = store.keep_vectors("m", &[(wanting[0].id, at(0.0, 0.0))]);
    assert!(matches!(zero, Err(VectorError::NoDirection)));
    // What goes takes its vector along.
    store.remove("d").unwrap();
    assert_eq!(store.status().unwrap().vectors, [("m".to_owned(), 0)]);
    assert!(store.best(&wanted).unwrap().is_empty());
}

#[test]
fn dot_products_agree_with_the_obvious_sum() {
    for length in [0, 1, 15, 16, 17, 100, 384] {
        let a: Vec<f32> = (0..length).map(|i| (i as f32 * 0.37).sin()).collect();
        let b: Vec<f32> = (0..length).map(|i| (i as f32 * 0.11).cos()).collect();
        let expected: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
        assert!((dot(&a, &b) - expected).abs() < 1e-4, "{length}");
    }
}

#[test]
fn two_processes_worth_of_stores_see_each_others_changes() {
    let directory = std::env::temp_dir().join(format!("llmnet-store-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("two.sqlite");
    let (writer, reader) = (
        Store::open(&path, &SALT).unwrap(),
        Store::open(&path, &Salt([9; 32])).unwrap(),
    );
    let before = reader.proofs().unwrap();
    writer.add("d", &document("d", 1, &["Owls hunt."])).unwrap();
    assert_eq!(found(&reader, "owls", &Filter::default()), ["Owls hunt."]);
    let after = reader.proofs().unwrap();
    assert!(after.generation() > before.generation());
    assert_eq!(after.root(), writer.proofs().unwrap().root());
    // Its salt is the one it was made with: whoever opens it later cannot change what was announced.
    writer.add("e", &document("e", 1, &["Mice hide."])).unwrap();
    reader
        .add("f", &document("f", 1, &["Grain dries."]))
        .unwrap();
    check(&reader);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let directory = std::env::temp_dir().join(format!("llmnet-none-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("none.sqlite");
    std::fs::write(&path, "This is no database, it is a letter.".repeat(50)).unwrap();
    assert!(matches!(
        Store::open(&path, &SALT),
        Err(StoreError::Storage(_))
    ));
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let refused = Store::open(&path, &SALT).map(|_| ());
    assert!(
        matches!(refused, Err(StoreError::Version { found: 99, .. })),
        "{refused:?}"
    );
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_passage_is_shown_with_its_neighbours_in_its_document() {
    let store = store();
    let texts = ["Owls hunt.", "Owls sleep.", "Owls breed."];
    store.add("owls.md", &document("owls", 1, &texts)).unwrap();
    let digest = |text: &str| section("", text).passage.digest();
    let around = store.around(&digest("Owls sleep.")).unwrap().unwrap();
    assert_eq!((around.place, around.of), (1, 3));
    assert_eq!(around.origins, ["owls.md"]);
    assert_eq!(around.before.unwrap().text.as_str(), "Owls hunt.");
    assert_eq!(around.after.unwrap().text.as_str(), "Owls breed.");
    let first = store.around(&digest("Owls hunt.")).unwrap().unwrap();
    assert_eq!((first.place, first.before), (0, None));
    store.remove("owls.md").unwrap();
    assert_eq!(store.around(&digest("Owls hunt.")).unwrap(), None);
}
