//! Reads what models write, strictly: what is not exactly a decision is none.

use llmnet_types::rating::Preference;
use serde::Deserialize;

/// The most bytes of a decision.
const DECISION_LENGTH_MAX: usize = 8_192;
/// The longest reason that is kept, in bytes.
const REASON_LENGTH_MAX: usize = 512;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judgement {
    better: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    keep: Option<bool>,
    convinced_by: Option<usize>,
    reason: Option<String>,
}

/// Which of two is better; `None` for what is no judgement.
pub(super) fn judgement(text: &str) -> Option<Preference> {
    let Judgement { better } = object(text)?;
    match better {
        0 => Some(Preference::Tie),
        1 => Some(Preference::First),
        2 => Some(Preference::Second),
        _ => None,
    }
}

/// Whose answer convinced, by place from 0, and why; `None` for keeping one's own and for whatever is no
/// decision: a change of mind must name another's place and give a reason (DEB-3).
pub(super) fn revision(text: &str, own: usize, shown: usize) -> Option<(usize, String)> {
    let decision: Decision = object(text)?;
    if decision.keep == Some(true) {
        return None;
    }
    let place = decision.convinced_by?.checked_sub(1)?;
    let reason = decision.reason?;
    let reason = reason.trim();
    if place == own || place >= shown || reason.is_empty() {
        return None;
    }
    let reason = &reason[..reason.floor_char_boundary(REASON_LENGTH_MAX)];
    Some((place, reason.to_owned()))
}

/// An answer without the line that names passages, and the places of those it names, each once, from 0. What is no such
/// line belongs to the answer; a number that no passage has names none.
pub(super) fn cited(text: &str, shown: usize) -> (&str, Vec<usize>) {
    let text = text.trim_end();
    let (answer, line) = text.rsplit_once('\n').unwrap_or(("", text));
    // Models like to make it bold, and some put brackets around numbers.
    let plain: String = line
        .chars()
        .filter(|character| !matches!(character, '*' | '_' | '`' | '[' | ']' | '.' | ' '))
        .collect();
    let plain = plain.to_ascii_lowercase();
    let named = plain.strip_prefix("passages:");
    let Some(named) = named.or_else(|| plain.strip_prefix("passage:")) else {
        return (text, Vec::new());
    };
    let numbers: Option<Vec<usize>> = match named {
        "" | "none" => Some(Vec::new()),
        named => named.split(',').map(|number| number.parse().ok()).collect(),
    };
    let Some(numbers) = numbers else {
        return (text, Vec::new());
    };
    let mut places = Vec::new();
    for number in numbers {
        if let Some(place) = number.checked_sub(1)
            && place < shown
            && !places.contains(&place)
        {
            places.push(place);
        }
    }
    (answer.trim_end(), places)
}

/// The one JSON object of a text, alone or in a code block, after whatever thinking in tags.
fn object<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    if text.len() > DECISION_LENGTH_MAX {
        return None;
    }
    // Some templates open the tag themselves, so that only its end is seen.
    let text = text
        .rsplit_once("</think>")
        .map_or(text, |(_, rest)| rest)
        .trim();
    let text = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|text| text.strip_suffix("```"))
        .unwrap_or(text);
    serde_json::from_str(text.trim()).ok()
}

/// What a model says once it has thought: many local servers hand its thinking over in tags, before the text.
pub(super) fn spoken(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix("<think>") {
        None => text,
        // Without an end, its tokens ran out before it came to the point.
        Some(thinking) => thinking
            .split_once("</think>")
            .map_or("", |(_, rest)| rest.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::cited;

    #[test]
    fn passages_are_named_in_the_last_line_alone() {
        assert_eq!(cited("Titan.\n\nPassages: 2, 1", 3), ("Titan.", vec![1, 0]));
        assert_eq!(
            cited("Titan.\n**Passage: [3].**  \n", 3),
            ("Titan.", vec![2])
        );
        // What is named twice, or is not there, is not cited for that.
        assert_eq!(
            cited("Titan.\nPassages: 1, 1, 0, 4, 9", 3),
            ("Titan.", vec![0])
        );
        assert_eq!(cited("Titan.\nPassages: none", 3), ("Titan.", vec![]));
        for prose in [
            "Titan.",
            "Titan.\nPassages: those on Saturn",
            "Passages: 1\nTitan.",
            "Titan, by passages: 1",
        ] {
            assert_eq!(cited(prose, 3), (prose, vec![]));
        }
        assert_eq!(cited("Passages: 1", 3), ("", vec![0]));
    }
}
