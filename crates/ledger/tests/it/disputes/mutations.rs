//! Whatever bytes are shown: the ledger never panics, and nobody but a culprit is punished.
//!
//! Pieces of honest contracts are put together in all wrong ways, and proofs, honest and true, are damaged
//! bit by bit. [`World::block`] holds every invariant after each. `LLMNET_CASES` sets how often.

use llmnet_ledger::{event::EventKind, query};
use llmnet_types::{
    bond::Role,
    certificate::{EngineVote, Proposal, Statement},
    codec::{decode, encode},
    disclosure::{Disclosure, ReceiptField},
    dispute::{Answer, Challenge, Claim, FaultProof, Filing, SettledLeaf},
    id::{Digest, ProviderId},
    receipt::SeatReceipt,
    signature::{PublicKey, Signature},
    transaction::{Instruction, TRANSACTION_LENGTH_MAX, Transaction},
    units::{Amount, Slot, Term},
};
use proptest::{prelude::*, test_runner::Config};

use super::{Scene, bond, fault, file, withholding_coordinator::unpaid};
use crate::{
    contract::{Contract, Plan},
    world::{VALIDATORS, credits, key, public},
};

/// Numbers that choose.
struct Choices(Vec<u64>, usize);

impl Choices {
    fn next(&mut self, bound: usize) -> usize {
        let value = self.0[self.1 % self.0.len()];
        self.1 += 1;
        usize::try_from(value % bound as u64).unwrap()
    }

    fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.next(items.len())].clone()
    }
}

/// Three honest contracts, all settled, in an epoch in which everything may still be shown.
struct Honest {
    scene: Scene,
    contracts: Vec<Contract>,
    shown: Vec<SettledLeaf>,
}

impl Honest {
    fn new() -> Self {
        let mut scene = Scene::new();
        let contracts: Vec<Contract> = (0..3)
            .map(|slot| {
                let mut plan: Plan = scene.plan(slot + 1, u64::from(slot));
                plan.busy = (0..u8::try_from(slot).unwrap()).collect();
                Contract::new(&scene.world, plan)
            })
            .collect();
        let all: Vec<&Contract> = contracts.iter().collect();
        let shown = scene.settle(&all);
        // One is challenged, for answers to be heard.
        scene.applied("alice", super::challenge(&shown[2]));
        scene.world.go_to_epoch(2);
        Self {
            scene,
            contracts,
            shown,
        }
    }

    fn seats(&self) -> Vec<SeatReceipt> {
        let seats = self.contracts.iter().map(|one| one.receipt.seats.to_vec());
        seats.flatten().collect()
    }

    fn disclosures(&self) -> Vec<Disclosure> {
        let fields = [
            ReceiptField::Slot,
            ReceiptField::Voucher,
            ReceiptField::Terms,
            ReceiptField::Skips,
            ReceiptField::Seats,
            ReceiptField::Charges,
        ];
        let of = |contract: &Contract| fields.map(|field| contract.disclose(field));
        self.contracts.iter().flat_map(of).collect()
    }

    fn keys(&self) -> Vec<PublicKey> {
        let seats = self.seats().into_iter().map(|seat| seat.assign.body.seat);
        let others = ["coordinator", "rival", VALIDATORS[1]].map(public);
        seats.chain(others).collect()
    }

    fn votes(&self) -> Vec<EngineVote> {
        let block = Proposal {
            parent_view: 1,
            digest: Digest([1; 32]),
        };
        // What one honest validator may say of two rounds.
        let said = [
            (2, Statement::Notarize(block)),
            (2, Statement::Finalize(block)),
            (3, Statement::Notarize(block)),
            (3, Statement::Nullify),
        ];
        said.map(|(view, statement)| {
            let mut vote = EngineVote {
                term: Term(0),
                view,
                statement,
                signature: Signature([0; 64]),
            };
            let bytes = vote.signed_bytes(&self.scene.world.network);
            vote.signature = key(VALIDATORS[1]).sign(&bytes);
            vote
        })
        .to_vec()
    }

    /// Pieces of different contracts, put together at random.
    fn mixed(&self, choose: &mut Choices) -> Instruction {
        let seats = self.seats();
        let assigns: Vec<_> = seats.iter().map(|seat| seat.assign.clone()).collect();
        let parts: Vec<_> = seats.iter().filter_map(|seat| seat.part.clone()).collect();
        let roots: Vec<_> = self.contracts.iter().map(Contract::signed).collect();
        let receipts = || self.contracts.iter().map(|contract| &contract.receipt);
        let vouchers: Vec<_> = receipts().map(|receipt| receipt.voucher.clone()).collect();
        let terms: Vec<_> = receipts().map(|receipt| receipt.terms.clone()).collect();
        let closes: Vec<_> = receipts()
            .map(|receipt| receipt.closes[0].clone())
            .collect();
        let providers: Vec<ProviderId> = (0..6).map(ProviderId).collect();
        let (keys, disclosures, votes) = (self.keys(), self.disclosures(), self.votes());
        match choose.next(9) {
            0 => fault(&FaultProof::Assigns {
                coordinator: choose.of(&keys),
                first: choose.of(&assigns),
                second: choose.of(&assigns),
            }),
            1 => fault(&FaultProof::Panel(self.leaf(choose))),
            2 => fault(&FaultProof::Totals {
                coordinator: choose.of(&keys),
                receipt: choose.of(&roots),
                seats: choose.of(&disclosures),
                charges: choose.of(&disclosures),
            }),
            3 => fault(&FaultProof::Parts {
                node: choose.of(&keys),
                first: choose.of(&parts),
                second: choose.of(&parts),
            }),
            4 => fault(&FaultProof::Votes {
                validator: choose.of(&keys),
                first: choose.of(&votes),
                second: choose.of(&votes),
            }),
            5 => file(&Filing::Contradiction {
                settled: self.leaf(choose),
                receipt: choose.of(&roots),
                slot: choose.of(&disclosures),
                claim: Claim::Seat {
                    provider: choose.of(&providers),
                    seats: choose.of(&disclosures),
                    voucher: choose.of(&vouchers),
                    terms: choose.of(&terms),
                },
            }),
            6 => file(&Filing::Contradiction {
                settled: self.leaf(choose),
                receipt: choose.of(&roots),
                slot: choose.of(&disclosures),
                claim: Claim::Requester {
                    charges: choose.of(&disclosures),
                },
            }),
            7 => file(&Filing::Unpaid {
                provider: choose.of(&providers),
                coordinator: choose.of(&keys),
                void: (choose.next(2) == 0).then(|| self.leaf(choose)),
                voucher: choose.of(&vouchers),
                terms: choose.of(&terms),
                assign: choose.of(&assigns),
                close: choose.of(&closes),
                part: choose.of(&parts),
            }),
            _ => Instruction::Answer(Box::new(Answer {
                slot: Slot(choose.next(4) as u64),
                leaf: choose.of(&self.shown).leaf,
                voucher: choose.of(&disclosures),
                terms: choose.of(&disclosures),
                skips: choose.of(&disclosures),
                seats: choose.of(&disclosures),
            })),
        }
    }

    fn leaf(&self, choose: &mut Choices) -> SettledLeaf {
        let mut leaf = choose.of(&self.shown);
        if choose.next(4) == 0 {
            leaf.path = choose.of(&self.shown).path;
        }
        leaf
    }

    /// The same, each of one contract: all that could be shown of it, and is no fault.
    fn whole(&self, choose: &mut Choices) -> Instruction {
        let place = choose.next(self.contracts.len());
        let (contract, shown) = (&self.contracts[place], &self.shown[place]);
        let (seats, votes) = (&contract.receipt.seats, self.votes());
        match choose.next(8) {
            0 => fault(&FaultProof::Assigns {
                coordinator: public("coordinator"),
                first: seats[0].assign.clone(),
                second: seats[1].assign.clone(),
            }),
            1 => fault(&FaultProof::Panel(shown.clone())),
            2 => fault(&FaultProof::Totals {
                coordinator: public("coordinator"),
                receipt: contract.signed(),
                seats: contract.disclose(ReceiptField::Seats),
                charges: contract.disclose(ReceiptField::Charges),
            }),
            3 => fault(&FaultProof::Parts {
                node: seats[0].assign.body.seat,
                first: seats[0].part.clone().unwrap(),
                second: seats[0].part.clone().unwrap(),
            }),
            4 => fault(&FaultProof::Votes {
                validator: public(VALIDATORS[1]),
                first: choose.of(&votes),
                second: choose.of(&votes),
            }),
            5 => file(&unpaid(contract, 0, Some(shown.clone()))),
            6 => Instruction::Challenge(Box::new(Challenge {
                settled: shown.clone(),
            })),
            _ => super::answer(contract, &shown.leaf),
        }
    }
}

/// Damages an encoding; `None` where nothing can be read any more.
fn damaged(
    instruction: &Instruction,
    other: &Instruction,
    choose: &mut Choices,
) -> Option<Instruction> {
    let mut bytes = encode(instruction);
    let other = encode(other);
    for _ in 0..=choose.next(3) {
        let at = choose.next(bytes.len());
        match choose.next(6) {
            0 => bytes[at] = u8::try_from(choose.next(256)).unwrap(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, 0),
            // Another's bytes in the same place: fields have fixed widths, so they often fit.
            3 => {
                let length = 1 + choose.next(64);
                let from = other.iter().skip(at).take(length);
                let into = bytes.iter_mut().skip(at);
                into.zip(from).for_each(|(byte, other)| *byte = *other);
            }
            _ => bytes[at] ^= 1 << choose.next(8),
        }
        if bytes.is_empty() {
            return None;
        }
    }
    decode(&bytes, TRANSACTION_LENGTH_MAX).ok()
}

/// Runs them all in one block, each by somebody, and gives who was slashed.
fn run(scene: &mut Scene, instructions: Vec<Instruction>, choose: &mut Choices) -> Vec<PublicKey> {
    let signers = [
        "alice",
        "bob",
        "coordinator",
        "operator-0",
        "operator-1",
        "operator-2",
    ];
    let mut nonces = std::collections::BTreeMap::new();
    let network = scene.world.network;
    let transactions: Vec<Transaction> = instructions
        .into_iter()
        .map(|instruction| {
            let signer = choose.of(&signers);
            let account = query::account(&scene.world.state, &public(signer));
            let nonce = nonces.entry(signer).or_insert(account.nonce);
            let transaction = Transaction::sign(network, &key(signer), *nonce, instruction);
            *nonce += 1;
            transaction
        })
        .collect();
    let execution = scene.world.block(&transactions);
    let slashed = execution.events.into_iter();
    slashed
        .filter_map(|event| match event.kind {
            EventKind::Slashed { node, .. } => Some(node),
            _ => None,
        })
        .collect()
}

fn config() -> Config {
    let cases = std::env::var("LLMNET_CASES").ok();
    Config {
        cases: cases.and_then(|cases| cases.parse().ok()).unwrap_or(24),
        failure_persistence: None,
        ..Config::default()
    }
}

fn choices() -> impl Strategy<Value = Choices> {
    prop::collection::vec(any::<u64>(), 64..256).prop_map(|values| Choices(values, 0))
}

impl std::fmt::Debug for Choices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

proptest! {
    #![proptest_config(config())]

    /// DIS-1 to DIS-5: no piece of an honest contract, whole, mixed or damaged, punishes anybody.
    #[test]
    fn the_innocent_are_not_punished_by_anything(mut choose in choices()) {
        let mut honest = Honest::new();
        let mut instructions = Vec::new();
        for _ in 0..24 {
            let (whole, mixed) = (honest.whole(&mut choose), honest.mixed(&mut choose));
            instructions.extend(damaged(&whole, &mixed, &mut choose));
            instructions.extend(damaged(&mixed, &whole, &mut choose));
            instructions.extend([whole, mixed]);
        }
        let slashed = run(&mut honest.scene, instructions, &mut choose);
        prop_assert!(slashed.is_empty(), "{:?}", slashed);
        prop_assert_eq!(honest.scene.bond(), bond());
    }

    /// DIS-1, DIS-3: a damaged proof of a true fault harms nobody but the culprit, and once.
    #[test]
    fn damaged_proofs_punish_nobody_else(mut choose in choices()) {
        let mut scene = Scene::new();
        let one = scene.contract();
        let two = Contract::new(&scene.world, scene.plan(2, 0));
        let mut pinned = Contract::new(&scene.world, scene.plan(3, 1));
        let friend = scene.world.order("coordinator", 1, scene.world.height)[4];
        pinned.change_seats(&scene.world, |seats| seats[1].provider = friend);
        let settled = scene.settle_as(&[&one, &pinned], |slot, leaf| {
            if slot == 0 {
                super::void(leaf);
            }
        });
        let mut forged = one.clone();
        forged.receipt.charges.total = Amount(1);
        let proofs = [
            fault(&FaultProof::Assigns {
                coordinator: public("coordinator"),
                first: one.receipt.seats[0].assign.clone(),
                second: two.receipt.seats[0].assign.clone(),
            }),
            fault(&FaultProof::Panel(settled[1].clone())),
            fault(&FaultProof::Totals {
                coordinator: public("coordinator"),
                receipt: forged.signed(),
                seats: forged.disclose(ReceiptField::Seats),
                charges: forged.disclose(ReceiptField::Charges),
            }),
            file(&unpaid(&one, 0, Some(settled[0].clone()))),
        ];
        let instructions = (0..48).filter_map(|_| {
            let (proof, other) = (choose.of(&proofs), choose.of(&proofs));
            damaged(&proof, &other, &mut choose)
        });
        let instructions: Vec<_> = instructions.collect();
        let slashed = run(&mut scene, instructions, &mut choose);
        prop_assert!(slashed.iter().all(|node| *node == public("coordinator")));
        // Four offences at most, each once: what is left is a sixteenth.
        prop_assert!(scene.bond() >= Amount(bond().0 / 16));
        for number in 0..5 {
            let node = public(&format!("node-{number}"));
            let bond = query::bond(&scene.world.state, &node, Role::Respondent).unwrap();
            prop_assert!(bond.total() >= credits(1));
        }
    }
}
