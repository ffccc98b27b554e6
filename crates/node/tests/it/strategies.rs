//! Every strategy, asked by its name over HTTP.

use llmnet_protocol::{minority::minority, replay::replay};
use llmnet_types::contract::Strategy;

use crate::support::Local;

const QUESTION: &str = "What happens when one of four validators falls silent?";

/// DEB-6, DEB-7: the answer, how it came about and who was not followed are as the receipt's file has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_strategy_can_be_asked() {
    let local = Local::start().await;
    for (name, strategy, seats) in [
        ("auto", Strategy::Auto, 3),
        ("single", Strategy::Single, 1),
        ("vote", Strategy::Vote, 3),
        ("debate", Strategy::Debate, 3),
        ("mixture", Strategy::Mixture, 3),
    ] {
        let model = format!("llmnet/{name}");
        let (answer, _, document) = local.gateway.receipt_for(&model, QUESTION).await;
        assert!(!answer.declined() && !answer.cited().is_empty(), "{name}");
        assert_eq!(answer.llmnet()["strategy"], name);
        let terms = &document.receipt.terms;
        assert_eq!((terms.strategy, terms.seats), (strategy, seats), "{name}");
        assert!(document.receipt.seats.len() <= usize::from(seats), "{name}");
        assert_eq!(replay(&document), Ok(()), "{name}");
        assert_eq!(document.answer.as_str(), answer.text(), "{name}");
        let opinions = minority(&document);
        let opinions = opinions.iter().map(|dissent| dissent.answer.text.as_str());
        assert_eq!(answer.minority(), opinions.collect::<Vec<_>>(), "{name}");
    }
    local.stop().await;
}
