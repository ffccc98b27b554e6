//! REG: what a registration says, from when on, and how long that is remembered.

use llmnet_ledger::{
    query,
    record::{Provider, VERSIONS_MAX, Version},
    state::VALUE_LENGTH_MAX,
};
use llmnet_types::{
    bond::Role,
    codec::{List, Text, encode},
    domain::Domain,
    id::{Digest, DomainId, ProviderId},
    params::Params,
    registration::{Adapter, Announcement, Assurance, Corpus, DOMAINS_MAX, Novelty, Registration},
    rejection::{Field, Rejection},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Score},
};

use crate::{
    market::Market,
    registry::{price, retire, rotate, update, version},
    world::{World, credits, key, params, public, registration},
};

fn corpus(root: u8) -> Corpus {
    Corpus {
        root: Digest([root; 32]),
        as_of_day: 20_000,
        passages: 7,
    }
}

fn announce(novelty: Novelty) -> Instruction {
    let provider = ProviderId(0);
    Instruction::Announce(Box::new(Announcement { provider, novelty }))
}

fn announce_corpus(root: u8) -> Instruction {
    announce(Novelty::Corpus {
        corpus: corpus(root),
        changed: Score::ZERO,
    })
}

fn adapter(base: Digest) -> Adapter {
    Adapter {
        adapter: Digest::of(b"adapter"),
        base,
        data: Digest::ZERO,
        before: Score::HALF,
        after: Score::ONE,
    }
}

/// Keys that never take a role pay too.
fn fund(world: &mut World, name: &str) {
    let (to, amount) = (public(name), credits(1));
    world.apply("alice", Instruction::Transfer { to, amount });
}

#[test]
fn reg_5_an_update_is_in_force_from_the_next_epoch_and_of_several_the_last() {
    let mut world = World::with_experts(1);
    world.go_to_epoch(1);
    for call in [2_000, 3_000] {
        let next = Registration {
            price: price(call),
            ..registration(0, &["physics", "law"])
        };
        world.apply("operator-0", update(&world, "node-0", next));
        let said = version(&world, 0, world.height).registration.price;
        assert_eq!(said, price(1_000));
    }
    let record = query::provider(&world.state, ProviderId(0)).unwrap();
    assert_eq!(record.versions.len(), 2);
    assert_eq!(record.newest().from, Height(16));
    world.go_to_epoch(2);
    assert_eq!(world.height, Height(16));
    assert_eq!(
        version(&world, 0, Height(16)).registration.price,
        price(3_000)
    );
    assert_eq!(
        version(&world, 0, Height(15)).registration.price,
        price(1_000)
    );
}

#[test]
fn reg_5_an_update_is_signed_and_leaves_alone_what_stands_behind_a_registration() {
    let mut world = World::with_experts(2);
    let same = registration(0, &["physics", "law"]);
    let with = |change: fn(&mut Registration)| {
        let mut next = same.clone();
        change(&mut next);
        next
    };
    let cases = [
        (
            with(|next| next.operator = public("operator-1")),
            Rejection::Operator,
        ),
        (
            with(|next| next.nonce = 1),
            Rejection::RegistrationNonce {
                expected: 0,
                found: 1,
            },
        ),
        (
            with(|next| next.domains = List::truncated([Domain::new("law").unwrap()])),
            Rejection::Bounds {
                field: Field::Domains,
            },
        ),
        (
            with(|next| next.bond = credits(2)),
            Rejection::Bounds { field: Field::Bond },
        ),
        (
            with(|next| next.node = public("node-9")),
            Rejection::NotEnlisted {
                role: Role::Respondent,
            },
        ),
        (
            with(|next| next.node = public("node-1")),
            Rejection::Operator,
        ),
    ];
    for (next, expected) in cases {
        let attempt = update(&world, "node-0", next);
        assert_eq!(world.rejection("operator-0", attempt), expected);
    }
    let forged = update(&world, "node-1", same.clone());
    assert_eq!(
        world.rejection("operator-0", forged),
        Rejection::NodeSignature
    );
    let others = update(&world, "node-0", same.clone());
    assert_eq!(world.rejection("operator-1", others), Rejection::Operator);
    world.apply("operator-0", retire(0));
    let late = update(&world, "node-0", same);
    assert_eq!(
        world.rejection("operator-0", late),
        Rejection::NotEnlisted {
            role: Role::Respondent
        }
    );
}

/// REP-7: at once, so that taking the word back within the epoch is no way out; a corpus as a whole, as an
/// update does not say what stayed.
#[test]
fn reg_5_what_an_update_costs_in_evidence_it_costs_at_once() {
    let mut market = Market::new(params(), 2, &["coordinator"]);
    let provider = ProviderId(0);
    market.rate("coordinator", "alice", provider, 8_000, 5);
    let evidence = market.evidence(provider);
    assert!(evidence.0 > 0 && evidence.1 > 0);
    let record = query::provider(&market.world.state, provider).unwrap();
    let same = record.newest().registration.clone();
    let mut say = |change: fn(&mut Registration)| {
        let mut next = same.clone();
        change(&mut next);
        let update = update(&market.world, "node-0", next);
        market.world.apply("operator-0", update);
        market.evidence(provider)
    };
    assert_eq!(say(|next| next.price.call = Amount(1)), evidence);
    assert_eq!(
        say(|next| next.model.assurance = Assurance::Attested),
        evidence
    );
    let half = (evidence.0 / 2, evidence.1);
    assert_eq!(say(|next| next.model.digest = Digest::ZERO), half);
    let quarter = (evidence.0 / 4, evidence.1);
    assert_eq!(say(|_| {}), quarter, "back to the first");
    assert_eq!(say(|next| next.corpus = Some(corpus(1))), (0, evidence.1));
}

#[test]
fn reg_8_node_and_operator_announce_from_the_next_block_on() {
    let mut world = World::with_experts(1);
    fund(&mut world, "node-0");
    world.go_to_epoch(1);
    let first = world.height;
    world.apply("node-0", announce_corpus(1));
    let said = |world: &World, height: Height| version(world, 0, height).registration.corpus;
    assert_eq!(said(&world, first), None);
    assert_eq!(said(&world, world.height), Some(corpus(1)));
    let model = registration(0, &["law"]).model.digest;
    world.apply("operator-0", announce(Novelty::Adapter(adapter(model))));
    assert_eq!(
        version(&world, 0, world.height).adapter,
        Some(adapter(model))
    );
    assert_eq!(said(&world, world.height), Some(corpus(1)));

    let other = announce(Novelty::Adapter(adapter(Digest::ZERO)));
    let field = Field::Novelty;
    assert_eq!(
        world.rejection("operator-0", other),
        Rejection::Bounds { field }
    );
    let provider = ProviderId(0);
    let refused = Rejection::Provider { provider };
    assert_eq!(world.rejection("bob", announce_corpus(2)), refused);
    world.apply("operator-0", retire(0));
    assert_eq!(world.rejection("operator-0", announce_corpus(2)), refused);
}

#[test]
fn reg_8_an_announcement_is_the_later_word_than_an_update_that_waits() {
    let mut world = World::with_experts(1);
    world.go_to_epoch(1);
    let mut next = registration(0, &["physics", "law"]);
    next.model.digest = Digest::of(b"next model");
    next.corpus = Some(corpus(1));
    world.apply("operator-0", update(&world, "node-0", next.clone()));
    world.apply("operator-0", announce_corpus(2));
    // An adapter of today's model is none of the next one's.
    let model = registration(0, &["law"]).model.digest;
    world.apply("operator-0", announce(Novelty::Adapter(adapter(model))));
    let now = version(&world, 0, world.height);
    assert_eq!(now.registration.corpus, Some(corpus(2)));
    assert_eq!(now.adapter, Some(adapter(model)));
    world.go_to_epoch(2);
    let then = version(&world, 0, world.height);
    assert_eq!(then.registration.corpus, Some(corpus(2)));
    assert_eq!(then.registration.model, next.model);
    assert_eq!(then.adapter, None);
}

#[test]
fn reg_8_beyond_the_free_ones_each_costs_a_fee_split_as_all_fees() {
    let mut world = World::with(Params {
        announcements_free: 2,
        announcement_fee: Amount(100_001),
        ..params()
    });
    world.register(registration(0, &["law"]));
    world.go_to_epoch(1);
    let cost = |world: &mut World, root| {
        let before = query::totals(&world.state);
        let outcome = world.run("operator-0", announce_corpus(root));
        let Outcome::Applied { fee } = outcome else {
            panic!("{outcome:?}")
        };
        let after = query::totals(&world.state);
        (
            after.burnt.0 - before.burnt.0 - fee.0 / 2,
            after.pool.0 - before.pool.0 - fee.0.div_ceil(2),
        )
    };
    assert_eq!(cost(&mut world, 1), (0, 0));
    assert_eq!(cost(&mut world, 2), (0, 0));
    assert_eq!(cost(&mut world, 3), (50_000, 50_001));
    world.go_to_epoch(2);
    // The first block of an epoch pays the pool out, so look at the next.
    assert_eq!(cost(&mut world, 4), (0, 0));
    // Who cannot pay for it does not announce.
    world.apply("operator-0", announce_corpus(5));
    let all = query::account(&world.state, &public("operator-0")).balance;
    let (to, amount) = (public("bob"), Amount(all.0 - 50_000));
    world.apply("operator-0", Instruction::Transfer { to, amount });
    let poor = world.rejection("operator-0", announce_corpus(6));
    assert!(matches!(poor, Rejection::Balance { .. }), "{poor}");
}

#[test]
fn reg_9_what_was_said_is_remembered_for_three_epochs_and_no_longer() {
    let mut world = World::with_experts(1);
    for epoch in 1..9_u64 {
        world.go_to_epoch(epoch);
        world.apply("operator-0", announce_corpus(u8::try_from(epoch).unwrap()));
        let record = query::provider(&world.state, ProviderId(0)).unwrap();
        // This epoch's, the last three epochs', and what was in force before those.
        assert_eq!(
            record.versions.len(),
            usize::try_from(epoch.min(4) + 1).unwrap()
        );
        for back in 0..4.min(epoch) {
            let last = Height(8 * (epoch - back) + 7);
            let root = u8::try_from(epoch - back).unwrap();
            let said = version(&world, 0, last).registration.corpus;
            assert_eq!(said, Some(corpus(root)), "{epoch} - {back}");
        }
    }
}

/// Several words of one block are one version.
#[test]
fn reg_9_at_most_sixteen_versions_four_of_which_announcements_leave_free() {
    let mut world = World::with(Params {
        announcements_free: 100,
        epoch_blocks: 64,
        ..params()
    });
    world.register(registration(0, &["law"]));
    let nonce = query::account(&world.state, &public("operator-0")).nonce;
    let many: Vec<_> = (0..20_u8)
        .map(|number| {
            Transaction::sign(
                world.network,
                &key("operator-0"),
                nonce + u64::from(number),
                announce_corpus(number),
            )
        })
        .collect();
    let outcomes = world.block(&many).outcomes;
    let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
    let record = query::provider(&world.state, ProviderId(0)).unwrap();
    assert_eq!(record.versions.len(), 2);
    for number in 0..10 {
        world.apply("operator-0", announce_corpus(number));
    }
    let field = Field::Versions;
    let full = Rejection::Full { field };
    assert_eq!(world.rejection("operator-0", announce_corpus(99)), full);
    // The operator has the last word: on the price, and on the key.
    for call in [2_000, 3_000] {
        let next = Registration {
            price: price(call),
            corpus: Some(corpus(9)),
            ..registration(0, &["law"])
        };
        world.apply("operator-0", update(&world, "node-0", next));
    }
    world.apply("operator-0", rotate(&world, 0, "node-0", "node-7"));
    world.apply("operator-0", rotate(&world, 0, "node-7", "node-8"));
    world.apply("operator-0", rotate(&world, 0, "node-8", "node-9"));
    let record = query::provider(&world.state, ProviderId(0)).unwrap();
    assert_eq!(record.versions.len(), 16);
    let more = rotate(&world, 0, "node-9", "node-6");
    assert_eq!(world.rejection("operator-0", more), full);
    assert_eq!(record.newest().registration.price, price(3_000));
    // Who can remember no more can still end.
    world.apply("operator-0", retire(0));
}

/// Sixteen versions that say as much as a registration can.
#[test]
fn reg_9_a_record_has_a_bound() {
    let name = |number: usize| format!("{number:0>32}");
    let domains = (0..DOMAINS_MAX).map(|number| Domain::new(&name(number)).unwrap());
    let mut largest = registration(0, &["law"]);
    largest.domains = List::truncated(domains);
    largest.model.family = Text::new("f".repeat(32)).unwrap();
    largest.model.name = Text::new("n".repeat(64)).unwrap();
    largest.corpus = Some(corpus(1));
    let version = Version {
        from: Height(u64::MAX),
        registration: largest,
        adapter: Some(adapter(Digest::ZERO)),
    };
    let record = Provider {
        versions: List::truncated(vec![version; VERSIONS_MAX]),
        domains: List::truncated((0..8).map(DomainId)),
        registered_at: Height(1),
        retired_at: Some(Height(2)),
        announced: (Epoch(1), 1),
    };
    assert_eq!(record.versions.len(), VERSIONS_MAX);
    assert!(encode(&record).len() < VALUE_LENGTH_MAX);
}
