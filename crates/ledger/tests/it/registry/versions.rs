//! What a registration said, and how long it is remembered (REG-9).

use super::*;

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
