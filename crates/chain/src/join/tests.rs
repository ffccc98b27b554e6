//! Where to begin, and what is no message.

use commonware_consensus::{
    simplex::types::{Finalize, Proposal},
    types::{Round, View},
};
use commonware_utils::{iter::NonEmpty, ordered::Set};

use super::*;
use crate::{
    any::Any as _,
    fuzz::{fuzz, mutate},
    setup::engine_seed,
};
use commonware_cryptography::Signer as _;

fn key(seed: u8) -> ed25519::PublicKey {
    engine_seed([seed; 32]).public_key()
}

fn certificate(view: u64) -> Certificate {
    let committee: Set<_> = (1..=4).map(key).collect::<Vec<_>>().try_into().expect("4");
    let schemes: Vec<Scheme> = (1..=4)
        .map(|seed| Scheme::signer(b"network", committee.clone(), engine_seed([seed; 32])))
        .map(|scheme| scheme.expect("a member"))
        .collect();
    let round = Round::new(Epoch::zero(), View::new(view));
    let proposal = Proposal::new(round, View::new(view - 1), sha256::Digest([7; 32]));
    let mut votes = schemes
        .iter()
        .map(|scheme| Finalize::sign(scheme, proposal.clone()).expect("signs"));
    let votes = NonEmpty::new(votes.next().expect("four"), votes);
    Finalization::from_owned_finalizes(&schemes[0], votes, &Sequential).expect("a quorum")
}

fn claim(view: u64) -> Claim {
    Claim {
        newest: certificate(view),
        is_whole: false,
    }
}

#[test]
fn the_newest_certificate_of_a_quorum_decides() {
    let mut said = Said::new();
    assert_eq!(beginning(&said, 4, true), None, "nobody said anything");
    said.insert(key(1), Some(claim(9)));
    assert_eq!(
        beginning(&said, 4, true),
        None,
        "this one may be an old one"
    );
    said.insert(key(2), Some(claim(12)));
    assert_eq!(beginning(&said, 4, true), Some(Some(claim(12))));
    assert_eq!(beginning(&said, 4, false), None, "not a member's to say");
    assert_eq!(beginning(&said, 7, true), None, "three of seven");
    // With us three of four: a quorum has nothing newer.
    said.insert(key(2), None);
    assert_eq!(beginning(&said, 4, true), Some(Some(claim(9))));
}

#[test]
fn all_blocks_are_replayed_where_someone_honest_has_them() {
    let whole = |view| {
        Some(Claim {
            is_whole: true,
            ..claim(view)
        })
    };
    let mut said = Said::from([(key(1), whole(9)), (key(2), Some(claim(8)))]);
    assert_eq!(
        beginning(&said, 4, true),
        Some(Some(claim(9))),
        "one of four may lie"
    );
    said.insert(key(2), whole(8));
    assert_eq!(beginning(&said, 4, true), Some(whole(9)));
    // Where a network begins, some have its first certificate a moment before the others.
    said.insert(key(2), None);
    assert_eq!(beginning(&said, 4, true), Some(whole(9)));
}

#[test]
fn a_network_begins_when_a_quorum_has_nothing() {
    let mut said = Said::new();
    said.insert(key(1), None);
    assert_eq!(beginning(&said, 4, true), None, "two of four are no quorum");
    said.insert(key(2), None);
    assert_eq!(beginning(&said, 4, true), Some(None));
    assert_eq!(beginning(&said, 4, false), None, "not a member's to say");
    assert_eq!(beginning(&Said::new(), 1, true), Some(None), "one alone");
}

#[test]
fn a_message_is_read_as_it_was_written_and_nothing_else_is_one() {
    let messages = [
        Message::Where,
        Message::Newest(None),
        Message::Newest(Some(claim(5))),
        Message::HowEnded(Term(3)),
        Message::HaveYou(Height(300)),
        Message::Kept(Height(u64::MAX)),
        Message::Gone(Height(0)),
    ];
    for message in messages {
        let bytes = message.encode();
        let bytes: &[u8] = bytes.as_ref();
        assert_eq!(Message::decode(bytes).expect("a message"), message);
        for end in 0..bytes.len() {
            assert!(Message::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        let longer = [bytes, &[0]].concat();
        assert!(Message::decode(&longer).is_err(), "bytes behind the end");
    }
    for tag in HAND_OVER..=255 {
        assert!(Message::decode(&[tag, 0, 0]).is_err(), "tag {tag}");
    }
}

#[test]
fn fuzz_messages() {
    let known = Message::Newest(Some(claim(5))).encode();
    let known: &[u8] = known.as_ref();
    fuzz("messages of those who join", |source| {
        let message = match source.below(8) {
            0 => Message::Where,
            1 => Message::Newest(None),
            2 => Message::HowEnded(Term::any(source)),
            3 => Message::HaveYou(Height::any(source)),
            4 => Message::Gone(Height::any(source)),
            5 => Message::HandOver(Box::new(HandOver::any(source))),
            _ => Message::Newest(Some(claim(5))),
        };
        let bytes = message.encode();
        let mut bytes = AsRef::<[u8]>::as_ref(&bytes).to_vec();
        mutate(source, &mut bytes, known);
        if let Ok(read) = Message::decode(&bytes) {
            let written = read.encode();
            assert_eq!(AsRef::<[u8]>::as_ref(&written), bytes, "a second spelling");
        }
    });
}
