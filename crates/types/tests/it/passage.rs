//! COR-1, COR-2: a passage stands under its corpus' root, and only as it is.

use llmnet_types::{
    codec::Text,
    id::{Digest, Salt},
    merkle::Tree,
    passage::{Citation, Evidence, Passage},
};

fn passage(number: u8) -> Passage {
    Passage {
        document: Text::truncated("moon.md"),
        title: Text::truncated("Phases"),
        text: Text::truncated(&format!("Passage {number}.")),
    }
}

/// The second of three passages, each under a salt of its own.
fn evidence() -> Evidence {
    let leaves = [0, 1, 2].map(|number| passage(number).leaf(&Salt([number; 32])));
    let tree = Tree::new(leaves);
    Evidence {
        passage: passage(1),
        citation: Citation {
            root: tree.root(),
            salt: Salt([1; 32]),
            path: tree.path(1).expect("the second of three"),
        },
    }
}

#[test]
fn a_citation_holds_for_its_passage_and_no_other() {
    // COR-2
    assert!(evidence().holds());
    let changed = |change: fn(&mut Evidence)| {
        let mut evidence = evidence();
        change(&mut evidence);
        evidence.holds()
    };
    assert!(!changed(|it| it.passage = passage(2)));
    assert!(!changed(|it| it.passage.title = Text::truncated("Tides")));
    assert!(!changed(
        |it| it.passage.document = Text::truncated("sun.md")
    ));
    assert!(!changed(|it| it.citation.root = Digest::ZERO));
    assert!(!changed(|it| it.citation.salt = Salt([2; 32])));
    assert!(!changed(|it| it.citation.path.index = 0));
}

#[test]
fn a_leaf_says_nothing_without_its_salt() {
    // COR-1
    let passage = passage(1);
    assert_ne!(passage.leaf(&Salt([1; 32])), passage.leaf(&Salt([2; 32])));
    assert_eq!(passage.digest(), passage.clone().digest());
}
