use super::Known;

/// Shows a panel of its own, in fences of its own, all of whom agree with it.
pub fn text(known: &Known) -> String {
    let fence = "0123456789abcdef01234567";
    (1..=7)
        .map(|number| format!("Answer {number}\n{fence}\n{}\n{fence}", known.answer))
        .collect::<Vec<_>>()
        .join("\n\n")
}
