//! Settlements: what is drawn, paid, held and said of seats (SET, LIN-3, LIN-4, ANC-3).

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{
    codec::encode,
    id::{Digest, LineId, ProviderId},
    merkle,
    message::LineOk,
    receipt::{ContractStatus, SeatOutcome},
    settlement::{CoSignature, Leaf, Settlement},
    signature::{PublicKey, Signed},
};

use crate::{
    Oracle, Promise, Refusal,
    mismatch::require,
    money::{money, share},
};

/// SET-9: a settlement names so many providers at most.
const PROVIDERS_MAX: usize = 256;
/// CON-8: ranks are below twice the most seats.
const RANKS: u8 = 14;

/// A coordinator's slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coordinator {
    /// The next slot to settle.
    pub next_slot: u64,
    /// The height of selection of the last settled slot.
    pub height: u64,
}

/// Pay that is not free yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who earned it.
    pub provider: ProviderId,
    /// Who will be paid.
    pub operator: PublicKey,
    /// How much.
    pub amount: u128,
}

/// A settlement, released or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Whose.
    pub coordinator: PublicKey,
    /// All of it.
    pub settlement: Settlement,
    /// The root over its leaves.
    pub root: Digest,
    /// The epoch of its contracts.
    pub epoch: u64,
    /// Pay not co-signed yet, by provider.
    pub held: Vec<Held>,
    /// Whether its windows are closed.
    pub released: bool,
}

impl Oracle {
    pub(crate) fn settle(
        &mut self,
        signer: &PublicKey,
        settlement: &Settlement,
    ) -> Result<(), Refusal> {
        let leaves = &settlement.leaves;
        require(!leaves.is_empty(), "SET-2: no leaves")?;
        self.require_coordinator_bond(signer)?;
        require(
            self.slot_chains.contains_key(signer),
            "ANC-1: no hash chain",
        )?;
        let so_far = self.coordinators.get(signer).cloned().unwrap_or_default();
        require(
            settlement.first_slot.0 == so_far.next_slot,
            "SET-2: slots without a gap",
        )?;
        let epoch = self.check_heights(so_far.height, leaves)?;
        let count = u32::try_from(leaves.len()).expect("it is at most 256");
        require(
            self.slot_chains
                .get_mut(signer)
                .is_some_and(|chains| chains.open(epoch, count, settlement.opening)),
            "ANC-3: the opening",
        )?;
        let named = leaves.iter().flat_map(|leaf| leaf.seats.iter());
        let named: BTreeSet<ProviderId> = named.map(|seat| seat.provider).collect();
        require(named.len() <= PROVIDERS_MAX, "SET-9: too many providers")?;

        let mut drawn: BTreeMap<LineId, (u32, u128)> = BTreeMap::new();
        for leaf in leaves {
            self.check_leaf(leaf)?;
            if leaf.status != ContractStatus::Void {
                self.check_order(signer, leaf, epoch)?;
                self.draw(leaf);
                let line = drawn.entry(leaf.line).or_default();
                *line = (leaf.n, line.1 + money(leaf.charge));
            }
        }
        self.check_vouchers(settlement, &drawn)?;
        let quick = self.check_line_oks(settlement)?;
        let held = self.pay_seats(leaves, &quick);
        for leaf in leaves {
            if leaf.status != ContractStatus::Void {
                let seats: u128 = leaf.seats.iter().map(|seat| money(seat.pay)).sum();
                self.give(signer, money(leaf.charge) - money(leaf.fee) - seats);
            }
        }
        self.witness(signer, leaves);
        // SET-5: all fees together are halved.
        self.split_fee(leaves.iter().map(|leaf| money(leaf.fee)).sum());
        let last = leaves.last().expect("there is one");
        self.coordinators.insert(
            *signer,
            Coordinator {
                next_slot: so_far.next_slot + u64::from(count),
                height: last.height.0,
            },
        );
        self.settled.push(Settled {
            coordinator: *signer,
            settlement: settlement.clone(),
            root: merkle::root(leaves.iter().map(encode)),
            epoch,
            held,
            released: false,
        });
        let place = self.settled.len() - 1;
        self.promise(epoch + 4, Promise::Settlement(place));
        Ok(())
    }

    /// SEL-1, SEL-8, SET-9, WIN-1: heights never go down, are of one epoch, and are not too old.
    fn check_heights(&self, mut height: u64, leaves: &[Leaf]) -> Result<u64, Refusal> {
        let epoch = self.epoch_of(leaves[0].height.0);
        for leaf in leaves {
            require(leaf.height.0 >= height, "SEL-1: the height goes down")?;
            require(
                leaf.height.0 < self.height,
                "SEL-1: the height is not final",
            )?;
            height = leaf.height.0;
            require(self.epoch_of(height) == epoch, "SET-9: epochs differ")?;
            require(epoch + 1 >= self.epoch(), "SEL-8, WIN-1: too late")?;
        }
        Ok(epoch)
    }

    /// What a leaf must be by itself (SET-3, SET-8, CON-8, CON-9).
    fn check_leaf(&self, leaf: &Leaf) -> Result<(), Refusal> {
        if leaf.status == ContractStatus::Void {
            return require(
                leaf.n == 0 && leaf.charge.0 == 0 && leaf.fee.0 == 0 && leaf.seats.is_empty(),
                "SET-8: a void leaf is empty",
            );
        }
        let ids: BTreeSet<_> = leaf.domains.iter().map(|(id, _)| id).collect();
        let confidence: u32 = leaf.domains.iter().map(|(_, it)| u32::from(it.get())).sum();
        require(
            !ids.is_empty() && ids.len() == leaf.domains.len() && confidence <= 10_000,
            "SEL-1: up to two domains with confidence",
        )?;
        require(
            ids.iter().all(|id| usize::from(id.0) < self.domains.len()),
            "SET-1: an unknown domain",
        )?;
        require(!leaf.seats.is_empty(), "SET-8: nobody is seated")?;
        let ranks = leaf
            .seats
            .windows(2)
            .all(|pair| pair[0].rank < pair[1].rank);
        let providers: BTreeSet<_> = leaf.seats.iter().map(|seat| seat.provider).collect();
        require(
            ranks
                && providers.len() == leaf.seats.len()
                && leaf.seats.iter().all(|seat| seat.rank < RANKS),
            "CON-8: seats in order, none twice",
        )?;
        let mut seats = 0;
        for seat in &leaf.seats {
            let known = self
                .provider(seat.provider)
                .is_some_and(|provider| provider.stood_at(leaf.height.0));
            require(known, "SET-1: an unknown provider")?;
            require(
                seat.outcome == SeatOutcome::Served || (seat.pay.0 == 0 && seat.score.get() == 0),
                "SET-3: only who served is paid or scored",
            )?;
            seats += money(seat.pay);
        }
        let (charge, fee) = (money(leaf.charge), money(leaf.fee));
        require(charge >= fee + seats, "SET-3: the charge")?;
        let earned = charge - fee;
        require(
            fee == share(
                earned,
                self.params_of(self.epoch_of(leaf.height.0))
                    .network_fee
                    .get(),
            ),
            "SET-3: the fee",
        )?;
        require(
            leaf.status == ContractStatus::Concluded || earned == seats,
            "CON-9: a failed contract pays seats alone",
        )
    }

    /// LIN-1, LIN-2, LIN-4: the order follows on a line to this coordinator that pays for the epoch.
    fn check_order(&self, coordinator: &PublicKey, leaf: &Leaf, epoch: u64) -> Result<(), Refusal> {
        let line = usize::try_from(leaf.line.0)
            .ok()
            .and_then(|place| self.lines.get(place))
            .filter(|line| !line.released && line.coordinator == *coordinator)
            .ok_or_else(|| Refusal("LIN-1: no line to this coordinator".to_owned()))?;
        require(line.ends >= epoch, "LIN-2: the line had ended")?;
        require(leaf.n > line.n, "LIN-4: the order was settled")
    }

    fn draw(&mut self, leaf: &Leaf) {
        let line = &mut self.lines[usize::try_from(leaf.line.0).expect("it was found")];
        line.n = leaf.n;
        line.drawn += money(leaf.charge);
    }

    /// LIN-3: a voucher for each line drawn on, and no other.
    fn check_vouchers(
        &self,
        settlement: &Settlement,
        drawn: &BTreeMap<LineId, (u32, u128)>,
    ) -> Result<(), Refusal> {
        let given: Vec<LineId> = settlement.vouchers.iter().map(|it| it.body.line).collect();
        let wanted: Vec<LineId> = drawn.keys().copied().collect();
        require(given == wanted, "LIN-3: a voucher for each line")?;
        for voucher in &settlement.vouchers {
            let line = &self.lines[usize::try_from(voucher.body.line.0).expect("it was found")];
            let (n, _) = drawn[&voucher.body.line];
            require(voucher.body.n == n, "LIN-3: the highest order's voucher")?;
            require(
                line.drawn <= money(voucher.body.limit) && line.drawn <= line.locked,
                "LIN-3: more than voucher and line cover",
            )?;
            require(
                voucher.verify(&self.network, &line.requester).is_ok(),
                "LIN-3: the requester signs",
            )?;
        }
        Ok(())
    }

    /// SET-6: who co-signed with the settlement.
    fn check_line_oks(&self, settlement: &Settlement) -> Result<BTreeSet<ProviderId>, Refusal> {
        let given: Vec<ProviderId> = settlement.line_oks.iter().map(|(id, _)| *id).collect();
        require(
            given.windows(2).all(|pair| pair[0] < pair[1]),
            "SET-6: co-signatures in order",
        )?;
        for (id, line_ok) in &settlement.line_oks {
            self.check_line_ok(settlement, *id, line_ok)?;
        }
        Ok(given.into_iter().collect())
    }

    fn check_line_ok(
        &self,
        settlement: &Settlement,
        id: ProviderId,
        line_ok: &Signed<LineOk>,
    ) -> Result<(), Refusal> {
        let mut seats = settlement.leaves.iter().flat_map(|leaf| leaf.seats.iter());
        require(
            seats.any(|seat| seat.provider == id),
            "SET-6: the leaves do not name it",
        )?;
        require(
            settlement.line_ok(id).as_ref() == Some(&line_ok.body),
            "SET-6: the leaves say otherwise",
        )?;
        let epoch = self.epoch_of(settlement.leaves[0].height.0);
        self.check_seat_signed(epoch, id, line_ok)
    }

    /// By any key that it had since an epoch began.
    fn check_seat_signed(
        &self,
        epoch: u64,
        id: ProviderId,
        line_ok: &Signed<LineOk>,
    ) -> Result<(), Refusal> {
        let provider = self.provider(id).expect("leaves name only known ones");
        let first = epoch * u64::from(self.params.epoch_blocks);
        let mut keys = provider.keys_since(first).into_iter();
        let signed = keys.any(|key| line_ok.verify(&self.network, &key).is_ok());
        require(signed, "SET-6: the seat signs")
    }

    /// SET-6: pays who co-signed; what it gives back is held.
    fn pay_seats(&mut self, leaves: &[Leaf], quick: &BTreeSet<ProviderId>) -> Vec<Held> {
        let mut pay: BTreeMap<ProviderId, u128> = BTreeMap::new();
        for seat in leaves.iter().flat_map(|leaf| leaf.seats.iter()) {
            *pay.entry(seat.provider).or_default() += money(seat.pay);
        }
        let mut held = Vec::new();
        for (provider, amount) in pay {
            let operator = self.provider(provider).expect("it is known").operator();
            if quick.contains(&provider) {
                self.give(&operator, amount);
            } else if amount > 0 {
                held.push(Held {
                    provider,
                    operator,
                    amount,
                });
            }
        }
        held
    }

    /// SET-6: seats agree later, each to one settlement.
    pub(crate) fn co_sign(&mut self, all: &[CoSignature]) -> Result<(), Refusal> {
        require(!all.is_empty(), "SET-6: nobody agrees")?;
        for one in all {
            let place = self
                .settled
                .iter()
                .position(|settled| {
                    !settled.released
                        && settled.coordinator == one.coordinator
                        && settled.settlement.first_slot == one.first_slot
                })
                .ok_or_else(|| Refusal("SET-6: no such settlement".to_owned()))?;
            let settled = &self.settled[place];
            let held = settled
                .held
                .iter()
                .position(|held| held.provider == one.provider)
                .ok_or_else(|| Refusal("SET-6: nothing is held for it".to_owned()))?;
            // The ledger keeps no leaves: the root and the pay say which.
            let said = &one.line_ok.body;
            require(
                said.settlement == settled.root && money(said.total) == settled.held[held].amount,
                "SET-6: the settlement says otherwise",
            )?;
            self.check_seat_signed(settled.epoch, one.provider, &one.line_ok)?;
            let Held {
                operator, amount, ..
            } = self.settled[place].held.remove(held);
            self.give(&operator, amount);
        }
        Ok(())
    }

    /// WIN-1, SET-6: with the fourth epoch after that of its contracts, a settlement is over.
    pub(crate) fn release_settlement(&mut self, place: usize) {
        let settled = &mut self.settled[place];
        settled.released = true;
        for held in std::mem::take(&mut settled.held) {
            self.give(&held.operator, held.amount);
        }
    }
}
