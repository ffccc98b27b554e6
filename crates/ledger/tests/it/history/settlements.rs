//! What coordinators settle, and seats co-sign (SET, LIN-3, LIN-4, ANC-3, SEL-8).

use std::collections::BTreeMap;

use llmnet_ledger::{State, query, record::Coordinator};
use llmnet_types::{
    bond::Role,
    codec::{List, encode},
    contract::Voucher,
    dispute::SettledLeaf,
    id::{Digest, DomainId, LineId, ProviderId},
    merkle::Tree,
    receipt::{ContractStatus, SeatOutcome},
    selection::DomainChoice,
    settlement::{CoSignature, Leaf, Settlement, VOUCHERS_MAX},
    signature::{PublicKey, Signed},
    transaction::Instruction,
    units::{Amount, Height, Score, Slot},
};

use super::{
    Act, History, REMEMBERED,
    contracts::{Contract, Job},
};

/// What a coordinator handed in, applied or not, with the contracts behind it.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) coordinator: PublicKey,
    pub(super) settlement: Settlement,
    pub(super) contracts: Vec<Contract>,
}

impl Kept {
    /// A leaf with the path to its settlement.
    pub(super) fn settled(&self, number: usize) -> SettledLeaf {
        let tree = Tree::new(self.settlement.leaves.iter().map(encode));
        SettledLeaf {
            coordinator: self.coordinator,
            first_slot: self.settlement.first_slot,
            leaf: self.settlement.leaves[number].clone(),
            path: tree.path(number).unwrap(),
        }
    }
}

fn void(leaf: &Leaf) -> Leaf {
    Leaf {
        n: 0,
        status: ContractStatus::Void,
        charge: Amount::ZERO,
        fee: Amount::ZERO,
        seats: List::new(),
        ..leaf.clone()
    }
}

/// The highest order's voucher for each line that is drawn on (LIN-3).
fn vouchers(contracts: &[Contract]) -> List<Signed<Voucher>, VOUCHERS_MAX> {
    let mut highest = BTreeMap::new();
    for contract in contracts {
        if contract.leaf.status != ContractStatus::Void {
            highest.insert(contract.leaf.line, contract.receipt.voucher.clone());
        }
    }
    List::from_vec(highest.into_values().collect()).unwrap()
}

impl History {
    pub(super) fn settle(&mut self, state: &dyn State) -> Option<Act> {
        let coordinator = self.coordinator();
        let record = query::coordinator(state, &coordinator)?;
        if self.nonces.contains_key(&coordinator) {
            // It may have settled in this block already, which the state does not show.
            return None;
        }
        let bond = query::bond(state, &coordinator, Role::Coordinator);
        let needed = query::params(state).coordinator_bond_min > Amount::ZERO;
        if needed && bond.is_none_or(|bond| !bond.enlisted) && self.random.chance(80) {
            // Nobody works for long without what the parameters ask for (BND-4).
            return Some(self.enlist_as(state, coordinator, Role::Coordinator));
        }
        let height = self.selection_height(state, &record);
        let epoch = height.epoch(query::params(state).epoch_length());
        let chain = *record.chains.of(epoch)?;
        let count = u32::try_from(self.random.between(1, self.temper.leaves)).unwrap();
        if chain.left < count && self.random.chance(90) {
            return None;
        }
        // Order numbers by line, as they go up within the settlement.
        let mut orders = BTreeMap::new();
        let mut contracts = Vec::new();
        for index in 0..count {
            let element = self.element(&chain, index + 1);
            let slot = Slot(record.next_slot.0 + u64::from(index));
            let contract = self.slot(state, (coordinator, slot, element, height), &mut orders);
            contracts.push(contract?);
        }
        let opening = self.element(&chain, count);
        let mut settlement = Settlement {
            first_slot: record.next_slot,
            opening,
            vouchers: vouchers(&contracts),
            leaves: List::truncated(contracts.iter().map(|contract| contract.leaf.clone())),
            line_oks: List::new(),
        };
        if self.random.chance(25) {
            self.cheat(state, &mut settlement);
        }
        self.co_sign_at_once(state, &mut settlement);
        for (contract, leaf) in contracts.iter_mut().zip(&settlement.leaves) {
            contract.leaf = leaf.clone();
        }
        self.kept.push_back(Kept {
            coordinator,
            settlement: settlement.clone(),
            contracts,
        });
        while self.kept.len() > REMEMBERED {
            self.kept.pop_front();
        }
        Some((coordinator, Instruction::Settle(Box::new(settlement))))
    }

    /// Mostly the last height; sometimes an older one, rarely one that is too old.
    fn selection_height(&mut self, state: &dyn State, record: &Coordinator) -> Height {
        let now = query::clock(state).height.0;
        let length = query::params(state).epoch_length();
        let back = match self.random.below(20) {
            0 => self.random.below(5 * length),
            1..10 => self.random.below(length),
            _ => self.random.below(3),
        };
        let height = now.saturating_sub(back);
        Height(if self.random.chance(95) {
            height.max(record.height.0)
        } else {
            height
        })
    }

    /// The contract of a slot with a line, mostly one that still pays.
    fn slot(
        &mut self,
        state: &dyn State,
        (coordinator, slot, element, height): (PublicKey, Slot, Digest, Height),
        orders: &mut BTreeMap<LineId, (u32, u64)>,
    ) -> Option<Contract> {
        let domains = self.domains(state)?;
        let (line, record) = self.line_to(state, &coordinator)?;
        let (n, drawn) = *orders.entry(line).or_insert((record.n, record.drawn.0));
        let job = Job {
            coordinator,
            slot,
            element,
            height,
            line,
            requester: record.requester,
            n: n + u32::try_from(self.random.between(1, 2)).unwrap(),
            drawn: Amount(drawn),
            domains,
        };
        let mut contract = self.contract(state, &job);
        // Void, though somebody may have worked (DIS-3).
        if self.random.chance(self.temper.voids) {
            contract.leaf = void(&contract.leaf);
        }
        if contract.leaf.status != ContractStatus::Void {
            orders.insert(line, (job.n, drawn + contract.leaf.charge.0));
        }
        Some(contract)
    }

    /// One or two domains with confidence.
    pub(super) fn domains(&mut self, state: &dyn State) -> Option<Vec<DomainChoice>> {
        let count = u64::from(query::counters(state).domain.0);
        let choice = |number: u64, confidence| {
            let id = DomainId(u16::try_from(number).ok()?);
            Some(DomainChoice {
                domain: query::domain(state, id)?.name,
                id,
                confidence: Score::clamped(confidence),
            })
        };
        let first = self.random.below(count);
        let confidence = self.random.between(2_000, 10_000);
        let mut domains = vec![choice(first, confidence)?];
        if self.random.chance(30) && count > 1 {
            let rest = self.random.below(10_001 - confidence);
            domains.push(choice((first + 1) % count, rest)?);
        }
        Some(domains)
    }

    /// A line to this coordinator, mostly one that still pays.
    pub(super) fn line_to(
        &mut self,
        state: &dyn State,
        coordinator: &PublicKey,
    ) -> Option<(LineId, llmnet_ledger::record::Line)> {
        let count = query::counters(state).line.0;
        let epoch = query::clock(state).epoch;
        let lines: Vec<_> = (0..count)
            .filter_map(|line| Some((LineId(line), query::line(state, LineId(line))?)))
            .filter(|(_, line)| line.coordinator == *coordinator)
            .collect();
        let good: Vec<_> = lines
            .iter()
            .filter(|(_, line)| line.ends >= epoch && line.rest() > Amount(20_000))
            .copied()
            .collect();
        let from = if self.random.chance(95) {
            &good
        } else {
            &lines
        };
        self.random.pick(from).copied()
    }

    /// One thing of a settlement is not as it should be.
    fn cheat(&mut self, state: &dyn State, settlement: &mut Settlement) {
        let mut leaves = settlement.leaves.to_vec();
        let mut vouchers = settlement.vouchers.to_vec();
        let (kind, amount) = (self.random.below(20), self.random.between(1, 900));
        let now = query::clock(state).height.0;
        let provider = ProviderId(u32::try_from(self.random.below(20)).unwrap());
        let somebody = self.somebody();
        if let Some(leaf) = self.random.pick_mut(&mut leaves) {
            let mut seats = leaf.seats.to_vec();
            match kind {
                0 => leaf.charge = Amount(leaf.charge.0 + amount),
                1 => leaf.fee = Amount(leaf.fee.0 + amount),
                2 => leaf.n = leaf.n.saturating_sub(1),
                3 => leaf.n += 1,
                4 => leaf.height = Height(leaf.height.0 + amount),
                5 => leaf.height = Height(now + 1),
                6 => leaf.line = LineId(leaf.line.0 + 1),
                7 => leaf.domains = List::new(),
                8 => leaf.status = ContractStatus::Void,
                9 => leaf.status = ContractStatus::Failed,
                10 => seats.reverse(),
                11 | 12 => {
                    if let Some(seat) = seats.first_mut() {
                        seat.provider = provider;
                    }
                }
                13 => {
                    if let Some(seat) = seats.last_mut() {
                        seat.outcome = SeatOutcome::NoShow;
                    }
                }
                14 => seats.clear(),
                _ => {}
            }
            leaf.seats = List::from_vec(seats).unwrap();
        }
        match kind {
            15 => settlement.opening = Digest(self.random.bytes()),
            16 => settlement.first_slot = Slot(settlement.first_slot.0 + 1),
            17 => {
                vouchers.pop();
            }
            18 => {
                if let Some(voucher) = vouchers.first_mut() {
                    let mut body = voucher.body.clone();
                    body.limit = Amount(body.limit.0.saturating_sub(amount));
                    let owner = query::line(state, body.line).map(|line| line.requester);
                    let key = &self.keys[&owner.unwrap_or(somebody)];
                    *voucher = Signed::new(body, &self.network, key);
                }
            }
            19 => {
                if let Some(voucher) = vouchers.first_mut() {
                    let body = voucher.body.clone();
                    *voucher = Signed::new(body, &self.network, &self.keys[&somebody]);
                }
            }
            _ => {}
        }
        settlement.leaves = List::from_vec(leaves).unwrap();
        settlement.vouchers = List::from_vec(vouchers).unwrap();
    }

    /// A seat's word on what a settlement says of it; sometimes another's.
    fn line_ok(
        &mut self,
        state: &dyn State,
        settlement: &Settlement,
        provider: ProviderId,
    ) -> Option<Signed<llmnet_types::message::LineOk>> {
        let mut body = settlement.line_ok(provider)?;
        let mut node = query::provider(state, provider)?.newest().registration.node;
        match self.random.below(30) {
            0 => body.total = Amount(body.total.0 + 1),
            1 => node = self.somebody(),
            2 => body.leaves = Digest::ZERO,
            _ => {}
        }
        Some(Signed::new(body, &self.network, &self.keys[&node]))
    }

    fn providers(settlement: &Settlement) -> Vec<ProviderId> {
        let seats = settlement.leaves.iter().flat_map(|leaf| leaf.seats.iter());
        let mut providers: Vec<_> = seats.map(|seat| seat.provider).collect();
        providers.sort_unstable();
        providers.dedup();
        providers
    }

    fn co_sign_at_once(&mut self, state: &dyn State, settlement: &mut Settlement) {
        let mut line_oks = Vec::new();
        for provider in Self::providers(settlement) {
            if self.random.chance(40)
                && let Some(line_ok) = self.line_ok(state, settlement, provider)
            {
                line_oks.push((provider, line_ok));
            }
        }
        if self.random.chance(2) {
            line_oks.reverse();
        }
        settlement.line_oks = List::from_vec(line_oks).unwrap();
    }

    /// Something that was handed in, mostly something that the ledger remembers.
    pub(super) fn some_kept(&mut self, state: &dyn State) -> Option<Kept> {
        let any = self.random.chance(10);
        let known = |kept: &&Kept| {
            let first_slot = kept.settlement.first_slot;
            let settled = query::settlement(state, &kept.coordinator, first_slot);
            any || settled.is_some_and(|settled| settled.root == kept.settlement.root())
        };
        let known: Vec<&Kept> = self.kept.iter().filter(known).collect();
        self.random.pick(&known).map(|kept| (*kept).clone())
    }

    /// A contract that somebody worked on, mostly one that the ledger remembers.
    pub(super) fn some_contract(&mut self, state: &dyn State) -> Option<(Kept, usize)> {
        let worked = |contract: &Contract| contract.leaf.status != ContractStatus::Void;
        self.contract_that(state, &worked)
    }

    pub(super) fn contract_that(
        &mut self,
        state: &dyn State,
        wanted: &dyn Fn(&Contract) -> bool,
    ) -> Option<(Kept, usize)> {
        let kept = self.some_kept(state)?;
        let contracts = kept.contracts.iter().enumerate();
        let fit: Vec<usize> = contracts
            .filter(|(_, contract)| wanted(contract))
            .map(|(number, _)| number)
            .collect();
        let number = *self.random.pick(&fit)?;
        Some((kept, number))
    }

    pub(super) fn co_sign(&mut self, state: &dyn State) -> Option<Act> {
        let mut all = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let kept = self.some_kept(state)?;
            let provider = *self.random.pick(&Self::providers(&kept.settlement))?;
            all.push(CoSignature {
                coordinator: kept.coordinator,
                first_slot: kept.settlement.first_slot,
                provider,
                line_ok: self.line_ok(state, &kept.settlement, provider)?,
            });
        }
        let signer = self.somebody();
        Some((signer, Instruction::CoSign(List::from_vec(all).ok()?)))
    }
}
