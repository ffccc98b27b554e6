//! Every panel is what the ledger gives, and a coordinator that chose another is punished.

use std::collections::BTreeMap;

use llmnet::{anchor, keys::Keys};
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{
    chain_element, query as ledger,
    selection::{self, Rule, inputs},
};
use llmnet_protocol::replay::{Deviation, replay};
use llmnet_types::{
    bond::Role,
    codec::{List, encode},
    contract::{Filters, Voucher},
    dispute::{FaultProof, SettledLeaf},
    document::ReceiptDocument,
    id::{NetworkId, ProviderId},
    merkle::Tree,
    receipt::Receipt,
    rejection::Rejection,
    selection::{DomainChoice, SelectionInputs},
    settlement::{Leaf, LeafSeat, Settlement},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Slot},
};

use crate::support::{DEADLINE, Local, questions};

/// Selection inputs as the ledger has them.
async fn read_inputs(
    chain: &dyn ChainClient,
    height: Height,
    domains: &[DomainChoice],
    classifier: llmnet_types::id::Digest,
) -> SelectionInputs {
    let domains = domains.to_vec();
    let read = query(chain, move |state| {
        // Numbers of domains are the ledger's, not the receipt's.
        let choices: Vec<_> = domains
            .iter()
            .map(|choice| DomainChoice {
                id: ledger::domain_id(state, &choice.domain).unwrap_or(choice.id),
                ..choice.clone()
            })
            .collect();
        inputs(state, height, &choices, classifier)
    });
    read.await.unwrap().1.unwrap()
}

/// The order that ledger and keys give a slot.
async fn order(
    chain: &dyn ChainClient,
    keys: &Keys,
    receipt: &Receipt,
    slot: Slot,
    height: Height,
) -> (SelectionInputs, Vec<ProviderId>) {
    let stated = &receipt.selection;
    let inputs = read_inputs(chain, height, &stated.domains, stated.classifier).await;
    let index = u32::try_from(slot.0).unwrap() + 1;
    let element = chain_element(&keys.chain(Epoch(0)), anchor::LENGTH, index);
    let coordinator = keys.coordinator().public_key();
    let seed = selection::seed(
        &receipt.network,
        &inputs.beacon,
        &coordinator,
        slot,
        &element,
    );
    let rule = Rule::version(receipt.terms.policy).unwrap();
    let order = selection::order(&inputs, &seed, &rule, &Filters::default());
    (inputs, order)
}

/// Who was asked, by rank.
fn asked(receipt: &Receipt) -> BTreeMap<u8, ProviderId> {
    let seats = receipt.seats.iter();
    let seats = seats.map(|seat| (seat.assign.body.rank, seat.provider));
    let skips = receipt.skips.iter().map(|skip| (skip.rank, skip.provider));
    seats.chain(skips).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_is_the_one_that_the_ledger_gives() {
    let local = Local::start().await;
    let (chain, keys) = (local.chain(), local.keys());
    let (mut panels, mut first) = (0, BTreeMap::<ProviderId, usize>::new());
    let set = questions("tune.jsonl").into_iter();
    for question in set.filter(|question| question.domain.is_some()).step_by(3) {
        let gateway = &local.gateway;
        let (_, _, document) = gateway.receipt_for("llmnet/auto", &question.question).await;
        let receipt = &document.receipt;
        let (slot, height) = (receipt.slot, receipt.selection.height);
        let (inputs, order) = order(&*chain, &keys, receipt, slot, height).await;
        assert_eq!(
            inputs, receipt.selection,
            "what the panel was selected from"
        );
        let asked = asked(receipt);
        for (rank, provider) in &asked {
            assert_eq!(order.get(usize::from(*rank)), Some(provider), "rank {rank}");
        }
        let ranks: Vec<u8> = asked.keys().copied().collect();
        let gapless: Vec<u8> = (0..u8::try_from(ranks.len()).unwrap()).collect();
        assert_eq!(ranks, gapless, "no better rank was passed over");
        *first.entry(order[0]).or_default() += 1;
        panels += 1;
    }
    println!("{panels} panels recomputed; who was first: {first:?}");
    assert!(panels >= 15 && first.len() >= 3);
    local.stop().await;
}

/// What became of a settlement.
async fn settle(
    chain: &dyn ChainClient,
    keys: &Keys,
    receipt: &Receipt,
    slot: Slot,
    settled: Leaf,
) -> Outcome {
    let (coordinator, network) = (keys.coordinator(), receipt.network);
    let body = Voucher {
        n: settled.n,
        // The receipt's own covers no further contract.
        limit: Amount(10 * receipt.voucher.body.limit.0),
        ..receipt.voucher.body.clone()
    };
    let index = u32::try_from(slot.0).unwrap() + 1;
    let settlement = Settlement {
        first_slot: slot,
        opening: chain_element(&keys.chain(Epoch(0)), anchor::LENGTH, index),
        leaves: List::truncated([settled]),
        vouchers: List::truncated([Signed::new(body, &network, &keys.requester())]),
        line_oks: List::new(),
    };
    let instruction = Instruction::Settle(Box::new(settlement));
    submit(chain, receipt.network, &coordinator, instruction).await
}

async fn submit(
    chain: &dyn ChainClient,
    network: NetworkId,
    signer: &PrivateKey,
    instruction: Instruction,
) -> Outcome {
    let payer = signer.public_key();
    let nonce = query(chain, |state| ledger::account(state, &payer).nonce);
    let nonce = nonce.await.unwrap().1;
    let transaction = Transaction::sign(network, signer, nonce, instruction);
    let id = chain.submit(transaction).await.unwrap();
    let inclusion = chain.outcome(id, DEADLINE).await.unwrap();
    inclusion.expect("a block takes it in").outcome
}

/// What anybody shows the ledger of a leaf that was settled alone.
fn shown(coordinator: PublicKey, slot: Slot, leaf: Leaf) -> Instruction {
    let path = Tree::new([encode(&leaf)]).path(0).unwrap();
    let settled = SettledLeaf {
        coordinator,
        first_slot: slot,
        leaf,
        path,
    };
    Instruction::Fault(Box::new(FaultProof::Panel(settled)))
}

async fn bond(chain: &dyn ChainClient, coordinator: PublicKey) -> Amount {
    let read = query(chain, |state| {
        ledger::bond(state, &coordinator, Role::Coordinator)
    });
    read.await.unwrap().1.expect("it posted one").standing
}

/// The same leaf with these in its seats.
fn seated(leaf: &Leaf, providers: &[ProviderId]) -> Leaf {
    let seats = leaf.seats.iter().zip(providers);
    let seats = seats.map(|(seat, provider)| LeafSeat {
        provider: *provider,
        ..*seat
    });
    Leaf {
        seats: List::truncated(seats),
        ..leaf.clone()
    }
}

/// The leaf that an honest coordinator would settle next, after this receipt, with its order's inputs.
async fn next(
    chain: &dyn ChainClient,
    keys: &Keys,
    document: &ReceiptDocument,
) -> (Slot, Leaf, SelectionInputs) {
    let receipt = &document.receipt;
    let coordinator = keys.coordinator().public_key();
    let read = query(chain, |state| {
        let record = ledger::coordinator(state, &coordinator);
        let line = ledger::line(state, receipt.voucher.body.line);
        (
            record.unwrap_or_default().next_slot,
            ledger::clock(state).height,
            line.map(|line| line.n + 1),
        )
    });
    let (_, (slot, height, n)) = read.await.unwrap();
    let (inputs, order) = order(chain, keys, receipt, slot, height).await;
    let mut honest = Leaf::of(receipt, document.signed.body);
    honest.height = height;
    honest.n = n.expect("the line is open");
    let ranks = honest.seats.iter().map(|seat| usize::from(seat.rank));
    let providers: Vec<_> = ranks.map(|rank| order[rank]).collect();
    (slot, seated(&honest, &providers), inputs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinator_that_chose_another_panel_loses_its_bond() {
    let local = Local::start().await;
    let (chain, keys, gateway) = (local.chain(), local.keys(), &local.gateway);
    let question = "What happens when one of four validators falls silent?";
    let (_, _, document) = gateway.receipt_for("llmnet/auto", question).await;
    let receipt = &document.receipt;
    let (_, honest, inputs) = next(&*chain, &keys, &document).await;

    let mut others: Vec<Leaf> = Vec::new();
    let providers: Vec<_> = honest.seats.iter().map(|seat| seat.provider).collect();
    let candidates = inputs.candidates.iter().map(|candidate| candidate.provider);
    // A candidate that the order puts nowhere on this panel, or somebody of another domain.
    let outsiders = candidates.chain((0..5).map(ProviderId));
    for outsider in outsiders.filter(|provider| !providers.contains(provider)) {
        for place in 0..providers.len() {
            let mut chosen = providers.clone();
            chosen[place] = outsider;
            others.push(seated(&honest, &chosen));
        }
    }
    // The same providers at each other's ranks.
    let swapped: Vec<_> = providers.iter().rev().copied().collect();
    others.push(seated(&honest, &swapped));
    println!("{} other panels", others.len());
    assert!(others.len() > 2);
    let (coordinator, anybody) = (keys.coordinator().public_key(), keys.requester());
    // Each costs half of what is left of the bond.
    for chosen in others.into_iter().rev().take(2) {
        let (slot, honest, _) = next(&*chain, &keys, &document).await;
        let leaf = Leaf {
            seats: chosen.seats,
            ..honest
        };
        let outcome = settle(&*chain, &keys, receipt, slot, leaf.clone()).await;
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        let before = bond(&*chain, coordinator).await;
        let proof = shown(coordinator, slot, leaf);
        let outcome = submit(&*chain, receipt.network, &anybody, proof.clone()).await;
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        assert_eq!(bond(&*chain, coordinator).await.0, before.0 / 2);
        let again = submit(&*chain, receipt.network, &anybody, proof).await;
        let already =
            matches!(&again, Outcome::Rejected { reason, .. } if *reason == Rejection::Already);
        assert!(already, "{again:?}");
    }

    // It was for the panel: who settles the order's own is not punished.
    let (slot, honest, _) = next(&*chain, &keys, &document).await;
    let outcome = settle(&*chain, &keys, receipt, slot, honest.clone()).await;
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    let before = bond(&*chain, coordinator).await;
    let proof = shown(coordinator, slot, honest);
    let outcome = submit(&*chain, receipt.network, &anybody, proof).await;
    let innocent =
        matches!(&outcome, Outcome::Rejected { reason, .. } if *reason == Rejection::NoFault);
    assert!(innocent, "{outcome:?}");
    assert_eq!(bond(&*chain, coordinator).await, before);
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_whose_panel_is_not_the_orders_is_not_replayed() {
    let local = Local::start().await;
    let question = "What happens when one of four validators falls silent?";
    let gateway = &local.gateway;
    let (_, _, honest) = gateway.receipt_for("llmnet/auto", question).await;
    local.stop().await;
    assert_eq!(replay(&honest), Ok(()));
    let changed = |change: &dyn Fn(&mut ReceiptDocument)| {
        let mut document = honest.clone();
        change(&mut document);
        replay(&document)
    };
    let panel = |found| {
        matches!(
            found,
            Err(Deviation::Panel { .. } | Deviation::PassedOver { .. })
        )
    };

    let candidates = honest.receipt.selection.candidates.iter();
    for candidate in candidates.map(|candidate| candidate.provider) {
        let found = changed(&|document| {
            let mut seats = document.receipt.seats.to_vec();
            let seat = seats.iter_mut().find(|seat| seat.provider != candidate);
            seat.unwrap().provider = candidate;
            document.receipt.seats = List::truncated(seats);
        });
        assert!(panel(found.clone()), "{candidate}: {found:?}");
    }
    // The best rank is left out.
    let found = changed(&|document| {
        let seats = document
            .receipt
            .seats
            .iter()
            .skip(1)
            .cloned()
            .collect::<Vec<_>>();
        document.receipt.seats = List::truncated(seats);
    });
    assert!(panel(found.clone()), "{found:?}");
    // Another seed, as if the slot's secret had been chosen.
    let orders = (0..=u8::MAX).filter(|byte| {
        let found = changed(&|document| document.receipt.slot_secret.0[0] = *byte);
        panel(found)
    });
    assert!(orders.count() > 128, "most secrets lead to another panel");
}
