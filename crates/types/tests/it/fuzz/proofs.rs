//! PRF-1, PRF-3, REC-1, FIN-1: a check believes what it was made for, and nothing that was changed.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    audit::AuditItem,
    block::Header,
    certificate::{EngineVote, FinalityCertificate},
    codec::{List, decode, encode},
    contract::{Terms, Voucher},
    disclosure::{DISCLOSURE_LENGTH_MAX, Disclosure, ReceiptField},
    dispute::SettledLeaf,
    id::{Digest, ReceiptRoot, Salt},
    merkle::{PATH_MAX, Path, Tree},
    passage::Evidence,
    proof::ReceiptProof,
    receipt::{Receipt, SeatReceipt},
    signature::Signed,
    succession::Succession,
    transaction::Transaction,
    units::Term,
};

use super::{mutation::mutate, run::fuzz};
use crate::{
    any::{Any, Source},
    samples::{
        NETWORK, certificate, electorate, header, key, later_document, longest_proof,
        longest_receipt, network_root, proof, receipt, salt, succession, transaction,
    },
};

/// The value after a few changes to its bytes, if they still spell one, and whether it is another.
fn changed<T: BorshSerialize + BorshDeserialize>(
    source: &mut Source,
    value: &T,
) -> Option<(T, bool)> {
    let original = encode(value);
    let mut bytes = original.clone();
    mutate(source, &mut bytes, &original);
    let other = decode(&bytes, usize::MAX).ok()?;
    Some((other, bytes != original))
}

#[test]
fn proofs_of_receipts() {
    // PRF-3
    let network = network_root();
    let receipts = [receipt(&network.id()), longest_receipt(&network.id())];
    let proofs = [
        proof(&network, &receipts[0]),
        longest_proof(&network, &receipts[1]),
    ];
    let electorate = network.electorate();
    fuzz("proofs_of_receipts", |source| {
        let place = source.below(2);
        let receipt = &receipts[place];
        if let Some((proof, is_other)) = changed(source, &proofs[place]) {
            let believed = proof.verify(&electorate, receipt, &receipt.root(&salt()));
            assert_eq!(believed.is_ok(), !is_other, "{believed:?}");
        }
        // Anything at all, for anything at all.
        let (proof, receipt) = (ReceiptProof::any(source), Receipt::any(source));
        let root = receipt.root(&Salt::any(source));
        let _ = receipt.contract();
        assert!(proof.verify(&electorate, &receipt, &root).is_err());
    });
}

#[test]
fn certificates_and_hand_overs() {
    // FIN-1, COM-2
    let electorate = electorate(NETWORK, 0);
    let certified = (header(NETWORK), certificate(&header(NETWORK), &[0, 1, 3]));
    let links = succession(NETWORK, 0..3);
    fuzz("certificates_and_hand_overs", |source| {
        if let Some(((header, certificate), is_other)) = changed(source, &certified) {
            let believed = certificate.verify(&electorate, &header);
            assert_eq!(believed.is_ok(), !is_other, "{believed:?}");
        }
        if let Some((links, is_other)) = changed::<Succession>(source, &links) {
            let believed = links.follow(&electorate, Term(3));
            assert_eq!(believed.is_ok(), !is_other, "{believed:?}");
        }
        let certificate = FinalityCertificate::any(source);
        assert!(
            certificate
                .verify(&electorate, &Header::any(source))
                .is_err()
        );
        let (first, second) = (EngineVote::any(source), EngineVote::any(source));
        assert_eq!(first.contradicts(&second), second.contradicts(&first));
        assert!(!first.contradicts(&first));
        assert!(
            first.signed_bytes(&NETWORK) != second.signed_bytes(&NETWORK)
                || first.statement == second.statement
        );
    });
}

#[test]
fn paths_of_any_shape() {
    // PRF-1
    fuzz("paths_of_any_shape", |source| {
        // A shape that fits no tree has no root; one that fits has one of its own.
        let siblings = (0..source.below(PATH_MAX + 1)).map(|_| Digest::any(source));
        let path = Path {
            siblings: List::truncated(siblings.collect::<Vec<_>>()),
            index: Any::any(source),
            size: Any::any(source),
        };
        let found = path.root(b"leaf");
        assert!(found.is_none() || path.index < path.size);

        let size = 1 + source.below(40);
        let leaves: Vec<[u8; 4]> = (0..size).map(|_| Any::any(source)).collect();
        let tree = Tree::new(&leaves);
        let place = source.below(size);
        let path = tree.path(place).expect("within the tree");
        let root = tree.root();
        assert!(path.holds(&leaves[place], &root));
        if let Some(((path, leaf), is_other)) = changed(source, &(path, leaves[place])) {
            // Equal leaves stand in several places.
            let elsewhere = leaves.get(path.index as usize) == Some(&leaf)
                && tree.path(path.index as usize).as_ref() == Some(&path);
            assert_eq!(path.holds(&leaf, &root), !is_other || elsewhere);
        }
    });
}

#[test]
fn fields_shown_alone() {
    // REC-1
    let receipt = longest_receipt(&NETWORK);
    let root = receipt.root(&salt());
    fuzz("fields_shown_alone", |source| {
        let field = ReceiptField::any(source);
        let shown = receipt.disclose(&salt(), field).expect("short enough");
        if let Some((shown, is_other)) = changed(source, &shown) {
            let opened = match field {
                ReceiptField::Terms => shown.open::<Terms>(field, &root).is_some(),
                ReceiptField::Voucher => shown.open::<Signed<Voucher>>(field, &root).is_some(),
                ReceiptField::Seats => shown.open::<List<SeatReceipt, 7>>(field, &root).is_some(),
                _ => shown.open::<AuditItem>(field, &root).is_some() && is_other,
            };
            let known = matches!(
                field,
                ReceiptField::Terms | ReceiptField::Voucher | ReceiptField::Seats
            );
            assert_eq!(opened, known && !is_other);
        }

        // A coordinator may sign a root over anything; only what spells a field is opened.
        let mut value = encode(&Terms::any(source));
        let other = encode(&Terms::any(source));
        mutate(source, &mut value, &other);
        value.truncate(DISCLOSURE_LENGTH_MAX);
        let field_salt = Salt::any(source);
        let mut leaves = vec![[0; 32]; ReceiptField::ALL.len()];
        leaves[ReceiptField::Terms as usize] = field_salt.digest(&value).0;
        let tree = Tree::new(&leaves);
        let shown = Disclosure {
            value: List::truncated(value),
            salt: field_salt,
            path: tree.path(ReceiptField::Terms as usize).expect("one of all"),
        };
        let root = ReceiptRoot(tree.root().0);
        match shown.open::<Terms>(ReceiptField::Terms, &root) {
            Some(terms) => assert_eq!(encode(&terms), *shown.value),
            None => assert!(decode::<Terms>(&shown.value, usize::MAX).is_err()),
        }
        assert!(shown.open::<Terms>(ReceiptField::Voucher, &root).is_none());
    });
}

#[test]
fn signatures_and_leaves() {
    // TXN-1, ENC-4, COR-2, SET-1
    let signed = Transaction::sign(NETWORK, &key(1), 3, transaction().instruction);
    let later = later_document();
    let settled = later.proof.as_ref().map(|proof| SettledLeaf {
        coordinator: proof.settlement.coordinator,
        first_slot: proof.settlement.first_slot,
        leaf: proof.leaf.clone(),
        path: proof.leaf_path.clone(),
    });
    let settled = settled.expect("proven");
    let root = later.proof.as_ref().map(|proof| proof.settlement.root);
    let root = root.expect("proven");
    fuzz("signatures_and_leaves", |source| {
        if let Some((transaction, is_other)) = changed(source, &signed) {
            assert_eq!(transaction.is_signed(), !is_other);
            assert_eq!(transaction.id() == signed.id(), !is_other);
        }
        if let Some((leaf, _)) = changed(source, &settled) {
            let same = leaf.leaf == settled.leaf && leaf.path == settled.path;
            assert_eq!(leaf.holds(&root), same);
            let _ = leaf.slot();
        }
        assert!(!Transaction::any(source).is_signed());
        assert!(!Evidence::any(source).holds());
        let _ = SettledLeaf::any(source).slot();
    });
}
