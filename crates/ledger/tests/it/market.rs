//! Many coordinators and requesters who rate whom a test wants, with whatever score and as often.

use std::collections::{BTreeMap, BTreeSet};

use llmnet_ledger::{chain_element, charges, query};
use llmnet_types::{
    bond::ChainUse,
    codec::List,
    contract::Strategy,
    id::{LineId, ProviderId, ReceiptRoot},
    params::Params,
    receipt::ContractStatus,
    reputation::Reputation,
    settlement::{Leaf, LeafSeat, Settlement},
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Score, Slot},
};

use crate::{
    contract::line_between,
    world::{CHAIN_LENGTH, World, credits, element, public, registration, secret, served, settle},
};

pub struct Market {
    pub world: World,
    lines: BTreeMap<(String, String), (LineId, u32)>,
    slots: BTreeMap<String, u64>,
}

/// Some leaves: by whom they are asked and who is seated with which score in basis points.
pub type Asked<'a> = (&'a str, Vec<(ProviderId, u64)>);

impl Market {
    /// With experts 0..count in physics, and coordinators of these names who can settle.
    pub fn new(params: Params, experts: u32, coordinators: &[&str]) -> Self {
        let mut world = World::with(params);
        for number in 0..experts {
            let outcome = world.register(registration(number, &["physics"]));
            assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        }
        let anchored = |world: &World, name: &str| query::coordinator(&world.state, &public(name));
        for name in coordinators {
            if anchored(&world, name).is_none() {
                let anchor = Instruction::Anchor {
                    purpose: ChainUse::Slots,
                    tip: chain_element(&secret(name), CHAIN_LENGTH, 0),
                    length: CHAIN_LENGTH,
                };
                let outcome = world.run(name, anchor);
                assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
            }
        }
        let next = world.epoch().0 + 1;
        world.go_to_epoch(next);
        Self {
            world,
            lines: BTreeMap::new(),
            slots: BTreeMap::new(),
        }
    }

    /// The line of a requester with a coordinator, opened if need be.
    pub fn line(&mut self, requester: &str, coordinator: &str) -> LineId {
        let name = (requester.to_owned(), coordinator.to_owned());
        if let Some((line, _)) = self.lines.get(&name) {
            return *line;
        }
        let expires = Epoch(self.world.epoch().0 + u64::from(self.world.params.line_epochs_max));
        let line = line_between(&mut self.world, requester, coordinator, credits(5), expires);
        self.lines.insert(name, (line, 0));
        line
    }

    /// A concluded contract about physics of the last height, whoever the order names.
    pub fn leaf(
        &mut self,
        coordinator: &str,
        requester: &str,
        seats: &[(ProviderId, u64)],
    ) -> Leaf {
        self.line(requester, coordinator);
        let name = (requester.to_owned(), coordinator.to_owned());
        let (line, n) = self.lines.get_mut(&name).unwrap();
        *n += 1;
        let seats: Vec<_> = (0_u8..)
            .zip(seats)
            .map(|(rank, (provider, score))| LeafSeat {
                score: Score::clamped(*score),
                ..served(*provider, rank)
            })
            .collect();
        let pay = Amount::sum(seats.iter().map(|seat| seat.pay)).unwrap();
        let charges = charges(&self.world.params, pay, Amount(500)).unwrap();
        Leaf {
            line: *line,
            n: *n,
            height: self.world.height,
            domains: List::truncated([(self.world.domain("physics"), Score::ONE)]),
            strategy: Strategy::Vote,
            status: ContractStatus::Concluded,
            filtered: false,
            charge: charges.total,
            fee: charges.fee,
            receipt: ReceiptRoot([7; 32]),
            seats: List::truncated(seats),
        }
    }

    /// A coordinator settles contracts, and so many void ones behind them.
    pub fn settle(&mut self, coordinator: &str, asked: &[Asked<'_>], voids: usize) {
        for (requester, _) in asked {
            self.line(requester, coordinator);
        }
        let mut leaves: Vec<_> = asked
            .iter()
            .map(|(requester, seats)| self.leaf(coordinator, requester, seats))
            .collect();
        let height = self.world.height;
        leaves.extend((0..voids).map(|_| Leaf {
            line: LineId(0),
            n: 0,
            height,
            domains: List::new(),
            strategy: Strategy::Vote,
            status: ContractStatus::Void,
            filtered: false,
            charge: Amount::ZERO,
            fee: Amount::ZERO,
            receipt: ReceiptRoot([0; 32]),
            seats: List::new(),
        }));
        let requesters = asked.iter().map(|(requester, _)| *requester).collect();
        self.settle_leaves(coordinator, requesters, leaves);
    }

    /// A coordinator settles these leaves, of these requesters.
    pub fn settle_leaves(
        &mut self,
        coordinator: &str,
        requesters: BTreeSet<&str>,
        leaves: Vec<Leaf>,
    ) {
        let slot = self.slots.entry(coordinator.to_owned()).or_default();
        let first_slot = Slot(*slot);
        *slot += u64::try_from(leaves.len()).unwrap();
        let opening = element(coordinator, *slot - 1);
        let mut vouchers: Vec<_> = requesters
            .into_iter()
            .map(|requester| {
                let (line, n) = self.lines[&(requester.to_owned(), coordinator.to_owned())];
                self.world.voucher(requester, line, n, credits(5))
            })
            .collect();
        vouchers.sort_by_key(|voucher| voucher.body.line);
        let settlement = Settlement {
            first_slot,
            opening,
            leaves: List::from_vec(leaves).unwrap(),
            vouchers: List::from_vec(vouchers).unwrap(),
            line_oks: List::new(),
        };
        let outcome = self.world.run(coordinator, settle(settlement));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    }

    /// A requester rates one provider by so many contracts: a unit of evidence each.
    pub fn rate(
        &mut self,
        coordinator: &str,
        requester: &str,
        provider: ProviderId,
        score: u64,
        times: usize,
    ) {
        let asked: Vec<Asked<'_>> = vec![(requester, vec![(provider, score)]); times];
        self.settle(coordinator, &asked, 0);
    }

    pub fn reputation(&self, provider: ProviderId) -> Reputation {
        let physics = self.world.domain("physics");
        query::reputation(&self.world.state, provider, physics)
    }

    /// Evidence for and against, in thousandths of a unit.
    pub fn evidence(&self, provider: ProviderId) -> (u64, u64) {
        let reputation = self.reputation(provider);
        (reputation.positive / 1_000, reputation.negative / 1_000)
    }

    pub fn mean(&self, provider: ProviderId) -> u16 {
        self.reputation(provider)
            .mean(&self.world.params.prior)
            .get()
    }

    pub fn next_epoch(&mut self) {
        let next = self.world.epoch().0 + 1;
        self.world.go_to_epoch(next);
    }
}
