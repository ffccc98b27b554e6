//! COR-1, COR-2: a passage stands under its corpus' root, and only as it is.

use llmnet_types::{
    codec::Text,
    id::{Digest, ProviderId, Salt},
    merkle::Tree,
    passage::{Citation, Evidence, Passage, Shared, seen_first, shared_tokens},
    signature::PublicKey,
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

/// COR-5: what a seat had seen says which passages, whose, in which order; without any it is the request alone.
#[test]
fn what_was_seen_first_is_all_of_it() {
    let shared = Shared {
        provider: ProviderId(3),
        node: PublicKey([3; 32]),
        as_of_day: 19_000,
        evidence: evidence(),
    };
    let changed = |change: fn(&mut Shared)| {
        let mut shared = shared.clone();
        change(&mut shared);
        shared
    };
    let request = Digest([7; 32]);
    assert_eq!(seen_first(&request, &[]), request);
    let other = changed(|shared| shared.as_of_day += 1);
    let lists: [&[Shared]; 8] = [
        &[],
        std::slice::from_ref(&shared),
        &[shared.clone(), shared.clone()],
        &[shared.clone(), other.clone()],
        &[other.clone(), shared.clone()],
        &[changed(|shared| shared.provider.0 += 1)],
        &[changed(|shared| shared.node.0[0] ^= 1)],
        &[changed(|shared| shared.evidence.citation.salt.0[0] ^= 1)],
    ];
    let mut seen: Vec<Digest> = lists
        .iter()
        .map(|list| seen_first(&request, list))
        .collect();
    seen.push(seen_first(&Digest([8; 32]), std::slice::from_ref(&shared)));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), lists.len() + 1);
    assert_eq!(shared_tokens(&[]).0, 0);
    let one = shared_tokens(std::slice::from_ref(&shared)).0;
    assert_eq!(shared_tokens(&[shared, other]).0, 2 * one);
}
