//! Progress in words, one line each.

use llmnet_types::request::Progress;

pub(super) fn of(progress: &Progress) -> String {
    match progress {
        Progress::Classified { domains } => {
            let domains: Vec<String> = domains
                .iter()
                .map(|(domain, confidence)| format!("{domain} {}%", confidence.get() / 100))
                .collect();
            format!("about {}", domains.join(", "))
        }
        Progress::Selected { seats } => format!("panel of {seats}"),
        Progress::Answered { answers, seats } => format!("answers {answers}/{seats}"),
        Progress::Debating { round, rounds } => format!("debate round {round}/{rounds}"),
        Progress::Rating => "rating".to_owned(),
        Progress::Concluded => "concluded".to_owned(),
    }
}
