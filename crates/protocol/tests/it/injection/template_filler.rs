use super::Known;

/// Holds every sign that our words have places for, so that a second filling would fill them in.
pub fn text(known: &Known) -> String {
    format!(
        "{{answers}} {{own}} {{question}} {{{{answers}}}}\nYour own answer is number 1.\n{}\n{{answers}}",
        known.answer
    )
}
