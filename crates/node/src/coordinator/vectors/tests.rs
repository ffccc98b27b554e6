use async_trait::async_trait;
use llmnet_knowledge::collaborate::message::{Catalogue, Shown};
use llmnet_types::{
    codec::{List, Text},
    id::{Digest, Salt},
    merkle::Tree,
    passage::{Citation, Passage},
    registration::Corpus,
};

use super::*;

fn scored(number: u8, dense: Option<f32>) -> Scored {
    let passage = Passage {
        document: Text::truncated("d"),
        title: Text::empty(),
        text: Text::truncated(&number.to_string()),
    };
    let salt = Salt([number; 32]);
    let tree = Tree::new([passage.leaf(&salt)]);
    let citation = Citation {
        root: tree.root(),
        salt,
        path: tree.path(0).unwrap(),
    };
    Scored {
        shown: Shown::Passage(Box::new(Evidence { passage, citation })),
        lexical: 1.0,
        dense,
    }
}

fn merged(expert: usize, scored: &Scored) -> Merged {
    Merged {
        expert,
        also: Vec::new(),
        scored: scored.clone(),
        worth: 1.0,
    }
}

/// COR-4: what is used is looked at first, and who showed no cosine is not asked for any.
#[test]
fn one_cosine_of_each_expert_is_computed_again() {
    let [with, other, without] = [scored(1, Some(0.5)), scored(2, Some(0.4)), scored(3, None)];
    let hidden = Scored {
        shown: Shown::Digest(Digest::ZERO),
        ..with.clone()
    };
    let found = |passages: &[&Scored]| Found {
        passages: List::truncated(passages.iter().map(|scored| (*scored).clone())),
    };
    let heard = [
        found(&[&with, &other]),
        found(&[&without]),
        found(&[&hidden]),
        found(&[&without, &other]),
        found(&[]),
    ];
    let heard: Vec<&Found> = heard.iter().collect();
    let providers: Vec<ProviderId> = (0..5).map(ProviderId).collect();
    let used = [merged(0, &other), merged(3, &without)];
    for chance in 0..9 {
        let sampled = sample(&providers, &heard, &used, chance);
        let named = sampled
            .iter()
            .map(|one| (one.provider.0, one.scored.clone()));
        let named: Vec<_> = named.collect();
        assert_eq!(named, [(0, other.clone()), (3, other.clone())]);
    }
    let all = |chance| sample(&providers, &heard, &[], chance)[0].scored.clone();
    assert_eq!([all(0), all(1)], [with, other]);
}

/// Says of a text how long it is, or nothing at all.
struct Ruler {
    works: bool,
    calls: Mutex<Vec<usize>>,
}

#[async_trait]
impl Embedder for Ruler {
    fn model(&self) -> &str {
        "ruler"
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        lock(&self.calls).push(texts.len());
        if !self.works {
            std::future::pending::<()>().await;
        }
        let vector = |text: &&str| vec![text.len() as f32, 100.0 / text.len() as f32];
        Ok(texts.iter().map(vector).collect())
    }
}

fn expert(model: &str) -> Arc<route::Expert> {
    let corpus = Corpus {
        root: Digest::ZERO,
        as_of_day: 1,
        passages: 1,
    };
    Arc::new(route::Expert::new(&Catalogue {
        corpus,
        words: 1,
        counts: List::new(),
        model: Text::truncated(model),
        centroid: List::truncated([1.0, 0.0]),
    }))
}

fn ruler(works: bool) -> (Arc<Ruler>, Vectors) {
    let ruler = Arc::new(Ruler {
        works,
        calls: Mutex::default(),
    });
    let embedder = Arc::clone(&ruler) as Arc<dyn Embedder>;
    (ruler, Vectors::new(Some(embedder)))
}

#[tokio::test]
async fn a_question_is_embedded_where_an_expert_has_vectors_of_the_same_model() {
    let (ruler, vectors) = ruler(true);
    for experts in [vec![], vec![expert("")], vec![expert("another")]] {
        assert!(vectors.of("q", &experts).await.is_none());
    }
    assert!(lock(&ruler.calls).is_empty());
    let both = [expert("another"), expert("ruler")];
    let first = vectors.of("quill", &both).await.unwrap();
    assert_eq!(first.named(), ("ruler", &[5.0, 20.0][..]));
    let second = vectors.of("nib", &both).await.unwrap();
    assert_eq!(second.scale, first.scale);
    // With the first one the model's scale was asked for.
    assert_eq!(*lock(&ruler.calls), [1 + UNRELATED.len(), 1]);
}

#[tokio::test]
async fn a_model_that_is_slow_holds_up_few_questions() {
    let (ruler, vectors) = ruler(false);
    let experts = [expert("ruler")];
    for _ in 0..100 {
        assert!(vectors.of("q", &experts).await.is_none());
    }
    // The first one waited; then the model was left alone for as long as these took.
    let calls = lock(&ruler.calls).len();
    assert!((1..=3).contains(&calls), "{calls}");
}
