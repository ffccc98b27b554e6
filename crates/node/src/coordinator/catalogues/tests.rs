use llmnet_knowledge::collaborate::message::Catalogue;
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
};

use super::{
    super::pause::{PAUSE_MAX, PAUSE_MIN},
    *,
};

fn source(number: u8, root: u8) -> Source {
    Source {
        provider: ProviderId(number.into()),
        node: PublicKey([number; 32]),
        corpus: Corpus {
            root: Digest([root; 32]),
            as_of_day: 1,
            passages: 10,
        },
    }
}

fn told(source: &Source, term: &str) -> Option<Reply> {
    Some(Reply::Catalogue(Some(Box::new(Catalogue {
        corpus: source.corpus.clone(),
        words: 100,
        counts: List::truncated([(Text::truncated(term), 3)]),
        model: Text::empty(),
        centroid: List::new(),
    }))))
}

/// Whose catalogue is to be asked for.
fn due(catalogues: &Catalogues, sources: Vec<Source>, now: Instant) -> Vec<Source> {
    let due = catalogues.follow(sources, now).into_iter();
    due.map(|(source, _)| source).collect()
}

fn providers(catalogues: &Catalogues) -> Vec<u32> {
    let open = catalogues.open();
    let providers = open.sources.iter().map(|source| source.provider.0);
    providers.collect()
}

const GOOD: Heard = Heard::Said(Record {
    checked: 10,
    wrong: 0,
});
const BAD: Heard = Heard::Said(Record {
    checked: 1,
    wrong: 1,
});

/// COR-3: a catalogue is of one root, and asked for again with the next.
#[test]
fn a_catalogue_is_asked_for_once_for_each_root() {
    let (catalogues, now) = (Catalogues::default(), Instant::now());
    let [owls, ships] = [source(1, 1), source(2, 2)];
    let both = vec![owls.clone(), ships.clone()];
    assert_eq!(due(&catalogues, both.clone(), now), both);
    // They are being asked.
    assert_eq!(due(&catalogues, both.clone(), now), []);
    catalogues.told(&owls, told(&owls, "owl"), now);
    assert_eq!(providers(&catalogues), [1]);
    catalogues.told(&ships, told(&ships, "keel"), now);
    assert_eq!(catalogues.open().shared.counts.len(), 2);
    assert_eq!(due(&catalogues, both, now), []);

    let later = source(1, 9);
    let changed = vec![later.clone(), ships.clone()];
    let asked = due(&catalogues, changed.clone(), now);
    assert_eq!(asked, std::slice::from_ref(&later));
    assert_eq!(providers(&catalogues), [2]);
    // What it said to the question before comes late, and is of another root.
    catalogues.told(&owls, told(&owls, "owl"), now);
    assert_eq!(providers(&catalogues), [2]);
    assert!(!catalogues.is_ready(&owls, now) && catalogues.is_ready(&later, now));
    catalogues.told(&later, told(&owls, "owl"), now);
    assert_eq!(providers(&catalogues), [2]);
    let soon = now + PAUSE_MIN;
    assert_eq!(due(&catalogues, changed, soon), [later]);
    // Who is gone is out, also where another came in its place.
    let bread = source(3, 3);
    assert_eq!(due(&catalogues, vec![bread.clone()], soon), [bread]);
    assert_eq!(providers(&catalogues), Vec::<u32>::new());
}

/// COR-3: vectors come after the passages that they are of, under the same root.
#[test]
fn a_catalogue_is_asked_for_again_after_a_while_and_told_where_it_is_new() {
    let (catalogues, now) = (Catalogues::default(), Instant::now());
    let owls = source(1, 1);
    let one = vec![owls.clone()];
    assert_eq!(
        catalogues.follow(one.clone(), now),
        [(owls.clone(), Digest::ZERO)]
    );
    let Some(Reply::Catalogue(Some(first))) = told(&owls, "owl") else {
        unreachable!()
    };
    catalogues.told(&owls, told(&owls, "owl"), now);
    let before = now + NEW_FOR - Duration::from_millis(1);
    assert_eq!(catalogues.follow(one.clone(), before), []);
    let then = now + NEW_FOR;
    let asked = catalogues.follow(one.clone(), then);
    assert_eq!(asked, [(owls.clone(), first.digest())]);
    // Meanwhile what it told stands, and it is asked once.
    assert_eq!(providers(&catalogues), [1]);
    assert_eq!(catalogues.follow(one.clone(), then), []);
    catalogues.told(&owls, Some(Reply::Unchanged), then);
    assert_eq!(catalogues.follow(one.clone(), then + NEW_FOR / 2), []);
    assert_eq!(providers(&catalogues), [1]);
    let later = then + NEW_FOR;
    assert_eq!(catalogues.follow(one.clone(), later).len(), 1);
    let more = Catalogue {
        model: Text::truncated("m"),
        centroid: List::truncated([1.0]),
        ..*first
    };
    let digest = more.digest();
    catalogues.told(&owls, Some(Reply::Catalogue(Some(Box::new(more)))), later);
    assert_eq!(catalogues.open().experts[0].model(), "m");
    assert_eq!(catalogues.follow(one, later + NEW_FOR), [(owls, digest)]);
}

#[test]
fn who_says_nothing_is_asked_less_and_less() {
    let (catalogues, mut now) = (Catalogues::default(), Instant::now());
    let owls = source(1, 1);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let asked = due(&catalogues, vec![owls.clone()], now);
        assert_eq!(asked, std::slice::from_ref(&owls));
        catalogues.told(&owls, None, now);
        let from = now;
        while !catalogues.is_ready(&owls, now) {
            now += PAUSE_MIN;
        }
        pauses.push(now - from);
    }
    assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!((pauses[0], pauses[11]), (PAUSE_MIN, PAUSE_MAX));
    // One word, and it is asked as any other.
    let asked = due(&catalogues, vec![owls.clone()], now);
    assert_eq!(asked, std::slice::from_ref(&owls));
    catalogues.told(&owls, told(&owls, "owl"), now);
    catalogues.heard(owls.provider, GOOD, now);
    assert!(catalogues.is_ready(&owls, now));
    catalogues.heard(owls.provider, Heard::Hidden, now);
    assert!(!catalogues.is_ready(&owls, now) && catalogues.is_ready(&owls, now + PAUSE_MAX));
}

/// COR-4: many right scores of words are no licence to lie about meaning.
#[test]
fn cosines_are_a_record_of_their_own() {
    let (catalogues, now) = (Catalogues::default(), Instant::now());
    let owls = source(1, 1);
    catalogues.follow(vec![owls.clone()], now);
    for _ in 0..1_000 {
        assert!(!catalogues.heard(owls.provider, GOOD, now));
    }
    let lied = Record {
        checked: 1,
        wrong: 1,
    };
    assert!(catalogues.heard(owls.provider, Heard::Embedded(lied), now));
    // And its next root is no fresh start.
    catalogues.follow(vec![source(1, 2)], now);
    assert!(!catalogues.is_ready(&source(1, 2), now));
}

/// COR-4: who lied is out for good, also after it was gone, and under another root.
#[test]
fn a_liar_does_not_come_back() {
    let (catalogues, now) = (Catalogues::default(), Instant::now());
    let [owls, ships] = [source(1, 1), source(2, 2)];
    let both = vec![owls.clone(), ships.clone()];
    due(&catalogues, both.clone(), now);
    catalogues.told(&owls, told(&owls, "owl"), now);
    catalogues.told(&ships, told(&ships, "keel"), now);
    assert!(!catalogues.heard(owls.provider, GOOD, now));
    assert!(catalogues.heard(owls.provider, BAD, now));
    assert_eq!(providers(&catalogues), [2]);
    assert_eq!(catalogues.open().shared.counts.len(), 1);
    assert_eq!(catalogues.tally(), (1, 2, 1));
    assert!(!catalogues.is_ready(&owls, now));
    due(&catalogues, vec![ships.clone()], now);
    for again in [owls, source(1, 7)] {
        assert_eq!(due(&catalogues, vec![again, ships.clone()], now), []);
        assert_eq!(providers(&catalogues), [2]);
    }
    // Nor after a start.
    let catalogues = Catalogues::without([ProviderId(1)]);
    let both = vec![source(1, 1), ships.clone()];
    assert_eq!(due(&catalogues, both, now), [ships]);
}
