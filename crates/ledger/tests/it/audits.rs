//! AUD: questions with known answers, and what lying about them is worth.

use llmnet_ledger::query;
use llmnet_types::{
    disclosure::ReceiptField,
    receipt::SeatReceipt,
    transaction::Outcome,
    units::{Amount, Epoch},
};

use crate::{
    contract::{Contract, Plan, settlement},
    world::{World, credits, settle},
};

#[test]
fn a_contract_of_the_tests_settles_and_opens() {
    let mut world = World::with_experts(5);
    let line = world.open_line(credits(10), Epoch(8));
    let mut plan = Plan::new(line, 1, 0, world.height, 2);
    plan.busy = vec![0];
    plan.answers = vec!["scattering", "reflection"];
    let contract = Contract::new(&world, plan);
    let settlement = settlement(&[&contract]);
    let settled = contract.settled(&settlement);
    let outcome = world.run("coordinator", settle(settlement));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    let record = query::settlement(&world.state, &settled.coordinator, settled.first_slot);
    assert!(settled.holds(&record.unwrap().root));
    let seats = contract.disclose(ReceiptField::Seats);
    let seats: llmnet_types::codec::List<SeatReceipt, 7> = seats
        .open(ReceiptField::Seats, &settled.leaf.receipt)
        .unwrap();
    assert_eq!((seats.len(), seats[0].pay), (2, Amount(900)));
    assert!(
        contract
            .signed()
            .verify(&world.network, &settled.coordinator)
            .is_ok()
    );
}
