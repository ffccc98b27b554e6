//! DEB-8: what strangers write has one class, and no writing breaks its reader.

use llmnet_types::class::{CHOICE_LENGTH_MAX, choice, normalised};

use super::run::fuzz;
use crate::any::Source;

/// What readers of choices look for, and what may stand where it is looked for.
const PIECES: [&str; 36] = [
    "A",
    "b",
    "C)",
    "(A)",
    "(B)",
    "(Z)",
    "[a]",
    "\nA) ",
    "\nB. ",
    "\n- C: ",
    "Rhea",
    "Titan",
    "İ",
    "½",
    "\u{2212}",
    "\u{2019}",
    "yes",
    "No:",
    " or ",
    "/",
    "how many",
    "\\boxed{",
    "{",
    "}",
    "\n#### ",
    "\nAnswer: ",
    "the answer is ",
    "1",
    "0",
    ",",
    "234",
    ".",
    "50",
    "-",
    "$",
    " ",
];

fn words(source: &mut Source) -> String {
    let pieces = source.below(16);
    (0..pieces)
        .map(|_| PIECES[source.below(PIECES.len())])
        .collect()
}

#[test]
fn any_words_are_read() {
    fuzz("any_words_are_read", |source| {
        let (question, text) = (words(source), words(source));
        if let Some(choice) = choice(&question, &text) {
            let length = choice.len();
            assert!(
                (1..=CHOICE_LENGTH_MAX).contains(&length),
                "{question:?} {text:?}"
            );
        }
        let plain = normalised(&text);
        assert_eq!(normalised(&plain), plain, "{text:?}");
    });
}
