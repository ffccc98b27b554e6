//! A biased coordinator that passes over candidates of better ranks.

use llmnet_types::{
    codec::List,
    message::{DeclineReason, Phase, Reply, Response},
    receipt::Skip,
    rejection::{ProofPart, Rejection},
    signature::{Message, Signed},
    units::Epoch,
};

use super::{Scene, answer, bond, challenge};
use crate::{
    contract::{Contract, node_key},
    world::{credits, key},
};

/// A contract for two seats, of which so many stay empty, whose skips were changed before its receipt was signed.
fn contract(
    scene: &Scene,
    empty: u8,
    busy: &[u8],
    (first, phases): (u8, &[Phase]),
    change: impl FnOnce(&mut Vec<Skip>),
) -> Contract {
    let mut plan = scene.plan(1, 0);
    plan.answers.truncate(2 - usize::from(empty));
    (plan.empty, plan.busy) = (empty, busy.to_vec());
    (plan.first, plan.phases) = (first, phases.to_vec());
    let mut contract = Contract::new(&scene.world, plan);
    let mut skips = contract.receipt.skips.to_vec();
    change(&mut skips);
    contract.receipt.skips = List::from_vec(skips).unwrap();
    contract
}

fn answered(busy: &[u8], change: impl FnOnce(&Scene, &mut Vec<Skip>)) -> Result<(), Rejection> {
    answered_with(0, busy, (0, &[]), change)
}

/// Settles it, challenges it, and tries to answer.
fn answered_with(
    empty: u8,
    busy: &[u8],
    turns: (u8, &[Phase]),
    change: impl FnOnce(&Scene, &mut Vec<Skip>),
) -> Result<(), Rejection> {
    let mut scene = Scene::new();
    let contract = contract(&scene, empty, busy, turns, |skips| change(&scene, skips));
    let settled = scene.settle(&[&contract]).remove(0);
    scene.applied("alice", challenge(&settled));
    let transaction = scene
        .world
        .sign("coordinator", answer(&contract, &settled.leaf));
    let outcome = scene.world.block(&[transaction]).outcomes.remove(0);
    let done = match outcome {
        llmnet_types::transaction::Outcome::Applied { .. } => Ok(()),
        llmnet_types::transaction::Outcome::Rejected { reason, .. } => Err(reason),
    };
    scene.world.go_to_epoch(4);
    let left = if done.is_ok() { bond() } else { credits(5) };
    assert_eq!((scene.bond(), scene.world.epoch()), (left, Epoch(4)));
    done
}

const PANEL: Result<(), Rejection> = Err(Rejection::Proof {
    part: ProofPart::Panel,
});
const SIGNATURE: Result<(), Rejection> = Err(Rejection::Proof {
    part: ProofPart::Signature,
});

fn reply(
    scene: &Scene,
    skip: &Skip,
    by: &llmnet_types::signature::PrivateKey,
    response: Response,
) -> Signed<Reply> {
    let assign = skip.assign.body.digest();
    Signed::new(Reply { assign, response }, &scene.world.network, by)
}

/// DIS-5, SEL-7: who is passed over must be on the receipt, in its place, with its own word.
#[test]
fn dis_5_a_better_rank_without_a_word_of_its_own_is_a_fault() {
    assert_eq!(
        answered(&[0], |_, skips| skips.clear()),
        PANEL,
        "nobody asked"
    );
    assert_eq!(
        answered(&[0], |scene, skips| {
            let word = reply(scene, &skips[0], &key("coordinator"), Response::Busy);
            skips[0].reply = Some(word);
        }),
        SIGNATURE,
        "a word that the coordinator made up"
    );
    assert_eq!(
        answered(&[0], |scene, skips| {
            let node = node_key(&skips[0].assign.body.seat);
            skips[0].reply = Some(reply(scene, &skips[0], &node, Response::Accept));
        }),
        PANEL,
        "one that accepted and was kept out"
    );
    assert_eq!(
        answered(&[0, 1], |_, skips| skips[0].reply = skips[1].reply.clone()),
        PANEL,
        "a word on another offer"
    );
    assert_eq!(
        answered(&[0, 1], |_, skips| {
            let other = skips[1].provider;
            skips[1].provider = skips[0].provider;
            skips[0].provider = other;
        }),
        PANEL,
        "candidates in each other's place"
    );
    assert_eq!(
        answered(&[0], |_, skips| {
            let twice = skips[0].clone();
            skips.push(twice);
        }),
        PANEL,
        "a rank that was asked twice"
    );
}

/// DIS-5, DEB-13: those asked first come first, and others where the terms have any. Of the first twice as many are asked
/// at the most.
#[test]
fn dis_5_first_ones_are_asked_first() {
    use Phase::{Answers, Ballots, Further};
    let asked =
        |busy: &[u8], first, phases: &[Phase]| answered_with(0, busy, (first, phases), |_, _| {});
    assert_eq!(asked(&[], 1, &[Answers, Further]), Ok(()));
    assert_eq!(asked(&[0], 1, &[Answers, Answers, Further]), Ok(()));
    assert_eq!(asked(&[1], 1, &[Answers, Further, Further]), Ok(()));
    assert_eq!(asked(&[], 0, &[Answers, Further]), PANEL, "of no others");
    assert_eq!(asked(&[], 2, &[Answers, Further]), PANEL, "all are first");
    assert_eq!(asked(&[], 1, &[Further, Answers]), PANEL, "the last first");
    assert_eq!(asked(&[], 1, &[Answers, Ballots]), PANEL, "no answer");
    assert_eq!(asked(&[0], 1, &[Answers; 3]), PANEL, "three for one seat");
}

/// DIS-5: an offer that could not be taken is none: another price, another key, another order.
#[test]
fn dis_5_the_offer_is_the_one_that_had_to_be_made() {
    let offers: [&dyn Fn(&mut llmnet_types::contract::Assign); 4] = [
        &|assign| assign.price.call = llmnet_types::units::Amount(1),
        &|assign| assign.nonce = 9,
        &|assign| assign.durations.accept_ms = 1,
        &|assign| assign.voucher = llmnet_types::id::Digest::ZERO,
    ];
    for change in offers {
        let made = answered(&[0], |scene, skips| {
            let mut assign = skips[0].assign.body.clone();
            change(&mut assign);
            skips[0].assign = Signed::new(assign, &scene.world.network, &key("coordinator"));
            let node = node_key(&skips[0].assign.body.seat);
            skips[0].reply = Some(reply(scene, &skips[0], &node, Response::Busy));
        });
        assert_eq!(made, PANEL);
    }
    let unsigned = answered(&[0], |scene, skips| {
        let assign = skips[0].assign.body.clone();
        skips[0].assign = Signed::new(assign, &scene.world.network, &key("rival"));
    });
    assert_eq!(unsigned, SIGNATURE);
}

/// DIS-5, CON-8: as many as seats were wanted may be passed over as unreached, and at most twice as many
/// are asked.
#[test]
fn dis_5_only_so_many_are_believed_to_be_unreached() {
    let silent = |skips: &mut [Skip]| skips.iter_mut().for_each(|skip| skip.reply = None);
    // Two seats of one answer: the plan wants as many as answers it has.
    assert_eq!(answered(&[0, 1], |_, skips| silent(skips)), Ok(()));
    assert_eq!(answered(&[0, 1, 2], |_, skips| silent(skips)), PANEL);
    // With one seat empty four may be asked, of whom two are believed to be unreached.
    assert_eq!(answered_with(1, &[0, 1, 2], (0, &[]), |_, _| {}), Ok(()));
    let one = answered_with(1, &[0, 1, 2], (0, &[]), |_, skips| silent(&mut skips[..2]));
    assert_eq!(one, Ok(()));
    assert_eq!(
        answered_with(1, &[0, 1, 2], (0, &[]), |_, skips| silent(skips)),
        PANEL
    );
    // Three that are busy are still too many to have been asked, for two seats.
    assert_eq!(answered(&[0, 1, 2], |_, _| {}), PANEL);
}

/// DIS-5: the innocent twin. Whoever was busy or declined said so, and the contract opens.
#[test]
fn dis_5_skips_with_their_own_word_open() {
    assert_eq!(answered(&[], |_, _| {}), Ok(()));
    assert_eq!(answered(&[0, 1], |_, _| {}), Ok(()));
    let declined = answered(&[1], |scene, skips| {
        let node = node_key(&skips[0].assign.body.seat);
        let word = Response::Decline(DeclineReason::NothingFound);
        skips[0].reply = Some(reply(scene, &skips[0], &node, word));
    });
    assert_eq!(declined, Ok(()));
    let mixed = answered(&[0, 2], |_, skips| skips[0].reply = None);
    assert_eq!(mixed, Ok(()));
    // Ranks behind the last seat may have been asked as well.
    let behind = answered(&[0, 3], |_, _| {});
    assert_eq!(behind, Ok(()));
}
