//! The ledger's state, held to the oracle's after every block.

use llmnet_ledger::{Genesis, State, query};
use llmnet_oracle::{Beginning, FirstValidator, Mismatch, Oracle};
use llmnet_types::{
    id::{DomainId, LineId, ProviderId},
    units::{Epoch, Height, Slot},
};

/// A genesis in the oracle's words.
pub fn beginning(genesis: &Genesis) -> Beginning {
    let accounts = genesis.accounts.iter();
    let anchors = genesis.anchors.iter();
    let validators = genesis.validators.iter().map(|validator| FirstValidator {
        node: validator.node,
        operator: validator.operator,
        bond: validator.bond.0,
        address: validator.address.to_string(),
        beacon: validator.beacon,
    });
    Beginning {
        network: genesis.id(),
        params: genesis.params.clone(),
        beacon: genesis.beacon,
        accounts: accounts.map(|(owner, it)| (*owner, it.0)).collect(),
        anchors: anchors
            .map(|anchor| (anchor.coordinator, anchor.tip, anchor.length))
            .collect(),
        validators: validators.collect(),
    }
}

/// Whether all that the rules speak of is the same.
///
/// # Errors
/// The first difference.
pub fn compare(oracle: &Oracle, state: &dyn State) -> Result<(), Mismatch> {
    Comparison { oracle, state }.all()
}

struct Comparison<'a> {
    oracle: &'a Oracle,
    state: &'a dyn State,
}

fn wide(amount: llmnet_types::units::Amount) -> u128 {
    amount.0.into()
}

impl Comparison<'_> {
    fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        rule: &'static str,
        what: &dyn std::fmt::Display,
        ledger: T,
        oracle: T,
    ) -> Result<(), Mismatch> {
        if ledger == oracle {
            return Ok(());
        }
        Err(Mismatch {
            height: self.oracle.height,
            rule,
            what: what.to_string(),
            ledger: format!("{ledger:?}"),
            oracle: format!("{oracle:?}"),
        })
    }

    fn all(&self) -> Result<(), Mismatch> {
        self.clock()?;
        self.offices()?;
        self.bonds()?;
        self.lines()?;
        self.settlements()?;
        self.accounts()?;
        self.totals()?;
        self.registry()?;
        self.chains()?;
        self.reputations()
    }

    fn clock(&self) -> Result<(), Mismatch> {
        let clock = query::clock(self.state);
        let oracle = self.oracle;
        self.same("BLK", &"height", clock.height.0, oracle.height)?;
        self.same("EPO-1", &"epoch", clock.epoch.0, oracle.epoch())?;
        let all = &oracle.beacons;
        let ago = |age: usize| all[(all.len() - 1).saturating_sub(age)];
        self.same("EPO-2", &"beacons", clock.beacons, [0, 1, 2, 3].map(ago))?;
        self.same("EPO-2", &"mix", clock.mix, oracle.mix)
    }

    fn offices(&self) -> Result<(), Mismatch> {
        let (params, office) = (query::params(self.state), query::office(self.state));
        self.same("VOT-1", &"parameters", &params, &self.oracle.params)?;
        let ours = &self.oracle.office;
        let ours = (ours.term, ours.committee.clone());
        let office = office.map(|office| (office.term.0, office.committee));
        self.same("COM-1", &"the committee", office, Some(ours))
    }

    fn accounts(&self) -> Result<(), Mismatch> {
        for (owner, ours) in &self.oracle.accounts {
            let account = query::account(self.state, owner);
            let what = format!("the account {}", owner.short());
            self.same("TXN-3", &what, account.nonce, ours.nonce)?;
            self.same("TXN-4", &what, wide(account.balance), ours.balance)?;
        }
        Ok(())
    }

    fn totals(&self) -> Result<(), Mismatch> {
        let (totals, ours) = (query::totals(self.state), self.oracle.totals());
        let parts = [
            ("burnt", totals.burnt, ours.burnt),
            ("the pool", totals.pool, ours.pool),
            ("lines", totals.lines, ours.lines),
            ("bonds", totals.bonds, ours.bonds),
            ("held pay", totals.held, ours.held),
            ("deposits", totals.deposits, ours.deposits),
            ("balances", totals.accounts, ours.accounts),
        ];
        for (what, ledger, oracle) in parts {
            self.same("TXN-4", &what, wide(ledger), oracle)?;
        }
        let sum = parts.iter().map(|(_, _, oracle)| oracle).sum();
        self.same("TXN-4", &"the supply", wide(totals.supply), sum)
    }

    fn lines(&self) -> Result<(), Mismatch> {
        let counted = usize::try_from(query::counters(self.state).line.0).unwrap();
        self.same("LIN-1", &"lines ever", counted, self.oracle.lines.len())?;
        for (number, ours) in (0..).zip(&self.oracle.lines) {
            let line = query::line(self.state, LineId(number)).map(|line| {
                (
                    (line.requester, line.coordinator, line.n),
                    (wide(line.locked), wide(line.drawn)),
                    (line.ends.0, line.closed),
                )
            });
            let ours = (!ours.released).then_some((
                (ours.requester, ours.coordinator, ours.n),
                (ours.locked, ours.drawn),
                (ours.ends, ours.closed),
            ));
            self.same("LIN", &format_args!("line {number}"), line, ours)?;
        }
        Ok(())
    }

    fn bonds(&self) -> Result<(), Mismatch> {
        for (node, role) in self.oracle.bonds_ever() {
            let ours = self.oracle.bonds.get(&(node, role)).map(|bond| {
                let leaving: Vec<_> = bond.leaving.iter().map(|(at, it)| (*at, *it)).collect();
                (
                    (bond.operator, bond.enlisted, bond.since),
                    (bond.standing, leaving),
                    bond.address.clone(),
                )
            });
            let bond = query::bond(self.state, &node, role).map(|bond| {
                let leaving = bond.leaving.iter().map(|(at, it)| (at.0, wide(*it)));
                let leaving = leaving.collect();
                let since = bond.since.map(|since| since.0);
                (
                    (bond.operator, bond.enlisted, since),
                    (wide(bond.standing), leaving),
                    bond.address.to_string(),
                )
            });
            let what = format!("the bond of {} as {role}", node.short());
            self.same("BND", &what, bond, ours)?;
        }
        let listed = query::listed_coordinators(self.state).into_iter();
        let listed: Vec<_> = listed
            .map(|one| (one.node, one.address.to_string(), wide(one.bond)))
            .collect();
        self.same(
            "BND-6",
            &"listed coordinators",
            listed,
            self.oracle.listed(),
        )
    }

    fn settlements(&self) -> Result<(), Mismatch> {
        for ours in &self.oracle.settled {
            let first_slot = ours.settlement.first_slot;
            let what = format!("slots of {} from {first_slot}", ours.coordinator.short());
            let settled = query::settlement(self.state, &ours.coordinator, first_slot);
            let settled = settled.map(|settled| {
                let held = settled.held.iter();
                let held: Vec<_> = held
                    .map(|held| (held.provider, held.operator, wide(held.amount)))
                    .collect();
                (settled.root, settled.epoch.0, held)
            });
            let held = ours.held.iter();
            let held = held
                .map(|held| (held.provider, held.operator, held.amount))
                .collect();
            let ours = (!ours.released).then_some((ours.root, ours.epoch, held));
            self.same("SET-6", &what, settled, ours)?;
        }
        for (coordinator, ours) in &self.oracle.coordinators {
            let record = query::coordinator(self.state, coordinator).unwrap_or_default();
            let what = format!("the slots of {}", coordinator.short());
            let ours = (Slot(ours.next_slot), Height(ours.height));
            self.same("SET-2", &what, (record.next_slot, record.height), ours)?;
        }
        Ok(())
    }

    fn registry(&self) -> Result<(), Mismatch> {
        let counters = query::counters(self.state);
        let oracle = self.oracle;
        let providers = usize::try_from(counters.provider.0).unwrap();
        self.same("REG-1", &"providers", providers, oracle.providers.len())?;
        let domains = usize::from(counters.domain.0);
        self.same("REG-3", &"domains", domains, oracle.domains.len())?;
        for (number, name) in (0..).zip(&oracle.domains) {
            let entry = query::domain(self.state, DomainId(number));
            let entry = entry.map(|entry| (entry.name, entry.providers.into_vec()));
            let listed = oracle.domain_providers(DomainId(number));
            let ours = name.clone().map(|name| (name, listed));
            self.same("REG-3", &format_args!("domain {number}"), entry, ours)?;
        }
        for (number, ours) in (0..).zip(&oracle.providers) {
            let what = format!("provider {number}");
            let provider = query::provider(self.state, ProviderId(number)).unwrap();
            let height = Height(oracle.height);
            let stand = (provider.registered_at.0, provider.retired_at.map(|at| at.0));
            let our_stand = (ours.registered_at, ours.retired_at);
            self.same("REG-7", &what, stand, our_stand)?;
            self.same(
                "REG-1",
                &what,
                provider.domains.to_vec(),
                ours.domains.clone(),
            )?;
            let now = provider.at(height);
            let now = now.map(|now| (now.registration.clone(), now.adapter));
            let ours_now = ours.at(oracle.height);
            let ours_now = (ours_now.registration.clone(), ours_now.adapter);
            self.same("REG-8", &what, now, Some(ours_now))?;
            let (newest, ours) = (provider.newest(), ours.newest());
            let newest = (&newest.registration, newest.adapter);
            self.same("REG-5", &what, newest, (&ours.registration, ours.adapter))?;
        }
        Ok(())
    }

    fn chains(&self) -> Result<(), Mismatch> {
        let epoch = self.oracle.epoch();
        let slots = self.oracle.slot_chains.iter().map(|(node, ours)| {
            let record = query::coordinator(self.state, node).unwrap_or_default();
            // Heights of selection never go down, and are of the last epochs.
            let oldest = self.oracle.epoch_of(record.height.0);
            let oldest = oldest.max(epoch.saturating_sub(3));
            (node, record.chains, ours, oldest)
        });
        let beacons = self.oracle.beacon_chains.iter().map(|(node, ours)| {
            let chains = query::beacon_chains(self.state, node);
            (node, chains, ours, epoch)
        });
        for (node, chains, ours, oldest) in slots.chain(beacons) {
            let what = format!("the hash chains of {}", node.short());
            // What may still be opened: of contracts that can still be settled, and of the next epoch.
            for epoch in oldest..=epoch + 1 {
                let chain = chains.of(Epoch(epoch));
                let chain = chain.map(|chain| (chain.from.0, chain.position, chain.left));
                let our_chain = ours.of(epoch);
                let our_chain = our_chain.map(|chain| (chain.from, chain.position, chain.left));
                self.same("ANC-2", &what, chain, our_chain)?;
            }
            let anchored = chains.anchored.map(|epoch| epoch.0);
            self.same("ANC-2", &what, anchored, ours.anchored)?;
        }
        Ok(())
    }

    fn reputations(&self) -> Result<(), Mismatch> {
        for (number, ours) in (0..).zip(&self.oracle.providers) {
            let provider = ProviderId(number);
            for domain in &ours.domains {
                let profile = query::profile(self.state, provider, *domain);
                let what = format!("provider {number} in domain {domain}");
                let ours = self.oracle.reputation(provider, *domain);
                self.same("REP", &what, profile.reputation, ours.reputation)?;
                self.same("AUD-5", &what, profile.counted, ours.counted)?;
                self.same("AUD-4", &what, profile.ceiling, ours.ceiling)?;
                let audited = (profile.audited.mean, profile.audited.deviation);
                self.same("AUD-6", &what, audited, ours.audited)?;
                // As selections see it, back to the oldest height that they are recomputed at.
                let oldest = self.oracle.epoch().saturating_sub(3);
                let oldest = oldest * u64::from(self.oracle.params.epoch_blocks);
                let span = self.oracle.height - oldest;
                let height = oldest + self.oracle.height * 7 % (span + 1);
                let what = format!("{what} at {height}");
                let seen = query::profile_at(self.state, provider, *domain, Height(height));
                let seen = seen.map(|seen| (seen.reputation, seen.counted, seen.ceiling));
                let ours = self.oracle.reputation_at(provider, *domain, height);
                let ours = (ours.reputation, ours.counted, ours.ceiling);
                self.same("SEL-1", &what, seen, Some(ours))?;
            }
        }
        Ok(())
    }
}
