use super::*;

fn classifier() -> Classifier {
    let samples = [
        (
            "birds",
            "Owls\nOwls hunt mice at night and see well in the dark.",
        ),
        ("birds", "Eagles\nEagles soar high above the mountains."),
        (
            "farming",
            "Grain\nGrain is harvested in August and dried in the sun.",
        ),
        (
            "farming",
            "Mice in barns\nMice eat stored grain, so farmers keep cats.",
        ),
    ];
    let samples = samples.map(|(domain, text)| (Domain::new(domain).unwrap(), text.to_owned()));
    Classifier::new(&samples)
}

fn names(question: &str) -> Vec<String> {
    let domains = classifier().classify(question);
    let whole: u32 = domains
        .iter()
        .map(|(_, score)| u32::from(score.get()))
        .sum();
    assert!(whole <= 10_000, "{question}");
    domains
        .into_iter()
        .map(|(domain, _)| domain.to_string())
        .collect()
}

#[test]
fn a_question_belongs_where_its_words_do() {
    assert_eq!(names("When is grain harvested?"), ["farming"]);
    assert_eq!(names("Do owls eat mice at night?"), ["birds", "farming"]);
}

#[test]
fn what_nobody_wrote_of_belongs_nowhere() {
    for question in ["", "Who won the chess tournament?", "🙂", "what is it?"] {
        assert_eq!(names(question), [""; 0], "{question}");
    }
    assert!(Classifier::new(&[]).classify("owls").is_empty());
}

#[test]
fn a_version_names_what_it_was_built_from() {
    assert_eq!(classifier().version(), classifier().version());
    assert_ne!(classifier().version(), Classifier::new(&[]).version());
}
