//! What is asked and what must come back: questions carry a number, answers repeat it.

/// Where in a body the question's number goes.
pub(crate) const PLACE: &str = "@@";

/// The words of an answer to a question, from a model, of so many tokens or a few more.
pub(crate) fn text(number: &str, model: &str, tokens: usize) -> String {
    let mut text = format!("{model} answers question {number}:");
    for token in 0..tokens.saturating_sub(8) {
        text.push_str(if token % 2 == 0 { " so" } else { " on" });
    }
    text.push_str(" end.");
    text
}

/// A question's number: the digits after the last `question #`.
pub(crate) fn number(body: &[u8]) -> Option<&str> {
    const MARK: &[u8] = b"question #";
    let at = body
        .windows(MARK.len())
        .rposition(|window| window == MARK)?
        + MARK.len();
    let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    std::str::from_utf8(&body[at..at + digits])
        .ok()
        .filter(|digits| !digits.is_empty())
}

/// Whether these bytes stand anywhere in those.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

/// Where these bytes stand first in those.
pub(crate) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
