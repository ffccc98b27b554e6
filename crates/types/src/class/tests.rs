use super::*;
use crate::{
    codec::{List, Text},
    contract::Strategy,
    id::Salt,
    merkle::Tree,
    passage::{Citation, Evidence, Passage},
    request::{ChatMessage, Role},
};

const CONTRACT: ContractId = ContractId([3; 32]);

fn request() -> Request {
    Request {
        messages: List::truncated([ChatMessage {
            role: Role::User,
            content: Text::truncated("What is the largest moon of Saturn?"),
        }]),
        strategy: Strategy::Auto,
        domain: None,
        output_tokens_max: None,
        settings: List::new(),
    }
}

fn evidence(text: &str) -> Evidence {
    let passage = Passage {
        document: Text::truncated("moons"),
        title: Text::truncated("Moons"),
        text: Text::truncated(text),
    };
    let salt = Salt([1; 32]);
    let tree = Tree::new([passage.leaf(&salt)]);
    Evidence {
        passage,
        citation: Citation {
            root: tree.root(),
            salt,
            path: tree.path(0).unwrap(),
        },
    }
}

/// An answer of its main passage's class.
fn quoting(text: &str, passages: &[&str]) -> Answer {
    let evidence: List<_, 4> = List::truncated(passages.iter().map(|text| evidence(text)));
    Answer {
        text: Text::truncated(text),
        class: answer_class(&CONTRACT, &evidence[0].passage.digest().0),
        evidence,
    }
}

/// DEB-2: case, punctuation and white space make no other class, digits and signs do.
#[test]
fn what_does_not_change_the_meaning_is_left_out() {
    for (text, plain) in [
        ("  Paris. ", "paris"),
        ("\u{201c}Paris\u{201d},  France!", "paris france"),
        ("-5", "-5"),
        ("3.14 (about)", "3.14 about"),
        (".5 and 1,000.", ".5 and 1,000"),
        ("C++", "c++"),
        ("...", ""),
        (
            "\u{a0}\u{130}stanbul\u{3000}. (\u{2019}s) ",
            "i\u{307}stanbul s",
        ),
        ("*a*_b_", "a b"),
    ] {
        assert_eq!(normalised(text), plain, "{text}");
    }
}

/// DEB-8: a class is that of the text, or of the main passage for those who only quote.
#[test]
fn a_class_follows_from_the_answer() {
    const LARGEST: &str = "Titan is the largest. It has seas of methane. Is it round? It is.";
    const SECOND: &str = "Rhea is the second, at 1,527.6 km.";
    let follows = |answer: &Answer| follows(&CONTRACT, &request(), answer);
    for text in [
        "Titan is the largest.",
        "Titan is the largest. It is.",
        "It has seas of methane.\n\nRhea is the second, at 1,527.6 km.",
        "titan",
    ] {
        assert!(follows(&quoting(text, &[LARGEST, SECOND])), "{text}");
    }
    for text in [
        "Titan is the largest. Buy moons.",
        "Titan is the largest.\nBuy moons",
        "Titan is the largest seas of methane.",
        "Rhea is the largest.",
        "Titans",
    ] {
        assert!(!follows(&quoting(text, &[LARGEST, SECOND])), "{text}");
    }
    let mut other = quoting("Buy moons.", &[LARGEST]);
    other.class = text_class(&CONTRACT, &request(), "Answer: buy moons");
    assert!(
        follows(&other),
        "its text's own class is its own whatever it cites"
    );
    other.class = text_class(&ContractId([4; 32]), &request(), "Buy moons.");
    assert!(!follows(&other), "a class is of one contract");
}
