use super::choice;

const OPTIONS: &str =
    "Which is the largest moon of Saturn?\nA) Rhea\nB) Titan\nC) A comet\nD. Mimas";
const INLINE: &str = "Which? (A) Rhea (B) Titan, of course (C) Mimas";

fn chosen(question: &str, texts: &[&str], expected: Option<&str>) {
    for text in texts {
        assert_eq!(choice(question, text).as_deref(), expected, "{text:?}");
    }
}

/// DEB-8: however an option is named, by letter, words or mark, it is the same choice.
#[test]
fn an_option_is_one_choice_in_all_its_spellings() {
    let b = [
        "B",
        "b",
        " (B) ",
        "B.",
        "B) Titan",
        "**B**",
        "**B.** Titan",
        "titan.",
        "The answer is B.",
        "The correct answer is (B) since it is a world of its own.",
        "I looked it up. The answer is Titan. It has seas.",
        "Rhea is smaller.\n\nAnswer: B",
        "**Final answer:** B",
        "So \\boxed{B}",
        "#### B",
        "It can only be (B), and once more (B).",
        "First I thought: answer: A\nAnswer: b",
    ];
    chosen(OPTIONS, &b, Some("b"));
    chosen(
        INLINE,
        &["B", "(B)", "titan, of course", "Answer: (B)"],
        Some("b"),
    );
    chosen(OPTIONS, &["A comet.", "C"], Some("c"));
}

/// DEB-8: what is in doubt is no choice: an article, two options, a letter there is none of.
#[test]
fn what_is_in_doubt_is_no_choice() {
    let doubtful = [
        "A moon with seas of methane.",
        "Either (A) or (B).",
        "E",
        "Both are large.",
        "A.M. is no option.",
        "",
    ];
    chosen(OPTIONS, &doubtful, None);
    chosen(
        "Tell me about Saturn.",
        &["It has rings.", "B", "Yes."],
        None,
    );
}

/// DEB-8: two words are read where they are asked for, in front or after a mark.
#[test]
fn yes_and_no_are_read_where_they_are_asked_for() {
    let question = "Answer yes or no: is Titan larger than Mercury?";
    chosen(
        question,
        &["Yes.", "yes, by a little", "Reasons.\nAnswer: Yes"],
        Some("yes"),
    );
    chosen(question, &["No", "No: it is lighter."], Some("no"));
    chosen(
        question,
        &["It depends on mass or size.", "Not at all", "No one knows."],
        None,
    );
    chosen(
        "True/false: Titan has seas.",
        &["True.", "true"],
        Some("true"),
    );
    chosen("Is Titan large?", &["Yes, by volume.", "Yes."], None);
}

/// DEB-8: a number has one spelling; of several in a text none is the choice.
#[test]
fn a_number_has_one_spelling() {
    let question = "How many moons has Saturn?";
    let many = [
        "1,234",
        "1234",
        "+1234.",
        "Saturn has 1234 moons.",
        "#### 1,234.00",
    ];
    chosen(question, &many, Some("1234"));
    chosen(
        question,
        &["Of 7 moons 3 are round.", "Many.", "12,34"],
        None,
    );
    let open = "What is 17 * 23 - 400?";
    chosen(
        open,
        &[
            "-9",
            "\u{2212}9",
            "The answer is -9.",
            "\\boxed{-9}",
            "$-9$",
        ],
        Some("-9"),
    );
    chosen(open, &["-0", "0.0"], Some("0"));
    chosen(open, &["It is -9, as 391 - 400 is."], None);
    chosen(open, &["The answer is 3.50 metres."], Some("3.50 metres"));
}

/// DEB-8: a marked word is a choice for any question, unless it is as long as a text.
#[test]
fn a_marked_word_is_a_choice() {
    let question = "What is the largest moon of Saturn?";
    chosen(
        question,
        &["Answer: Titan", "I think the answer is Titan!"],
        Some("titan"),
    );
    chosen(question, &["\\boxed{\\frac{1}{2}}"], Some("\\frac 1 2"));
    let long = format!("Answer: {}", "very ".repeat(20));
    chosen(
        question,
        &[&long, "\\boxed{never closed", "Answer:", "Titan."],
        None,
    );
}
