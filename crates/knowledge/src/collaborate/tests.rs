use llmnet_types::{
    codec::{Text, decode, encode},
    id::{Digest, Salt},
    passage::Passage,
};

use super::{
    check::{self, Check, Record},
    expert::{self, Disclosure},
    gather::{Bearing, gather},
    merge::{Merged, merge},
    message::{Ask, Catalogue, Found, MESSAGE_LENGTH_MAX, Reply, Request},
    near::{Scale, UNRELATED},
    route::{self, Expert},
};
use crate::{
    analysis::Query,
    bm25::Statistics,
    ingest::Section,
    store::{Filter, NewDocument, Store, Wanted},
};

/// Documents of three subjects.
const OWLS: [&str; 4] = [
    "Owls hunt mice at midnight in the forest.",
    "The barn owl nests in old barns and church towers.",
    "Owls turn their heads far around, for their eyes cannot move.",
    "A pellet holds the bones of mice that an owl has eaten.",
];
const SHIPS: [&str; 4] = [
    "The keel of a ship runs along its bottom from bow to stern.",
    "Ballast keeps an empty ship upright in the wind.",
    "Old ships were caulked with oakum and pitch.",
    "A mouse on a ship eats the crew's bread.",
];
const BREAD: [&str; 4] = [
    "Bread rises because yeast makes gas in the dough.",
    "Sourdough bread keeps longer than bread with yeast.",
    "A crust forms when the oven is hot and moist.",
    "Flour of rye makes a dark and heavy bread.",
];

fn store(salt: u8, texts: &[&str]) -> Store {
    let store = Store::in_memory(&Salt([salt; 32])).unwrap();
    let sections = texts.iter().map(|text| Section {
        passage: Passage {
            document: Text::new("d").unwrap(),
            title: Text::empty(),
            text: Text::new(*text).unwrap(),
        },
        terms: String::new(),
    });
    let document = NewDocument {
        digest: Digest([salt; 32]),
        title: "d".to_owned(),
        kind: "text".to_owned(),
        licence: String::new(),
        as_of_day: 1,
        bytes: 1,
        sections: sections.collect(),
    };
    store.add("d", &document).unwrap();
    // A vector that says which subject a passage is of, and a little more, as a model's would.
    let vectors: Vec<_> = store
        .unembedded("m", 100)
        .unwrap()
        .into_iter()
        .map(|text| (text.id, vector(&text.text)))
        .collect();
    store.keep_vectors("m", &vectors).unwrap();
    store
}

fn vector(text: &str) -> Vec<f32> {
    let query = Query::new(text);
    let mut vector = vec![0.001_f32; 1 << 12];
    for term in &query.terms {
        let [first, second, ..] = Digest::of(term.as_bytes()).0;
        vector[usize::from(u16::from_le_bytes([first, second])) % (1 << 12)] += 1.0;
    }
    vector
}

fn stores() -> Vec<Store> {
    vec![store(1, &OWLS), store(2, &SHIPS), store(3, &BREAD)]
}

/// As it arrives at the other side.
fn carried<T: borsh::BorshSerialize + borsh::BorshDeserialize>(value: &T) -> T {
    decode(&encode(value), MESSAGE_LENGTH_MAX).unwrap()
}

fn catalogues(stores: &[Store]) -> Vec<Catalogue> {
    let catalogue = |store: &Store| {
        let announced = store.proofs().unwrap();
        let told = expert::catalogue(store, &announced, Some("m"));
        told.unwrap().unwrap()
    };
    stores
        .iter()
        .map(|store| carried(&catalogue(store)))
        .collect()
}

fn answer(store: &Store, ask: &Ask, disclosure: Disclosure) -> Found {
    let announced = store.proofs().unwrap();
    expert::answer(store, &announced, ask, disclosure).unwrap()
}

fn found(stores: &[Store], catalogues: &[Catalogue], ask: &Ask) -> Vec<(Digest, Found)> {
    let request = carried(&Request::Ask(Box::new(ask.clone())));
    let Request::Ask(ask) = request else {
        unreachable!("it was a question")
    };
    stores
        .iter()
        .zip(catalogues)
        .map(|(store, catalogue)| {
            let found = answer(store, &ask, Disclosure::Passages);
            let Reply::Found(found) = carried(&Reply::Found(found)) else {
                unreachable!("it was found")
            };
            (catalogue.corpus.root, found)
        })
        .collect()
}

fn texts(merged: &[Merged]) -> Vec<String> {
    let text = |merged: &Merged| merged.scored.evidence().unwrap().passage.text.to_string();
    merged.iter().map(text).collect()
}

const QUESTIONS: [&str; 6] = [
    "Which bird hunts mice?",
    "What do mice eat on a ship?",
    "Why does bread rise?",
    "Which bread keeps long?",
    "How is a ship kept upright?",
    "What does an owl nest in?",
];

#[test]
fn experts_together_are_one_index() {
    let stores = stores();
    let catalogues = catalogues(&stores);
    let experts: Vec<_> = catalogues.iter().map(Expert::new).collect();
    let shared = route::shared(&experts);
    let all: Vec<&str> = [OWLS, SHIPS, BREAD].concat();
    let central = store(9, &all);
    assert_eq!(shared, central.statistics(usize::MAX).unwrap());
    for question in QUESTIONS {
        for vector in [None, Some(vector(question))] {
            let vector = vector.as_deref().map(|vector| ("m", vector));
            let query = Query::new(question);
            let wanted = Wanted {
                query: &query,
                vector,
                statistics: &shared,
                limit: 3,
                filter: &Filter::default(),
            };
            let expected: Vec<_> = central
                .best(&wanted)
                .unwrap()
                .iter()
                .map(|hit| central.passage(hit.id).unwrap().text.to_string())
                .collect();
            let ask = Ask::new(question, &shared, vector, 3);
            let merged = merge(&found(&stores, &catalogues, &ask), 3);
            let mut ours = texts(&merged);
            ours.truncate(expected.len());
            // Equal worth may stand in either order.
            assert_eq!(ours.first(), expected.first(), "{question}");
        }
    }
}

#[test]
fn a_question_finds_its_expert_first() {
    let stores = stores();
    let catalogues = catalogues(&stores);
    let experts: Vec<_> = catalogues.iter().map(Expert::new).collect();
    let shared = route::shared(&experts);
    let order = |question: &str, trusted: &dyn Fn(usize) -> bool| {
        let vector = vector(question);
        let query = Query::new(question);
        route::order(&query, Some(("m", &vector)), &experts, &shared, trusted)
    };
    assert_eq!(order("Where do owls nest?", &|_| true)[0], 0);
    assert_eq!(order("ballast of a ship", &|_| true)[0], 1);
    assert_eq!(order("yeast in bread", &|_| true)[0], 2);
    assert_eq!(order("yeast in bread", &|place| place != 2).len(), 2);
    // A vector of another model says nothing.
    let query = Query::new("yeast");
    let other = route::order(
        &query,
        Some(("other", &[1.0; 64])),
        &experts,
        &shared,
        |_| true,
    );
    assert_eq!(other[0], 2);
}

#[test]
fn equal_text_stands_once_and_names_all_who_have_it() {
    let stores = vec![store(1, &OWLS), store(2, &[OWLS[0], SHIPS[0]])];
    let catalogues = catalogues(&stores);
    let experts: Vec<_> = catalogues.iter().map(Expert::new).collect();
    let ask = Ask::new("Which bird hunts mice?", &route::shared(&experts), None, 4);
    let merged = merge(&found(&stores, &catalogues, &ask), 4);
    let same: Vec<_> = merged
        .iter()
        .filter(|merged| merged.scored.evidence().unwrap().passage.text.as_str() == OWLS[0])
        .collect();
    assert_eq!(same.len(), 1);
    assert_eq!((same[0].expert, same[0].also.as_slice()), (0, &[1][..]));
}

#[test]
fn what_proves_nothing_is_left_out() {
    let stores = stores();
    let catalogues = catalogues(&stores);
    let ask = Ask::new("Which owl hunts mice?", &Statistics::default(), None, 4);
    let honest = found(&stores, &catalogues, &ask);
    let count = merge(&honest, 4).len();
    let altered = |change: &dyn Fn(&mut Found)| {
        let mut found = honest.clone();
        change(&mut found[0].1);
        merge(&found, 4)
            .iter()
            .filter(|merged| merged.expert == 0)
            .count()
    };
    assert!(altered(&|_| ()) > 0 && count > 0);
    let each = |change: fn(&mut super::message::Scored)| {
        move |found: &mut Found| {
            let mut passages = std::mem::take(&mut found.passages).into_vec();
            passages.iter_mut().for_each(change);
            found.passages = passages.try_into().unwrap();
        }
    };
    use super::message::Shown;
    assert_eq!(altered(&each(|scored| scored.lexical = f64::INFINITY)), 0);
    assert_eq!(altered(&each(|scored| scored.dense = Some(f32::NAN))), 0);
    assert_eq!(
        altered(&each(|scored| scored.shown = Shown::Digest(Digest::ZERO))),
        0
    );
    let forge: fn(&mut super::message::Scored) = |scored| {
        if let Shown::Passage(evidence) = &mut scored.shown {
            evidence.passage.text = Text::new("Owls hunt owls.").unwrap();
        }
    };
    assert_eq!(altered(&each(forge)), 0);
    let mut elsewhere = honest.clone();
    elsewhere[0].0 = Digest([8; 32]);
    assert!(merge(&elsewhere, 4).iter().all(|merged| merged.expert != 0));
}

#[test]
fn an_expert_shows_what_its_owner_allows() {
    let stores = stores();
    let ask = Ask::new("Which owl hunts mice?", &Statistics::default(), None, 4);
    let shown = |disclosure| answer(&stores[0], &ask, disclosure).passages;
    assert!(
        shown(Disclosure::Passages)
            .iter()
            .all(|scored| scored.evidence().is_some())
    );
    let digests = shown(Disclosure::Digests);
    assert!(!digests.is_empty() && digests.iter().all(|scored| scored.evidence().is_none()));
    assert!(shown(Disclosure::Nothing).is_empty());
    let empty = Store::in_memory(&Salt([5; 32])).unwrap();
    let announced = empty.proofs().unwrap();
    assert_eq!(expert::catalogue(&empty, &announced, None).unwrap(), None);
    for disclosure in Disclosure::ALL {
        assert_eq!(Disclosure::named(disclosure.name()), Some(disclosure));
    }
}

/// An expert on bread that says of its passages that they are worth ten times as much.
fn boasts(found: &mut Found) {
    let mut passages = std::mem::take(&mut found.passages).into_vec();
    for scored in &mut passages {
        scored.lexical = scored.lexical * 10.0 + 5.0;
        scored.dense = Some(0.99);
    }
    found.passages = passages.try_into().unwrap();
}

#[test]
fn a_liar_is_found_out_and_loses_its_traffic() {
    let stores = stores();
    let catalogues = catalogues(&stores);
    let experts: Vec<_> = catalogues.iter().map(Expert::new).collect();
    let shared = route::shared(&experts);
    let mut records = vec![Record::default(); stores.len()];
    let mut asked = vec![0; stores.len()];
    for (round, question) in QUESTIONS.iter().cycle().take(30).enumerate() {
        let (query, own) = (Query::new(question), vector(question));
        let vector = Some(("m", own.as_slice()));
        let trusted = |place: usize| records[place].trusted();
        let order = route::order(&query, vector, &experts, &shared, trusted);
        let places: Vec<_> = order.into_iter().take(2).collect();
        let ask = Ask::new(question, &shared, vector, 3);
        let mut answers = found(&stores, &catalogues, &ask);
        boasts(&mut answers[2].1);
        let answers: Vec<_> = places.iter().map(|place| answers[*place].clone()).collect();
        let merged = merge(&answers, 3);
        for place in check::sample(merged.len(), 2, 1, round as u64) {
            let (merged, statistics) = (&merged[place], ask.statistics());
            let expert = places[merged.expert];
            let text = &merged.scored.evidence().unwrap().passage;
            let again = super::tests::vector(&format!("{}\n{}", text.title, text.text));
            records[expert].note(check::lexical(&query, &statistics, &merged.scored));
            records[expert].note(check::dense(&own, &again, &merged.scored));
        }
        for place in places {
            asked[place] += 1;
        }
    }
    assert!(!records[2].trusted(), "{records:?}");
    assert!(
        asked[2] <= 2,
        "asked again after it was found out: {asked:?}"
    );
    for honest in 0..2 {
        assert_eq!(records[honest].wrong, 0);
        assert!(
            records[honest].checked > 10 && asked[honest] >= 28,
            "{asked:?}"
        );
    }
}

#[test]
fn what_is_not_shown_cannot_be_checked() {
    let stores = stores();
    let ask = Ask::new("Which owl hunts mice?", &Statistics::default(), None, 4);
    let found = answer(&stores[0], &ask, Disclosure::Digests);
    let query = Query::new(&ask.question);
    let check = check::lexical(&query, &ask.statistics(), &found.passages[0]);
    assert_eq!(check, Check::Hidden);
    assert_eq!(check::sample(0, 3, 3, 1), Vec::<usize>::new());
    let sample = check::sample(40, 3, 5, 7);
    assert!(
        sample.starts_with(&[0, 1, 2])
            && sample.len() > 4
            && sample.iter().all(|place| *place < 40)
    );
}

#[test]
fn messages_over_their_bounds_do_not_decode() {
    let ask = Ask::new(&"owl ".repeat(10_000), &Statistics::default(), None, 9_999);
    assert_eq!(usize::from(ask.limit), super::message::PASSAGES_MAX);
    assert!(ask.question.len() <= crate::analysis::QUERY_LENGTH_MAX);
    let bytes = encode(&Request::Ask(Box::new(ask)));
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(decode::<Request>(&bytes[..cut], MESSAGE_LENGTH_MAX).is_err());
    }
    let endless = [&[1, 255, 255, 255, 255][..], &bytes].concat();
    assert!(decode::<Request>(&endless, MESSAGE_LENGTH_MAX).is_err());
}

/// COR-3: what was added and is not announced yet is not found for others, and what was announced still is.
#[test]
fn only_what_was_announced_is_found_for_others() {
    let store = store(1, &OWLS);
    let announced = store.proofs().unwrap();
    let later = NewDocument {
        digest: Digest([77; 32]),
        title: "later".to_owned(),
        kind: "text".to_owned(),
        licence: String::new(),
        as_of_day: 2,
        bytes: 1,
        sections: vec![Section {
            passage: Passage {
                document: Text::new("later").unwrap(),
                title: Text::empty(),
                text: Text::new("Owls hunt mice, owls hunt mice, owls hunt mice.").unwrap(),
            },
            terms: String::new(),
        }],
    };
    store.add("later", &later).unwrap();
    let ask = Ask::new("Which owl hunts mice?", &Statistics::default(), None, 1);
    let found = expert::answer(&store, &announced, &ask, Disclosure::Passages).unwrap();
    let evidence = found.passages[0].evidence().unwrap();
    assert_eq!(evidence.citation.root, announced.root());
    assert!(evidence.holds() && evidence.passage.document.as_str() == "d");
    let now = answer(&store, &ask, Disclosure::Passages);
    let evidence = now.passages[0].evidence().unwrap();
    assert_eq!(evidence.passage.document.as_str(), "later");
    let told = expert::catalogue(&store, &announced, None)
        .unwrap()
        .unwrap();
    assert_eq!(Some(told.corpus), announced.registration());
}

/// The longest there can be: a network's links carry them whole.
#[test]
fn the_longest_messages_are_within_their_bound() {
    use llmnet_types::{
        merkle::Path,
        passage::{Citation, Evidence, PASSAGE_LENGTH_MAX},
    };

    use super::message::{
        CATALOGUE_COUNTS_LENGTH_MAX, CATALOGUE_TERMS_MAX, DIMENSIONS_MAX, PASSAGES_MAX, Scored,
        Shown, TERM_LENGTH_MAX,
    };
    let path = Path {
        size: u32::MAX,
        ..llmnet_types::merkle::Tree::new((0..1_000_000_u32).map(|leaf| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&leaf.to_le_bytes());
            bytes
        }))
        .path(17)
        .unwrap()
    };
    let evidence = Evidence {
        passage: Passage {
            document: Text::new("d".repeat(128)).unwrap(),
            title: Text::new("t".repeat(128)).unwrap(),
            text: Text::new("x".repeat(PASSAGE_LENGTH_MAX)).unwrap(),
        },
        citation: Citation {
            root: Digest::ZERO,
            salt: Salt([0; 32]),
            path,
        },
    };
    let scored = Scored {
        shown: Shown::Passage(Box::new(evidence)),
        lexical: 1.0,
        dense: Some(1.0),
    };
    let found = Found {
        passages: vec![scored; 2 * PASSAGES_MAX].try_into().unwrap(),
    };
    assert!(encode(&Reply::Found(found)).len() <= MESSAGE_LENGTH_MAX);

    let counts = CATALOGUE_COUNTS_LENGTH_MAX / (TERM_LENGTH_MAX + 10);
    assert!(counts < CATALOGUE_TERMS_MAX);
    let term = Text::new("x".repeat(TERM_LENGTH_MAX)).unwrap();
    let catalogue = Catalogue {
        corpus: store(1, &OWLS).proofs().unwrap().registration().unwrap(),
        words: u64::MAX,
        counts: vec![(term, u64::MAX); counts].try_into().unwrap(),
        model: Text::new("m".repeat(128)).unwrap(),
        centroid: vec![1.0; DIMENSIONS_MAX].try_into().unwrap(),
    };
    let reply = Reply::Catalogue(Some(Box::new(catalogue)));
    assert!(encode(&reply).len() <= MESSAGE_LENGTH_MAX);
}

/// COR-4: what a panel is shown of three experts, one of which lies in one of several ways.
#[test]
fn nothing_of_a_liar_is_shown() {
    let stores = stores();
    let catalogues = catalogues(&stores);
    let experts: Vec<_> = catalogues.iter().map(Expert::new).collect();
    let shared = route::shared(&experts);
    let question = "Why does bread rise with yeast?";
    let query = Query::new(question);
    let ask = Ask::new(question, &shared, None, 3);
    let statistics = ask.statistics();
    let honest = found(&stores, &catalogues, &ask);
    let gathered = gather(&query, &statistics, &honest, Bearing::by(None), 2, 7);
    assert!(!gathered.passages.is_empty() && gathered.passages.len() <= 2);
    assert_eq!(gathered.passages[0].expert, 2);
    let text = &texts(&gathered.passages)[0];
    assert!(text.contains("yeast"), "{text}");
    assert!(gathered.records.iter().all(|record| record.wrong == 0));
    assert!(gathered.records[2].checked > 0);

    let mut boasting = honest.clone();
    boasts(&mut boasting[2].1);
    let mut elsewhere = honest.clone();
    elsewhere[2].0 = Digest([8; 32]);
    let mut forged = honest;
    let mut passages = std::mem::take(&mut forged[2].1.passages).into_vec();
    for scored in &mut passages {
        if let super::message::Shown::Passage(evidence) = &mut scored.shown {
            evidence.passage.title = Text::new("Bread, yeast, rise").unwrap();
        }
    }
    forged[2].1.passages = passages.try_into().unwrap();
    for lie in [boasting, elsewhere, forged] {
        for chance in 0..8 {
            let gathered = gather(&query, &statistics, &lie, Bearing::by(None), 2, chance);
            assert!(gathered.passages.iter().all(|merged| merged.expert != 2));
            assert!(!gathered.records[2].trusted(), "{:?}", gathered.records);
            assert!(gathered.records[..2].iter().all(Record::trusted));
        }
    }
}

/// COR-5: what hardly bears on a question is shown to nobody.
#[test]
fn a_word_in_common_is_not_enough() {
    let stores = stores();
    let catalogues = catalogues(&stores);
    let experts: Vec<_> = catalogues.iter().map(Expert::new).collect();
    let shared = route::shared(&experts);
    let question = "Which comet did a crew of astronomers photograph near Neptune?";
    let ask = Ask::new(question, &shared, None, 3);
    let found = found(&stores, &catalogues, &ask);
    assert!(found.iter().any(|(_, found)| !found.passages.is_empty()));
    let gathered = gather(
        &Query::new(question),
        &ask.statistics(),
        &found,
        Bearing::by(None),
        8,
        1,
    );
    assert_eq!(gathered.passages, []);
}

/// COR-5: what has none of a question's words is shown where it means the same, and only there.
#[test]
fn a_passage_that_is_near_is_shown_without_a_word_in_common() {
    let stores = stores();
    let catalogues = catalogues(&stores);
    let experts: Vec<_> = catalogues.iter().map(Expert::new).collect();
    let shared = route::shared(&experts);
    let vectors: Vec<_> = UNRELATED.iter().map(|text| vector(text)).collect();
    let scale = Scale::of(&vectors).unwrap();
    assert!(scale.concerns() < scale.bears() && scale.bears() < 1.0);
    let question = "Which wild leavening lifts loaves?";
    let query = Query::new(question);
    // As a model would have it that knows what it is about, and as one that does not.
    for (meant, near) in [(vector(BREAD[0]), true), (vector(question), false)] {
        let vector = Some(("m", &meant[..]));
        assert_eq!(experts[2].is_near(vector, Some(scale)), near);
        let ask = Ask::new(question, &shared, vector, 3);
        let found = found(&stores, &catalogues, &ask);
        let by = |scale| gather(&query, &ask.statistics(), &found, Bearing::by(scale), 8, 1);
        assert_eq!(by(None).passages, []);
        let shown = texts(&by(Some(scale)).passages);
        assert_eq!(shown.first().map(String::as_str), near.then_some(BREAD[0]));
        assert!(!shown.iter().any(|text| SHIPS.contains(&text.as_str())));
    }
}

#[test]
fn a_scale_is_of_whole_sets_of_vectors_alone() {
    let vectors = |of: &[[f32; 2]]| of.iter().map(|vector| vector.to_vec()).collect::<Vec<_>>();
    for none in [
        vectors(&[]),
        vectors(&[[1.0, 0.0]]),
        vectors(&[[0.0, 0.0]; 8]),
        vectors(&[[f32::NAN, 1.0]; 8]),
        vec![vec![1.0], vec![1.0, 0.0]],
    ] {
        assert_eq!(Scale::of(&none), None, "{none:?}");
    }
    let apart = Scale::of(&vectors(&[[1.0, 0.0], [0.0, 2.0]])).unwrap();
    assert_eq!((apart.concerns(), apart.bears()), (0.1, 0.35));
    // A model for which all is one has nothing near.
    let alike = Scale::of(&vectors(&[[1.0, 1.0], [2.0, 2.0]])).unwrap();
    assert!(alike.bears() >= alike.concerns() && alike.concerns() > 0.99);
}
