//! REC-2, PRF-3: no text makes a reader of files panic, one spelling is read, and what was changed in it is
//! not believed.

use llmnet_types::{
    document::ReceiptDocument,
    domain::Domain,
    id::Digest,
    succession::{SuccessionDocument, SuccessionFormat},
    units::Term,
};

use super::{
    mutation::{mutate, mutate_lines},
    run::fuzz,
};
use crate::{
    any::{Any, Source},
    samples::{NETWORK, document, electorate, later_document, succession},
};

/// Changes a file, line by line or byte by byte.
fn changed(source: &mut Source, file: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(file.to_vec()).expect("JSON");
    if source.below(2) == 0 {
        return mutate_lines(source, &text).into_bytes();
    }
    let mut bytes = text.into_bytes();
    let other = bytes.clone();
    mutate(source, &mut bytes, &other);
    bytes
}

#[test]
fn files_of_any_receipt() {
    // REC-2
    fuzz("files_of_any_receipt", |source| {
        let file = ReceiptDocument::any(source).to_bytes();
        assert!(ReceiptDocument::from_bytes(&file).is_ok());
        let changed = changed(source, &file);
        if let Ok(document) = ReceiptDocument::from_bytes(&changed) {
            assert_eq!(document.to_bytes(), changed);
            // Nobody signed it.
            assert!(document.verify(None).is_err());
        }
    });
}

#[test]
fn files_of_a_receipt_that_holds() {
    // REC-2, PRF-3
    let files = [document(), later_document()].map(|document| document.to_bytes());
    fuzz("files_of_a_receipt_that_holds", |source| {
        let file = &files[source.below(files.len())];
        let changed = changed(source, file);
        let believed = ReceiptDocument::from_bytes(&changed)
            .is_ok_and(|document| document.verify(None).is_ok());
        assert_eq!(believed, changed == *file);
    });
}

#[test]
fn files_of_hand_overs() {
    // REC-2, COM-2
    let known = electorate(NETWORK, 0);
    let file = SuccessionDocument {
        format: SuccessionFormat::Succession1,
        succession: succession(NETWORK, 0..3),
    }
    .to_bytes();
    fuzz("files_of_hand_overs", |source| {
        let changed = changed(source, &file);
        if let Ok(document) = SuccessionDocument::from_bytes(&changed) {
            assert_eq!(document.to_bytes(), changed);
            let believed = document.succession.follow(&known, Term(3));
            assert_eq!(believed.is_ok(), changed == file);
        }
    });
}

#[test]
fn words_of_people() {
    // ENC-1: a name of a domain is normal by being; a digest has one spelling.
    fuzz("words_of_people", |source| {
        let mut bytes = match source.below(2) {
            0 => Domain::any(source).to_string().into_bytes(),
            _ => Digest::any(source).to_string().into_bytes(),
        };
        mutate(source, &mut bytes, b" _-A");
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(domain) = Domain::new(&text) {
            assert_eq!(Domain::new(domain.as_str()).as_ref(), Ok(&domain));
            let json = serde_json::to_string(&domain).expect("text");
            assert_eq!(serde_json::from_str::<Domain>(&json).ok(), Some(domain));
        }
        if let Ok(digest) = text.parse::<Digest>() {
            assert_eq!(digest.to_string(), text);
        }
    });
}
