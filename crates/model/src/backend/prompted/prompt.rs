//! The words models are asked with. Their texts are files, their version is told with every answer.

use std::fmt;

use llmnet_types::{
    codec::Text,
    id::{ContractId, Digest},
    message::Answer,
    passage::Evidence,
    request::{ChatMessage, MESSAGE_LENGTH_MAX, MESSAGES_MAX, Request, Role},
};

/// Which words these are: a number that changes with any of the files, and a digest of all of them, so that
/// a receipt tells by each seat's version what it was asked with (DEB-11).
pub(super) struct Version;
pub(super) const VERSION: Version = Version;
const NUMBER: u32 = 3;
/// Digits of the digest that are told: enough to find the words, few enough for a version.
const DIGEST_LENGTH: usize = 16;
const ANSWER: &str = include_str!("../../../prompts/answer-1.txt");
const ANSWER_SHOWN: &str = include_str!("../../../prompts/answer-shown-1.txt");
const REVISE: &str = include_str!("../../../prompts/revise-2.txt");
const SYNTHESISE: &str = include_str!("../../../prompts/synthesise-1.txt");
const JUDGE: &str = include_str!("../../../prompts/judge-2.txt");

const ALL: [&str; 5] = [ANSWER, ANSWER_SHOWN, REVISE, SYNTHESISE, JUDGE];

/// The most bytes of one answer that a peer is shown.
const SHOWN_LENGTH_MAX: usize = 6_000;
/// Hexadecimal digits of a fence: as good as random to whoever does not know all that is shown.
const FENCE_LENGTH: usize = 24;

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = digest(&ALL).to_string();
        write!(f, "prompts/{NUMBER}-{}", &digest[..DIGEST_LENGTH])
    }
}

/// One digest of several texts, told apart.
fn digest(texts: &[&str]) -> Digest {
    let digests: Vec<[u8; 32]> = texts
        .iter()
        .map(|text| Digest::of(text.as_bytes()).0)
        .collect();
    Digest::tagged("llmnet/prompts/1", &[digests.as_flattened()])
}

fn message(role: Role, text: &str) -> ChatMessage {
    ChatMessage {
        role,
        content: Text::<MESSAGE_LENGTH_MAX>::truncated(text),
    }
}

/// The conversation as it came, behind our instructions and what all are shown of documents, in order.
pub(super) fn answer(
    contract: &ContractId,
    request: &Request,
    shared: &[Evidence],
) -> Vec<ChatMessage> {
    if shared.is_empty() {
        return with_system(ANSWER, request);
    }
    // Passages stood under announced roots before anybody asked: whoever wrote them did not know the question.
    let asked = Digest::of(request.question().as_bytes());
    let shown: Vec<[u8; 32]> = shared.iter().map(|one| one.passage.digest().0).collect();
    let seed = Digest::tagged(
        "llmnet/fences/2",
        &[&contract.0, &asked.0, shown.as_flattened()],
    );
    let passages = shared.iter().enumerate().map(|(place, evidence)| {
        let text = format!("{}: {}", evidence.passage.title, evidence.passage.text);
        let number = place + 1;
        format!("Passage {number}\n{}", between(&seed, [number, 0], &text))
    });
    let passages = passages.collect::<Vec<_>>().join("\n\n");
    with_system(&fill(ANSWER_SHOWN, "{passages}", &passages), request)
}

pub(super) fn revise(
    contract: &ContractId,
    request: &Request,
    own: usize,
    shown: &[Answer],
) -> Vec<ChatMessage> {
    let seed = seed(contract, shown.iter());
    let answers: Vec<_> = shown
        .iter()
        .enumerate()
        .map(|(place, answer)| fenced(&seed, place + 1, answer))
        .collect();
    let text = fill(REVISE, ANSWERS, &answers.join("\n\n"));
    let text = text.replacen("{own}", &(own + 1).to_string(), 1);
    with_question(&text, request)
}

pub(super) fn synthesise(
    contract: &ContractId,
    request: &Request,
    shown: &[Answer],
) -> Vec<ChatMessage> {
    let seed = seed(contract, shown.iter());
    let answers: Vec<_> = shown
        .iter()
        .enumerate()
        .map(|(place, answer)| fenced(&seed, place + 1, answer))
        .collect();
    with_question(&fill(SYNTHESISE, ANSWERS, &answers.join("\n\n")), request)
}

pub(super) fn judge(
    contract: &ContractId,
    request: &Request,
    [first, second]: [&Answer; 2],
) -> Vec<ChatMessage> {
    let seed = seed(contract, [first, second].into_iter());
    let answers = [fenced(&seed, 1, first), fenced(&seed, 2, second)];
    with_question(&fill(JUDGE, ANSWERS, &answers.join("\n\n")), request)
}

/// Where a prompt has the answers.
const ANSWERS: &str = "{answers}";

/// Puts strangers' words last, so that no placeholder inside of them is ever filled.
fn fill(template: &str, place: &str, words: &str) -> String {
    let (head, tail) = template.split_once(place).unwrap_or((template, ""));
    format!("{head}{words}{tail}")
}

/// What fences are made of: the contract and all that is shown. No author knew the others' words when its
/// own were bound, so none can have written a fence into them; and who shows them again makes the same.
fn seed<'a>(contract: &ContractId, shown: impl Iterator<Item = &'a Answer>) -> Digest {
    let texts: Vec<[u8; 32]> = shown
        .map(|answer| Digest::of(answer.text.as_bytes()).0)
        .collect();
    Digest::tagged("llmnet/fences/1", &[&contract.0, texts.as_flattened()])
}

/// An answer between two lines that hold its fence, and each passage it cites behind it between two of its
/// own. What we say of a citation stands outside of both, or else any text could say it of itself.
fn fenced(seed: &Digest, number: usize, answer: &Answer) -> String {
    let between = |part: usize, text: &str| between(seed, [number, part], text);
    let text = &answer.text[..answer.text.floor_char_boundary(SHOWN_LENGTH_MAX)];
    let mut quoted = format!("Answer {number}\n{}", between(0, text));
    for (place, evidence) in answer.evidence.iter().enumerate() {
        let passage = &evidence.passage;
        let passage = format!("{}: {}", passage.title, passage.text);
        let passage = &passage[..passage.floor_char_boundary(SHOWN_LENGTH_MAX / 2)];
        // Whether a passage stands where it says is checked in code; models cannot.
        let word = if evidence.holds() {
            "Proven citation"
        } else {
            "False citation"
        };
        let passage = between(place + 1, passage);
        quoted.push_str(&format!("\n{word} of answer {number}\n{passage}"));
    }
    quoted
}

/// A text between two lines that hold its fence.
fn between(seed: &Digest, places: [usize; 2], text: &str) -> String {
    let places = places.map(usize::to_le_bytes);
    let digest = Digest::tagged("llmnet/fence/2", &[&seed.0, places.as_flattened()]).to_string();
    let fence = &digest[..FENCE_LENGTH];
    format!("{fence}\n{text}\n{fence}")
}

fn with_system(system: &str, request: &Request) -> Vec<ChatMessage> {
    std::iter::once(message(Role::System, system.trim()))
        .chain(request.messages.iter().cloned())
        .take(MESSAGES_MAX + 1)
        .collect()
}

/// Rules and fenced data in the system's turn, the question alone in the user's.
fn with_question(system: &str, request: &Request) -> Vec<ChatMessage> {
    vec![
        message(Role::System, system.trim()),
        message(Role::User, request.question()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DEB-11: who changes a prompt sees this fail, and gives the prompts a new number as well: receipts
    /// must not call two sets of words by one name.
    #[test]
    fn a_changed_prompt_asks_for_a_new_number() {
        assert_eq!(VERSION.to_string(), "prompts/3-1c8386d73199f650");
    }

    /// DEB-11: any change of any file changes the digest, and so does moving words from one to another.
    #[test]
    fn the_digest_is_of_every_word() {
        let all = digest(&ALL);
        for place in 0..ALL.len() {
            let changed = format!("{} ", ALL[place]);
            let mut texts = ALL;
            texts[place] = &changed;
            assert_ne!(digest(&texts), all);
        }
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
