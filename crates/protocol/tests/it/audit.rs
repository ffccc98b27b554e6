//! What holds of every contract, whoever sat on it: checked at the end of each run.

use llmnet_protocol::{
    message::ToSeat,
    minority::minority,
    quote::{budget, worst_case},
    replay::replay,
};
use llmnet_types::{
    codec::encode,
    receipt::{ContractStatus, SeatOutcome, SeatReceipt},
    settlement::Leaf,
    units::{Amount, Score},
};

use crate::{
    network::Run,
    world::{FEE, World},
};

/// A run's receipt is signed, plays again, costs no more than was promised and came in time.
///
/// Here CON-1, CON-7, CON-8, CON-9, CON-10, DEB-6, DEB-7, DIS-5, RAT-2, SET-1, SET-3, SET-4 and SET-8 are held for all runs.
pub fn audit(world: &World, run: &Run) {
    let document = world.document(&run.finished);
    document
        .verify(None)
        .expect("what a session signs verifies");
    assert_eq!(
        replay(&document),
        Ok(()),
        "what a session signs plays again"
    );
    assert_eq!(
        run.finished.minority,
        minority(&document),
        "what the requester is told of a minority stands in its file"
    );

    let receipt = &run.finished.receipt;
    let terms = &world.setup.terms;
    assert_eq!(receipt.contract(), world.contract());
    let limit = worst_case(terms, FEE).unwrap();
    assert!(
        receipt.charges.total <= limit,
        "the worst case is the worst"
    );
    assert!(
        run.ended_at.0 <= world.time_ms_max(),
        "{} ms is more than {} allow",
        run.ended_at,
        world.time_ms_max()
    );

    let budget = budget(terms);
    let asked = std::mem::take(&mut *world.asked.lock().unwrap());
    let may = [
        budget.answers,
        budget.revisions,
        budget.syntheses,
        budget.ballots,
        budget.comparisons,
    ];
    let within = asked.iter().zip(may).all(|(asked, may)| *asked <= may);
    assert!(within, "{asked:?} of {budget:?}");
    let billed = |tokens: fn(&SeatReceipt) -> u32| {
        let tokens = receipt.seats.iter().map(tokens);
        tokens.map(u64::from).sum::<u64>()
    };
    let input = |seat: &SeatReceipt| seat.part.as_ref().map_or(0, |part| part.body.input.0);
    assert!(billed(input) <= budget.input && billed(|seat| seat.output.0) <= budget.output);

    let offers = |(_, message): &&_| matches!(message, ToSeat::Offer(_));
    let asked = run.sent.iter().filter(offers).count();
    assert!(
        asked <= 2 * usize::from(terms.seats.max(1)),
        "at most 2k are asked"
    );
    assert_eq!(
        asked,
        receipt.seats.len() + receipt.skips.len(),
        "all are told of"
    );

    let last = receipt.seats.last().map_or(0, |seat| seat.assign.body.rank);
    let unreached = receipt
        .skips
        .iter()
        .filter(|skip| skip.reply.is_none() && skip.rank < last);
    assert!(
        unreached.count() <= usize::from(terms.seats.clamp(1, 7)),
        "who was not reached is believed of k at most (DIS-5)"
    );

    for seat in &receipt.seats {
        let cap = terms.caps.seat_charge;
        let served = seat.outcome == SeatOutcome::Served;
        assert_eq!(served, seat.part.is_some(), "who accounts has served");
        assert!(seat.pay <= cap);
        if !served {
            assert_eq!(
                (seat.pay, seat.score, seat.class),
                (Amount::ZERO, Score::ZERO, 0)
            );
        } else if receipt.status == ContractStatus::Concluded {
            assert!(
                seat.score >= Score::clamped(1_000),
                "serving is worth something"
            );
        }
        let full = seat.assign.body.price.of(Default::default(), seat.output);
        let base = full.unwrap().min(cap).share(terms.split.base);
        assert!(
            !served || seat.pay >= base,
            "an opened answer is owed its base"
        );
    }

    let leaf = Leaf::of(receipt, run.finished.signed.body);
    assert!(encode(&leaf).len() <= 256, "a leaf is small");
    let charges = &receipt.charges;
    let pays = Amount::sum(receipt.seats.iter().map(|seat| seat.pay)).unwrap();
    let earned = pays.checked_add(charges.coordinator).unwrap();
    assert_eq!(charges.fee, earned.share(FEE));
    assert_eq!(leaf.charge, earned.checked_add(charges.fee).unwrap());
    assert_eq!(
        receipt.status == ContractStatus::Void,
        receipt.seats.is_empty()
    );
    if receipt.status != ContractStatus::Concluded {
        assert_eq!(charges.coordinator, Amount::ZERO);
    }
    if receipt.status == ContractStatus::Void {
        assert_eq!((leaf.charge, leaf.n), (Amount::ZERO, 0));
    }
}
