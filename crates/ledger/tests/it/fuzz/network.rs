//! A small network in which something of everything goes on, at several moments.

use llmnet_types::{
    audit::{AuditItem, AuditOpening},
    bond::{ChainUse, Enlistment, Role},
    certificate::{EngineVote, Proposal, Statement},
    codec::{List, Text},
    disclosure::ReceiptField,
    dispute::{Claim, FaultProof, Filing, SettledLeaf},
    id::{Digest, ProviderId, Salt},
    merkle::Tree,
    params::Params,
    registration::{Adapter, Announcement, Corpus, Novelty, Rotated},
    settlement::{CoSignature, Settlement},
    signature::{Signature, Signed},
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Score, Slot, Term},
};

use crate::{
    contract::{Contract, node_key, settlement},
    disputes::{Scene, answer, challenge, enlist, fault, file, void},
    world::{CHAIN_LENGTH, World, credits, key, public, registration, secret, settle},
};

/// Who signs, seconds, serves or is named.
pub(super) const PEOPLE: [&str; 24] = [
    "alice",
    "bob",
    "carol",
    "coordinator",
    "rival",
    "operator-0",
    "operator-1",
    "operator-2",
    "operator-3",
    "operator-4",
    "operator-7",
    "operator-9",
    "node-0",
    "node-1",
    "node-2",
    "node-3",
    "node-4",
    "node-7",
    "node-8",
    "validator-0",
    "validator-1",
    "validator-2",
    "validator-3",
    "nobody",
];

/// A moment, and what is honestly signed then, by whom.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) honest: Vec<(&'static str, Instruction)>,
}

/// After a settlement, after one of its contracts was challenged, and two epochs after it.
pub(super) fn stages() -> Vec<Stage> {
    let mut scene = Scene::new();
    enlist(&mut scene.world, "carol", Role::Auditor);
    let items = Tree::new([item().leaf(&Salt([1; 32])), item().leaf(&Salt([2; 32]))]);
    let commit = Instruction::AuditRoot {
        root: items.root(),
        items: 2,
    };
    let epoch = scene.world.epoch().next().unwrap();
    apply(&mut scene.world, "carol", commit);
    scene.world.go_to_epoch(epoch.0);

    let contract = |scene: &Scene, slot: u32| {
        Contract::new(&scene.world, scene.plan(slot + 1, u64::from(slot)))
    };
    let contracts: Vec<Contract> = (0..5).map(|slot| contract(&scene, slot)).collect();
    let settled: Vec<&Contract> = contracts[..4].iter().collect();
    let shown = scene.settle_as(&settled, |slot, leaf| {
        // Not all is honest: the coordinator seats somebody else in one, and makes one void.
        match slot {
            2 => {
                let mut seats = leaf.seats.to_vec();
                let seated: Vec<_> = seats.iter().map(|seat| seat.provider).collect();
                let others = (0..5).map(ProviderId);
                let mut others = others.filter(|provider| !seated.contains(provider));
                seats[0].provider = others.next().unwrap();
                leaf.seats = seats.try_into().unwrap();
            }
            3 => void(leaf),
            _ => {}
        }
    });
    let mut settlement = settlement(&settled);
    let leaves: Vec<_> = shown.iter().map(|shown| shown.leaf.clone()).collect();
    settlement.leaves = leaves.try_into().unwrap();
    let past = Past {
        epoch,
        items,
        settlement,
        contracts,
        shown,
    };
    let mut stages = vec![stage(&scene, &past)];
    scene.applied("alice", challenge(&past.shown[1]));
    stages.push(stage(&scene, &past));
    scene.world.go_to_epoch(epoch.0 + 2);
    stages.push(stage(&scene, &past));
    stages
}

/// What happened so far.
struct Past {
    epoch: Epoch,
    items: Tree,
    /// Of four slots; the fifth is never settled.
    contracts: Vec<Contract>,
    settlement: Settlement,
    /// The third with a panel of the coordinator's, the last one void.
    shown: Vec<SettledLeaf>,
}

fn item() -> AuditItem {
    AuditItem {
        request: crate::contract::request("Why is the sky blue?").content(),
        class: Digest::of(b"scattering"),
    }
}

fn apply(world: &mut World, signer: &str, instruction: Instruction) {
    let outcome = world.run(signer, instruction);
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

fn stage(scene: &Scene, past: &Past) -> Stage {
    let world = World {
        params: scene.world.params.clone(),
        state: scene.world.state.clone(),
        ..scene.world
    };
    let honest = [
        money(scene),
        nodes(&world),
        settlements(scene, past),
        disputes(&world, past),
        faults(&world, past),
    ];
    Stage {
        honest: honest.concat(),
        world,
    }
}

type Honest = Vec<(&'static str, Instruction)>;

fn money(scene: &Scene) -> Honest {
    let line = scene.line;
    let expires = Epoch(scene.world.epoch().0 + 3);
    let open = Instruction::OpenLine {
        coordinator: public("coordinator"),
        amount: credits(2),
        expires,
    };
    let transfer = Instruction::Transfer {
        to: public("bob"),
        amount: credits(1),
    };
    let top_up = Instruction::TopUp {
        line,
        amount: credits(1),
    };
    vec![
        ("alice", transfer),
        ("bob", open),
        ("alice", top_up),
        ("alice", Instruction::CloseLine { line }),
    ]
}

fn nodes(world: &World) -> Honest {
    let network = &world.network;
    let sign = |number: u32, change: u64| {
        let mut registration = registration(number, &["physics", "law"]);
        registration.price.call = Amount(1_000 + change);
        Box::new(Signed::new(
            registration,
            network,
            &key(&format!("node-{number}")),
        ))
    };
    let enlistment = |node: &str, role| {
        let enlistment = Enlistment {
            node: public(node),
            operator: public("operator-9"),
            role,
            address: Text::new("127.0.0.1:4000").unwrap(),
            bond: credits(2),
            until: Epoch(9),
        };
        Instruction::Enlist(Box::new(Signed::new(enlistment, network, &key(node))))
    };
    let novelty = |novelty| {
        Instruction::Announce(Box::new(Announcement {
            provider: ProviderId(1),
            novelty,
        }))
    };
    let corpus = Corpus {
        root: Digest([7; 32]),
        as_of_day: 20_000,
        passages: 9,
    };
    let adapter = Adapter {
        adapter: Digest([8; 32]),
        base: registration(1, &[]).model.digest,
        data: Digest([10; 32]),
        before: Score::HALF,
        after: Score::ONE,
    };
    let (coordinator, carol) = (public("coordinator"), public("carol"));
    let anchor = |purpose| Instruction::Anchor {
        purpose,
        tip: llmnet_ledger::chain_element(&secret("rival"), CHAIN_LENGTH, 0),
        length: CHAIN_LENGTH,
    };
    let rotated = Rotated::sign(ProviderId(2), network, &key("node-2"), &key("node-8"));
    let params = Params {
        fee_per_byte: Amount(2),
        ..world.params.clone()
    };
    vec![
        ("operator-7", Instruction::Register(sign(7, 0))),
        ("operator-0", Instruction::Update(sign(0, 1))),
        ("operator-2", Instruction::Rotate(Box::new(rotated))),
        (
            "operator-3",
            Instruction::Retire {
                provider: ProviderId(3),
            },
        ),
        (
            "operator-1",
            novelty(Novelty::Corpus {
                corpus,
                changed: Score::HALF,
            }),
        ),
        ("operator-1", novelty(Novelty::Adapter(adapter))),
        ("operator-9", enlistment("bob", Role::Validator)),
        ("operator-9", enlistment("rival", Role::Coordinator)),
        (
            "operator-9",
            Instruction::Delist {
                node: carol,
                role: Role::Auditor,
            },
        ),
        (
            "operator-9",
            Instruction::Bond {
                node: coordinator,
                role: Role::Coordinator,
                amount: credits(1),
            },
        ),
        (
            "operator-9",
            Instruction::Unbond {
                node: coordinator,
                role: Role::Coordinator,
                amount: credits(1),
            },
        ),
        ("rival", anchor(ChainUse::Slots)),
        ("validator-3", anchor(ChainUse::Beacon)),
        ("validator-0", Instruction::Vote(Box::new(params.clone()))),
        ("validator-1", Instruction::Vote(Box::new(params.clone()))),
        ("validator-2", Instruction::Vote(Box::new(params))),
        (
            "carol",
            Instruction::AuditRoot {
                root: Digest([11; 32]),
                items: 1,
            },
        ),
    ]
}

fn settlements(scene: &Scene, past: &Past) -> Honest {
    let next: Vec<Contract> = (4..7)
        .map(|slot: u32| Contract::new(&scene.world, scene.plan(slot + 1, u64::from(slot))))
        .collect();
    let all: Vec<&Contract> = next.iter().collect();
    let mut agreed = settlement(&all);
    let line_oks = next[0].receipt.seats.iter().map(|seat| {
        let line_ok = agreed.line_ok(seat.provider).unwrap();
        let node = node_key(&seat.assign.body.seat);
        (
            seat.provider,
            Signed::new(line_ok, &scene.world.network, &node),
        )
    });
    let mut line_oks: Vec<_> = line_oks.collect();
    line_oks.sort_by_key(|(provider, _)| *provider);
    agreed.line_oks = List::from_vec(line_oks).unwrap();
    let seat = &past.contracts[0].receipt.seats[0];
    let line_ok = past.settlement.line_ok(seat.provider).unwrap();
    let node = node_key(&seat.assign.body.seat);
    let co_signature = CoSignature {
        coordinator: public("coordinator"),
        first_slot: Slot(0),
        provider: seat.provider,
        line_ok: Signed::new(line_ok, &scene.world.network, &node),
    };
    vec![
        ("coordinator", settle(settlement(&all[..1]))),
        ("coordinator", settle(settlement(&all))),
        ("coordinator", settle(agreed)),
        (
            "alice",
            Instruction::CoSign(List::truncated([co_signature])),
        ),
    ]
}

/// The operator of a contract's first seat.
fn operator(contract: &Contract) -> &'static str {
    let name = format!("operator-{}", contract.receipt.seats[0].provider);
    PEOPLE.into_iter().find(|person| **person == name).unwrap()
}

/// Receipts of the first contract as its coordinator signed them besides: one that pays more, one that
/// charges less, one that does not add up.
fn forged(world: &World, contract: &Contract) -> [Contract; 3] {
    let mut generous = contract.clone();
    generous.change_seats(world, |seats| seats[0].pay = Amount(1_000));
    let mut cheap = contract.clone();
    cheap.change_seats(world, |seats| seats[0].pay = Amount(100));
    let mut wrong = contract.clone();
    wrong.receipt.charges.total = Amount(1);
    [generous, cheap, wrong]
}

fn disputes(world: &World, past: &Past) -> Honest {
    let (first, second) = (&past.contracts[0], &past.contracts[1]);
    let [generous, cheap, _] = forged(world, first);
    let contradiction = |signed: &Contract, claim| Filing::Contradiction {
        settled: past.shown[0].clone(),
        receipt: signed.signed(),
        slot: signed.disclose(ReceiptField::Slot),
        claim,
    };
    let unpaid = |slot: usize, void: Option<SettledLeaf>| {
        let receipt = &past.contracts[slot].receipt;
        Filing::Unpaid {
            provider: receipt.seats[0].provider,
            coordinator: receipt.coordinator,
            void,
            voucher: receipt.voucher.clone(),
            terms: receipt.terms.clone(),
            assign: receipt.seats[0].assign.clone(),
            close: receipt.closes[0].clone(),
            part: receipt.seats[0].part.clone().unwrap(),
        }
    };
    let seat = Claim::Seat {
        provider: first.receipt.seats[0].provider,
        seats: generous.disclose(ReceiptField::Seats),
        voucher: first.receipt.voucher.clone(),
        terms: first.receipt.terms.clone(),
    };
    let requester = Claim::Requester {
        charges: cheap.disclose(ReceiptField::Charges),
    };
    let opening = |index: u8| {
        Instruction::AuditOpen(Box::new(AuditOpening {
            epoch: past.epoch,
            item: item(),
            salt: Salt([index + 1; 32]),
            path: past.items.path(usize::from(index)).unwrap(),
            settled: past.shown[usize::from(index)].clone(),
            terms: past.contracts[usize::from(index)].disclose(ReceiptField::Terms),
            request_salt: past.contracts[usize::from(index)].salt.field("request"),
            seats: past.contracts[usize::from(index)].disclose(ReceiptField::Seats),
        }))
    };
    vec![
        (operator(first), file(&contradiction(&generous, seat))),
        ("alice", file(&contradiction(&cheap, requester))),
        (
            operator(&past.contracts[3]),
            file(&unpaid(3, Some(past.shown[3].clone()))),
        ),
        (operator(&past.contracts[4]), file(&unpaid(4, None))),
        ("alice", challenge(&past.shown[0])),
        ("bob", challenge(&past.shown[2])),
        ("coordinator", answer(second, &past.shown[1].leaf)),
        ("carol", opening(0)),
        ("carol", opening(1)),
    ]
}

fn faults(world: &World, past: &Past) -> Honest {
    let network = &world.network;
    let (first, second) = (&past.contracts[0].receipt, &past.contracts[1].receipt);
    let [_, _, wrong] = forged(world, &past.contracts[0]);
    let mut other_part = first.seats[0].part.clone().unwrap().body;
    other_part.last_class = Digest::ZERO;
    let node = node_key(&first.seats[0].assign.body.seat);
    let mut other_offer = first.seats[0].assign.body.clone();
    other_offer.voucher = second.seats[0].assign.body.voucher;
    let vote = |statement| {
        let mut vote = EngineVote {
            term: Term(0),
            view: 3,
            statement,
            signature: Signature([0; 64]),
        };
        vote.signature = key("validator-1").sign(&vote.signed_bytes(network));
        vote
    };
    let block = Proposal {
        parent_view: 2,
        digest: Digest([1; 32]),
    };
    let proofs = [
        FaultProof::Assigns {
            coordinator: first.coordinator,
            first: first.seats[0].assign.clone(),
            second: Signed::new(other_offer, network, &key("coordinator")),
        },
        FaultProof::Panel(past.shown[2].clone()),
        FaultProof::Totals {
            coordinator: first.coordinator,
            receipt: wrong.signed(),
            seats: wrong.disclose(ReceiptField::Seats),
            charges: wrong.disclose(ReceiptField::Charges),
        },
        FaultProof::Parts {
            node: node.public_key(),
            first: first.seats[0].part.clone().unwrap(),
            second: Signed::new(other_part, network, &node),
        },
        FaultProof::Votes {
            validator: public("validator-1"),
            first: vote(Statement::Nullify),
            second: vote(Statement::Finalize(block)),
        },
    ];
    proofs.iter().map(|proof| ("bob", fault(proof))).collect()
}
