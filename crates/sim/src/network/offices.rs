//! What coordinators settle, what seats agree to, and what those do that were cheated.

use std::collections::BTreeMap;

use llmnet_ledger::{query, selection};
use llmnet_protocol::{
    session::Finished,
    settle::{settlement, void_leaf},
};
use llmnet_types::{
    bond::{Enlistment, Role},
    certificate::{EngineVote, Proposal, Statement},
    codec::{List, Text, encode},
    contract::SEATS_MAX,
    disclosure::ReceiptField,
    dispute::{Claim, FaultProof, Filing, SettledLeaf},
    id::Digest,
    merkle::Tree,
    params::{DISPUTE_EPOCHS, SETTLE_EPOCHS},
    receipt::{ContractStatus, SeatOutcome},
    settlement::{Leaf, Settlement},
    signature::{Signature, Signed},
    transaction::Instruction,
    units::{Amount, Epoch, Score, Slot, Term},
};

use super::{
    market::{Coordinator, Market},
    people::People,
    scenario::{Behaviour, Conducts, Scenario, Validates},
    world::World,
};

/// Leaves of a settlement: all that their seats say to it fits into a transaction as well.
const LEAVES: usize = 240 / SEATS_MAX;
/// A coordinator settles every so many blocks, and whenever a settlement is full.
const EVERY: u64 = 4;
/// Which slot a withholding coordinator passes over: one in so many.
const WITHHELD: u64 = 3;

/// What was handed in, until nothing can come of it.
#[derive(Debug, Default)]
pub struct Books {
    /// By coordinator, then by first slot.
    pub settlements: BTreeMap<(usize, Slot), (Epoch, Settlement)>,
    /// What was filed or shown already.
    shown: Vec<(usize, Slot)>,
}

impl Books {
    /// A settled leaf with its path; `None` where the ledger does not know it, or not yet.
    pub fn settled(
        &self,
        world: &World,
        market: &Market,
        coordinator: usize,
        slot: Slot,
    ) -> Option<SettledLeaf> {
        let range = (coordinator, Slot(0))..=(coordinator, slot);
        let ((_, first_slot), (_, settlement)) = self.settlements.range(range).next_back()?;
        let node = market.coordinators[coordinator].node;
        let known = query::settlement(&world.state, &node, *first_slot)?;
        if known.root != settlement.root() {
            return None;
        }
        let place = usize::try_from(slot.0.checked_sub(first_slot.0)?).ok()?;
        let tree = Tree::new(settlement.leaves.iter().map(encode));
        Some(SettledLeaf {
            coordinator: node,
            first_slot: *first_slot,
            leaf: settlement.leaves.get(place)?.clone(),
            path: tree.path(place)?,
        })
    }

    /// Every coordinator whose turn it is settles what has ended.
    pub fn settle(
        &mut self,
        world: &mut World,
        market: &mut Market,
        people: &mut People,
        scenario: &Scenario,
    ) {
        for number in market.standing(world) {
            let due = (world.height.0 + number as u64).is_multiple_of(EVERY)
                || market.coordinators[number].waiting.len() >= LEAVES;
            if due && let Some(settlement) = next(world, market, people, scenario, number) {
                let epoch = settlement.leaves.first().map_or(Epoch(0), |leaf| {
                    leaf.height.epoch(world.params.epoch_length())
                });
                let key = market.coordinators[number].key.clone();
                let first = settlement.first_slot;
                world.submit(&key, Instruction::Settle(Box::new(settlement.clone())));
                self.settlements
                    .insert((number, first), (epoch, settlement));
            }
        }
    }

    /// Forgets what the ledger has forgotten, and files what is owed just before it is.
    pub fn dispute(
        &mut self,
        world: &mut World,
        market: &mut Market,
        people: &People,
        scenario: &Scenario,
    ) {
        let now = world.epoch();
        let length = world.params.epoch_length();
        let mut filings = Vec::new();
        for number in 0..market.coordinators.len() {
            let coordinator = &market.coordinators[number];
            for (slot, finished) in &coordinator.kept {
                let epoch = finished.receipt.selection.height.epoch(length);
                let over = epoch.0 + SETTLE_EPOCHS < now.0 && now.0 <= epoch.0 + DISPUTE_EPOCHS;
                if !over || self.shown.contains(&(number, *slot)) {
                    continue;
                }
                let settled = self.settled(world, market, number, *slot);
                let void = settled
                    .as_ref()
                    .is_none_or(|settled| settled.leaf.status == ContractStatus::Void);
                let worked = finished.receipt.status != ContractStatus::Void;
                let all = |_: &Behaviour| true;
                if void && worked {
                    let found = settled.as_ref();
                    filings.extend(unpaid(
                        people, scenario, number, *slot, finished, found, all,
                    ));
                    continue;
                }
                if worked {
                    let lies = |behaviour: &Behaviour| *behaviour == Behaviour::FalseFiler;
                    filings.extend(unpaid(
                        people, scenario, number, *slot, finished, None, lies,
                    ));
                }
                if coordinator.behaviour == Conducts::Forging
                    && let Some(settled) = settled
                {
                    filings.extend(contradicted(people, number, *slot, finished, settled));
                } else if coordinator.behaviour == Conducts::Biased
                    && let Some(settled) = settled
                    && !is_selected(world, coordinator, *slot, finished)
                {
                    let watcher = world.validators[0].key.clone();
                    let proof = FaultProof::Panel(settled);
                    filings.push((number, *slot, watcher, Instruction::Fault(Box::new(proof))));
                }
            }
        }
        for (number, slot, signer, instruction) in filings {
            self.shown.push((number, slot));
            world.submit(&signer, instruction);
        }
        let forgotten = |epoch: Epoch| epoch.0 + DISPUTE_EPOCHS + 1 < now.0;
        for coordinator in &mut market.coordinators {
            coordinator
                .kept
                .retain(|_, kept| !forgotten(kept.receipt.selection.height.epoch(length)));
        }
        self.settlements.retain(|_, (epoch, _)| !forgotten(*epoch));
        let oldest = &self.settlements;
        if oldest.is_empty() && scenario.epochs < now.0 as u32 {
            self.shown.clear();
        }
    }
}

/// Takes the office: the bond is its own.
pub fn enlist(world: &mut World, coordinator: &Coordinator) {
    let enlistment = Enlistment {
        node: coordinator.node,
        operator: coordinator.node,
        role: Role::Coordinator,
        address: Text::empty(),
        bond: world.params.coordinator_bond_min,
        until: Epoch(u64::MAX),
    };
    let signed = Signed::new(enlistment, &world.network, &coordinator.key);
    world.submit(&coordinator.key, Instruction::Enlist(Box::new(signed)));
}

/// What a coordinator settles next, with the word of all seats that agree.
fn next(
    world: &World,
    market: &mut Market,
    people: &mut People,
    scenario: &Scenario,
    number: usize,
) -> Option<Settlement> {
    let now = world.now();
    let coordinator = &mut market.coordinators[number];
    if coordinator.behaviour == Conducts::FreeWork {
        return None;
    }
    let record = query::coordinator(&world.state, &coordinator.node)?;
    let first = record.next_slot;
    coordinator.waiting = coordinator.waiting.split_off(&first);
    let mut ended = BTreeMap::new();
    for (slot, unsettled) in &coordinator.waiting {
        if coordinator.ended.get(slot).is_none_or(|ended| *ended > now) || ended.len() >= LEAVES {
            break;
        }
        let mut unsettled = unsettled.clone();
        let withheld = coordinator.behaviour == Conducts::Withholding;
        if coordinator.behaviour == Conducts::Forging {
            forge(&mut unsettled.leaf);
        }
        if withheld && slot.0.is_multiple_of(WITHHELD) {
            unsettled.leaf = void_leaf(unsettled.leaf.height, unsettled.leaf.line);
            unsettled.voucher = None;
        }
        ended.insert(*slot, unsettled);
    }
    coordinator.ended = coordinator.ended.split_off(&first);
    let length = world.params.epoch_length();
    let mut settlement = settlement(first, &ended, LEAVES, length).ok()??;
    let mut named: Vec<_> = settlement
        .leaves
        .iter()
        .flat_map(|leaf| leaf.seats.iter().map(|seat| seat.provider))
        .collect();
    named.sort_unstable();
    named.dedup();
    let leaves = u64::try_from(settlement.leaves.len()).unwrap_or(0);
    let next = Slot(settlement.first_slot.0.saturating_add(leaves));
    let mut agreed = Vec::new();
    for id in named {
        let Some(place) = people.by_id.get(&id) else {
            continue;
        };
        let provider = &mut people.all[*place];
        if scenario.people[provider.group].behaviour == Behaviour::CoSignRefuser {
            continue;
        }
        let books = provider.books.entry(number).or_default();
        if let Some(word) = books.agree(&world.network, &provider.key, id, &settlement) {
            agreed.push((id, word.line_ok));
            // It is handed in at once, and blocks come by one by one: nothing comes between.
            books.settle(next);
        }
    }
    settlement.line_oks = List::truncated(agreed);
    Some(settlement)
}

type Filed = (
    usize,
    Slot,
    llmnet_types::signature::PrivateKey,
    Instruction,
);

/// Halves the first seat's pay; what is taken becomes the coordinator's, as the sums have to agree (SET-3).
fn forge(leaf: &mut Leaf) {
    let mut seats = std::mem::take(&mut leaf.seats).into_vec();
    if leaf.status == ContractStatus::Concluded
        && let Some(seat) = seats.first_mut()
    {
        seat.pay = seat.pay.share(Score::HALF);
    }
    leaf.seats = List::truncated(seats);
}

/// A seat whose leaf pays less than its receipt files what it lost (DIS-2).
fn contradicted(
    people: &People,
    coordinator: usize,
    slot: Slot,
    finished: &Finished,
    settled: SettledLeaf,
) -> Option<Filed> {
    let receipt = &finished.receipt;
    let mut both = receipt.seats.iter().zip(&settled.leaf.seats);
    let (seat, _) = both.find(|(seat, paid)| seat.pay > paid.pay)?;
    let provider = &people.all[*people.by_id.get(&seat.provider)?];
    let filing = Filing::Contradiction {
        receipt: finished.signed.clone(),
        slot: receipt.disclose(&finished.salt, ReceiptField::Slot)?,
        claim: Claim::Seat {
            provider: seat.provider,
            seats: receipt.disclose(&finished.salt, ReceiptField::Seats)?,
            voucher: receipt.voucher.clone(),
            terms: receipt.terms.clone(),
        },
        settled,
    };
    let instruction = Instruction::File(Box::new(filing));
    Some((coordinator, slot, provider.operator.clone(), instruction))
}

/// Shows two votes of each equivocating validator, once an epoch. They are made here, as there is no consensus;
/// what they cost is the ledger's word.
pub fn equivocate(world: &mut World) {
    let watcher = world
        .validators
        .iter()
        .find(|one| one.behaviour == Validates::Honest);
    let Some(watcher) = watcher.map(|watcher| watcher.key.clone()) else {
        return;
    };
    let needed = world.params.validator_bond_min;
    let mut proofs = Vec::new();
    for validator in &world.validators {
        let bond = query::bond(&world.state, &validator.node, Role::Validator);
        let stands = bond.is_some_and(|bond| bond.standing >= needed);
        if validator.behaviour != Validates::Equivocating || !stands {
            continue;
        }
        let vote = |number: u8| {
            let proposal = Proposal {
                parent_view: world.height.0,
                digest: Digest([number; 32]),
            };
            let mut vote = EngineVote {
                term: Term(0),
                view: world.height.0 + 1,
                statement: Statement::Notarize(proposal),
                signature: Signature([0; 64]),
            };
            vote.signature = validator.key.sign(&vote.signed_bytes(&world.network));
            vote
        };
        proofs.push(FaultProof::Votes {
            validator: validator.node,
            first: vote(1),
            second: vote(2),
        });
    }
    for proof in proofs {
        world.submit(&watcher, Instruction::Fault(Box::new(proof)));
    }
}

/// What the seats of a contract file that behave in such a way, as having worked and not been settled (DIS-3).
fn unpaid(
    people: &People,
    scenario: &Scenario,
    coordinator: usize,
    slot: Slot,
    finished: &Finished,
    void: Option<&SettledLeaf>,
    files: impl Fn(&Behaviour) -> bool,
) -> Vec<Filed> {
    let receipt = &finished.receipt;
    let answers = |close: &&Signed<llmnet_types::message::Close>| close.body.phase.is_alone();
    // The last of them has all first answers.
    let Some(close) = receipt.closes.iter().rfind(answers) else {
        return Vec::new();
    };
    let seats = receipt.seats.iter();
    seats
        .filter(|seat| seat.outcome == SeatOutcome::Served)
        .filter_map(|seat| {
            let provider = &people.all[*people.by_id.get(&seat.provider)?];
            if !files(&scenario.people[provider.group].behaviour) {
                return None;
            }
            let filing = Filing::Unpaid {
                provider: seat.provider,
                coordinator: receipt.coordinator,
                void: void.cloned(),
                voucher: receipt.voucher.clone(),
                terms: receipt.terms.clone(),
                assign: seat.assign.clone(),
                close: close.clone(),
                part: seat.part.clone()?,
            };
            let instruction = Instruction::File(Box::new(filing));
            Some((coordinator, slot, provider.operator.clone(), instruction))
        })
        .collect()
}

/// Whether the panel of a contract is the one that its seed selects (SEL-8).
fn is_selected(world: &World, coordinator: &Coordinator, slot: Slot, finished: &Finished) -> bool {
    let receipt = &finished.receipt;
    let seed = selection::seed(
        &world.network,
        &receipt.selection.beacon,
        &coordinator.node,
        slot,
        &receipt.slot_secret,
    );
    let rule = selection::Rule::of(&world.params);
    let order = selection::order(&receipt.selection, &seed, &rule, &receipt.terms.filters);
    receipt.seats.iter().all(|seat| {
        let rank = usize::from(seat.assign.body.rank);
        order.get(rank) == Some(&seat.provider)
    })
}

/// What somebody is to be sent so that it can post a coordinator's bond and pay for its transactions.
pub fn money(world: &World) -> Amount {
    Amount(world.params.coordinator_bond_min.0 * 20)
}
