//! The words models are asked with. Their texts are files, their version is told with every answer.

use llmnet_types::{
    codec::Text,
    id::{ContractId, Digest},
    message::Answer,
    request::{ChatMessage, MESSAGE_LENGTH_MAX, MESSAGES_MAX, Request, Role},
};

/// Changes with any of the files.
pub(super) const VERSION: &str = "prompts/1";
const ANSWER: &str = include_str!("../../../prompts/answer-1.txt");
const REVISE: &str = include_str!("../../../prompts/revise-1.txt");
const JUDGE: &str = include_str!("../../../prompts/judge-1.txt");

/// The most bytes of one answer that a peer is shown.
const SHOWN_LENGTH_MAX: usize = 6_000;

fn message(role: Role, text: &str) -> ChatMessage {
    ChatMessage {
        role,
        content: Text::<MESSAGE_LENGTH_MAX>::truncated(text),
    }
}

/// The conversation as it came, behind our instructions.
pub(super) fn answer(request: &Request) -> Vec<ChatMessage> {
    with_system(ANSWER, request)
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
    let text = fill(REVISE, &answers.join("\n\n")).replacen("{own}", &(own + 1).to_string(), 1);
    with_question(&text, request)
}

pub(super) fn judge(
    contract: &ContractId,
    request: &Request,
    [first, second]: [&Answer; 2],
) -> Vec<ChatMessage> {
    let seed = seed(contract, [first, second].into_iter());
    let answers = [fenced(&seed, 1, first), fenced(&seed, 2, second)];
    with_question(&fill(JUDGE, &answers.join("\n\n")), request)
}

/// Puts the answers last, so that no placeholder inside of them is ever filled.
fn fill(template: &str, answers: &str) -> String {
    let (head, tail) = template.split_once("{answers}").unwrap_or((template, ""));
    format!("{}{answers}{tail}", head)
}

/// What fences are made of: the contract and all that is shown. No author knew the others' words when its
/// own were bound, so none can have written a fence into them; and who shows them again makes the same.
fn seed<'a>(contract: &ContractId, shown: impl Iterator<Item = &'a Answer>) -> Digest {
    let texts: Vec<[u8; 32]> = shown
        .map(|answer| Digest::of(answer.text.as_bytes()).0)
        .collect();
    Digest::tagged("llmnet/fences/1", &[&contract.0, texts.as_flattened()])
}

/// An answer with what it cites, between two lines that hold its fence.
fn fenced(seed: &Digest, number: usize, answer: &Answer) -> String {
    let digest = Digest::tagged("llmnet/fence/1", &[&seed.0, &number.to_le_bytes()]).to_string();
    let fence = &digest[..24];
    let text = &answer.text[..answer.text.floor_char_boundary(SHOWN_LENGTH_MAX)];
    let mut quoted = format!("Answer {number}\n{fence}\n{text}\n");
    for evidence in &*answer.evidence {
        let passage = &evidence.passage;
        let passage = format!("{}: {}", passage.title, passage.text);
        let passage = &passage[..passage.floor_char_boundary(SHOWN_LENGTH_MAX / 2)];
        // Whether a passage stands where it says is checked in code; models cannot.
        let word = if evidence.holds() {
            "Proven citation"
        } else {
            "False citation"
        };
        quoted.push_str(&format!("[{word}] {passage}\n"));
    }
    quoted.push_str(fence);
    quoted
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
