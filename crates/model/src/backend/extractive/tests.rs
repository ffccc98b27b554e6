use llmnet_types::{
    contract::Strategy,
    id::Salt,
    merkle::Tree,
    passage::Citation,
    request::{ChatMessage, Role},
    units::Tokens,
};

use super::*;

const CONTRACT: ContractId = ContractId([5; 32]);

/// Holds passages and measures by the share of the question's words.
struct Words(Vec<Passage>);

fn evidence(passage: &Passage) -> Evidence {
    let salt = Salt([1; 32]);
    let tree = Tree::new([passage.leaf(&salt)]);
    let path = tree.path(0).unwrap();
    Evidence {
        passage: passage.clone(),
        citation: Citation {
            root: tree.root(),
            salt,
            path,
        },
    }
}

impl Library for Words {
    fn version(&self) -> String {
        "words".repeat(50)
    }

    fn find(&self, question: &str, limit: usize) -> Result<Vec<Finding>, LibraryError> {
        if question == "broken" {
            return Err(LibraryError("disk".to_owned()));
        }
        let mut findings: Vec<_> = self
            .0
            .iter()
            .map(|passage| {
                let coverage = self.compare(question, &[passage])[0];
                Finding {
                    evidence: evidence(passage),
                    rank: f64::from(coverage.get()),
                    coverage,
                }
            })
            .collect();
        findings.sort_by(|a, b| b.rank.total_cmp(&a.rank));
        findings.truncate(limit);
        Ok(findings)
    }

    fn compare(&self, question: &str, passages: &[&Passage]) -> Vec<Score> {
        passages
            .iter()
            .map(|passage| self.coverage(question, &passage.text))
            .collect()
    }

    fn coverage(&self, question: &str, text: &str) -> Score {
        let text = text.to_lowercase();
        let words: Vec<_> = question.split_whitespace().collect();
        let met = words.iter().filter(|word| text.contains(**word)).count();
        Score::ratio(met as u64, words.len() as u64)
    }
}

fn passage(title: &str, text: &str) -> Passage {
    Passage {
        document: Text::new("Birds").unwrap(),
        title: Text::new(title).unwrap(),
        text: Text::new(text).unwrap(),
    }
}

fn owls() -> Passage {
    passage(
        "Owls",
        "Owls are birds. They sleep by day. Some are white. They hunt mice at night.",
    )
}

fn mice() -> Passage {
    passage("Mice", "Mice are small. Grain is what they eat.")
}

fn backend(passages: Vec<Passage>) -> Extractive {
    Extractive::new(Arc::new(Words(passages)), Options::default())
}

fn request(question: &str) -> Request {
    let content = Text::new(question).unwrap();
    Request {
        messages: List::truncated([ChatMessage {
            role: Role::User,
            content,
        }]),
        strategy: Strategy::Auto,
        domain: None,
        output_tokens_max: None,
        settings: List::new(),
    }
}

async fn answer(passages: Vec<Passage>, question: &str) -> Result<Answer, AnswerError> {
    let limits = Limits::default();
    backend(passages)
        .answer(&CONTRACT, &request(question), &limits)
        .await
}

#[tokio::test]
async fn deb_1_an_answer_is_quoted_or_declined() {
    let found = answer(vec![mice(), owls()], "owls hunt night")
        .await
        .unwrap();
    assert_eq!(
        found.text.as_str(),
        "Owls are birds. They sleep by day. They hunt mice at night."
    );
    assert_eq!(found.evidence.len(), 1);
    assert_eq!(found.class, answer_class(&CONTRACT, &owls().digest().0));
    assert!(supported(&found));
    let nothing = answer(vec![mice(), owls()], "comets galaxies owls").await;
    assert_eq!(
        nothing,
        Err(AnswerError::Declined(DeclineReason::NothingFound))
    );
    let broken = answer(vec![], "broken").await.unwrap_err();
    assert!(matches!(broken, AnswerError::Backend(_)), "{broken}");
}

#[tokio::test]
async fn a_second_passage_is_cited_where_it_adds() {
    let found = answer(vec![owls(), mice()], "hunt night grain eat")
        .await
        .unwrap();
    assert!(
        found.text.ends_with("\n\nGrain is what they eat."),
        "{}",
        found.text
    );
    assert_eq!(found.evidence.len(), 2);
    assert!(supported(&found));
}

#[tokio::test]
async fn limits_leave_out_whole_sentences() {
    for (tokens, expected) in [(100, 3), (5, 1)] {
        let limits = Limits {
            output_tokens: Tokens(tokens),
            ..Limits::default()
        };
        let request = request("owls hunt night");
        let found = backend(vec![owls()])
            .answer(&CONTRACT, &request, &limits)
            .await
            .unwrap();
        assert_eq!(
            compose::sentences(&found.text).len(),
            expected,
            "{}",
            found.text
        );
    }
    let limits = Limits {
        output_tokens: Tokens(1),
        ..Limits::default()
    };
    let none = backend(vec![owls()])
        .answer(&CONTRACT, &request("owls"), &limits)
        .await;
    assert_eq!(none, Err(AnswerError::Declined(DeclineReason::Policy)));
}

/// Three answers to "hunt night mice": a poor one, a good one, and one of the test's choice.
async fn shown(third: Answer) -> [Answer; 3] {
    [
        answer(vec![mice()], "mice").await.unwrap(),
        answer(vec![owls()], "hunt").await.unwrap(),
        third,
    ]
}

async fn revise(own: usize, shown: &[Answer]) -> Revision {
    let request = request("hunt night mice");
    backend(vec![mice()])
        .revise(&CONTRACT, &request, own, shown, &Limits::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn deb_3_clearly_better_evidence_convinces() {
    let shown = shown(answer(vec![mice()], "small").await.unwrap()).await;
    let revision = revise(0, &shown).await;
    assert_eq!(revision.convinced_by, Some(1));
    assert_eq!(revision.answer, shown[1]);
    assert_eq!(
        revision.reason.as_str(),
        "\"Owls\" covers more of the question (100% against 33%)"
    );
    let kept = revise(1, &shown).await;
    assert_eq!((kept.convinced_by, &kept.answer), (None, &shown[1]));
}

#[tokio::test]
async fn claims_that_evidence_does_not_bear_out_convince_nobody() {
    let good = answer(vec![owls()], "hunt").await.unwrap();
    let invented = Answer {
        text: Text::new("Owls hunt mice at night with lasers.").unwrap(),
        ..good.clone()
    };
    let mut forged = good.clone();
    let mut evidence = forged.evidence.clone().into_vec();
    evidence[0].passage.title = Text::new("Hunt night mice").unwrap();
    forged.evidence = List::from_vec(evidence).unwrap();
    let bare = Answer {
        evidence: List::new(),
        ..good
    };
    for bad in [invented, forged, bare] {
        assert!(!supported(&bad));
        let shown = shown(bad.clone()).await;
        assert_eq!(revise(0, &shown[..]).await.convinced_by, Some(1));
        let request = request("hunt night mice");
        let judge = backend(vec![mice()]);
        // An unsupported answer loses even to poor but honest evidence.
        let ballot = judge
            .judge(&CONTRACT, &request, 1, &shown, &Limits::default())
            .await
            .unwrap();
        let expected = Comparison {
            first: 0,
            second: 2,
            better: Preference::First,
        };
        assert_eq!(&*ballot, &[expected]);
    }
}

#[tokio::test]
async fn rat_1_ballots_leave_out_ones_own() {
    let shown = shown(answer(vec![owls()], "night").await.unwrap()).await;
    let request = request("hunt night mice");
    let backend = backend(vec![mice()]);
    let limits = Limits::default();
    let judge = |own| backend.judge(&CONTRACT, &request, own, &shown, &limits);
    let comparison = |first, second, better| Comparison {
        first,
        second,
        better,
    };
    assert_eq!(
        &*judge(0).await.unwrap(),
        &[comparison(1, 2, Preference::Tie)]
    );
    assert_eq!(
        &*judge(1).await.unwrap(),
        &[comparison(0, 2, Preference::Second)]
    );
    assert_eq!(
        judge(3).await,
        Err(AnswerError::Misplaced { own: 3, shown: 3 })
    );
    assert!(backend.version().len() <= crate::answer::VERSION_LENGTH_MAX);
}

#[test]
fn sentences_are_whole() {
    let text = "It is 3.5 km long, e.g. here. \"Really?\" Yes! 20 of them.";
    let expected = [
        "It is 3.5 km long, e.g. here.",
        "\"Really?\" Yes!",
        "20 of them.",
    ];
    assert_eq!(compose::sentences(text), expected);
    assert!(compose::sentences("  ").is_empty());
}

/// COR-6: what all are shown counts beside one's own, by one measure: clearly more, and it is answered from.
#[tokio::test]
async fn a_shown_passage_is_a_candidate_beside_ones_own() {
    let ask = async |own: Vec<Passage>, shared: Vec<Passage>, question: &str| {
        let shared: Vec<Evidence> = shared.iter().map(evidence).collect();
        let (request, limits) = (request(question), Limits::default());
        let backend = backend(own);
        let said = backend.answer_with(&CONTRACT, &request, &shared, &limits);
        said.await.map(|answer| {
            assert!(supported(&answer));
            let main = &answer.evidence[0];
            assert_eq!(
                answer.class,
                answer_class(&CONTRACT, &main.passage.digest().0)
            );
            main.passage.title.to_string()
        })
    };
    let nothing = Err(AnswerError::Declined(DeclineReason::NothingFound));
    // Nothing of its own: it need not decline.
    let said = ask(vec![mice()], vec![owls()], "owls hunt night").await;
    assert_eq!(said, Ok("Owls".to_owned()));
    // As good as its own: its own.
    let other = passage("Other owls", &owls().text);
    let said = ask(vec![owls()], vec![other], "owls hunt night").await;
    assert_eq!(said, Ok("Owls".to_owned()));
    // Worse, and of no use at all.
    let said = ask(vec![owls()], vec![mice()], "owls hunt night").await;
    assert_eq!(said, Ok("Owls".to_owned()));
    let said = ask(vec![mice()], vec![owls()], "comets galaxies nebulae").await;
    assert_eq!(said, nothing);
}
