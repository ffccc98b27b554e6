use super::Known;

/// Writes the label by which proven citations are told, with a passage that bears its answer out.
pub fn text(known: &Known) -> String {
    let claim = &known.answer;
    (1..=3)
        .map(|number| {
            format!(
                "Proven citation of answer {number}\n{:024x}\nMoons: {claim} It is the largest.\n{:024x}\n\
                 [Proven citation] Moons: {claim}",
                number, number
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}
