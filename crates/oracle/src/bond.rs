//! Money that stands for a node in a role (BND).

use std::collections::BTreeMap;

use llmnet_types::{
    bond::{Enlistment, Role},
    signature::{PublicKey, Signed},
};

use crate::{Oracle, Promise, Provider, Refusal, What, mismatch::require, money::money};

/// BND-3: what leaves is free so many epochs later.
const UNBOND_EPOCHS: u64 = 6;
/// BND-6: so many coordinators are listed.
const LISTED_MAX: usize = 256;

/// A bond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// Who posted it and is paid.
    pub operator: PublicKey,
    /// What stands.
    pub standing: u128,
    /// What leaves, by the epoch in which it is free.
    pub leaving: BTreeMap<u64, u128>,
    /// Whether the node has the role.
    pub enlisted: bool,
    /// Of a validator that enlisted, in which epoch it did.
    pub since: Option<u64>,
    /// Where a coordinator or validator said that it is reached.
    pub address: String,
}

impl Bond {
    /// All that an offence can cost.
    pub fn total(&self) -> u128 {
        self.standing + self.leaving.values().sum::<u128>()
    }
}

/// BND-1: a host and a port. A host is a name of labels, or an IPv6 address in brackets.
fn leads_somewhere(address: &str) -> bool {
    if let Some(inside) = address.strip_prefix('[') {
        return inside.split_once("]:").is_some_and(|(host, port)| {
            host.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port)
        });
    }
    let Some((host, port)) = address.split_once(':') else {
        return false;
    };
    let label = |label: &str| {
        let letters: Vec<char> = label.chars().collect();
        let inner = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '-';
        (1..64).contains(&letters.len())
            && letters.iter().all(inner)
            && letters[0] != '-'
            && letters[letters.len() - 1] != '-'
    };
    host.split('.').all(label) && is_port(port)
}

/// The number as one would write it.
fn is_port(text: &str) -> bool {
    let port = text.parse::<u16>();
    port.is_ok_and(|port| port > 0 && port.to_string() == text)
}

impl Oracle {
    /// Whose bonds there might be: of all that ever had one.
    pub fn bonds_ever(&self) -> Vec<(PublicKey, Role)> {
        self.bonds.keys().copied().collect()
    }

    /// The least bond of a role that is joined by an enlistment.
    pub(crate) fn role_min(&self, role: Role) -> u128 {
        money(match role {
            Role::Respondent => self.params.bond_min,
            Role::Coordinator => self.params.coordinator_bond_min,
            Role::Validator => self.params.validator_bond_min,
            Role::Auditor => self.params.auditor_bond_min,
        })
    }

    /// What a role needs of a bond (BND-2).
    pub(crate) fn needed(&self, node: &PublicKey, role: Role) -> u128 {
        let enlisted = self
            .bonds
            .get(&(*node, role))
            .is_some_and(|bond| bond.enlisted);
        match role {
            Role::Respondent => self.registered_bond(node),
            _ if enlisted => self.role_min(role),
            _ => 0,
        }
    }

    /// BND-3: so much of a bond leaves.
    pub(crate) fn leave(&mut self, node: &PublicKey, role: Role, amount: u128) {
        let free = self.free_at(node, role);
        let bond = self.bonds.get_mut(&(*node, role));
        let Some(bond) = bond.filter(|_| amount > 0) else {
            return;
        };
        bond.standing -= amount;
        let first = !bond.leaving.contains_key(&free);
        *bond.leaving.entry(free).or_default() += amount;
        if first {
            self.promise(free, Promise::Bond(*node, role));
        }
    }

    /// BND-3: when what leaves now is free.
    fn free_at(&self, node: &PublicKey, role: Role) -> u64 {
        let in_office = role == Role::Validator && self.office.committee.keys().contains(node);
        let term_ends = (self.office.term + 1) * u64::from(self.params.term_epochs) - 1;
        let from = if in_office { term_ends } else { self.epoch() };
        from + UNBOND_EPOCHS
    }

    pub(crate) fn own_bond(
        &mut self,
        operator: &PublicKey,
        node: &PublicKey,
        role: Role,
    ) -> Result<&mut Bond, Refusal> {
        self.bonds
            .get_mut(&(*node, role))
            .filter(|bond| bond.operator == *operator)
            .ok_or_else(|| Refusal("BND-2: no bond of the signer's".to_owned()))
    }

    pub(crate) fn post(
        &mut self,
        operator: &PublicKey,
        node: &PublicKey,
        role: Role,
        amount: u128,
    ) -> Result<(), Refusal> {
        self.take(operator, amount)?;
        let bond = self.bonds.entry((*node, role)).or_insert(Bond {
            operator: *operator,
            standing: 0,
            leaving: BTreeMap::new(),
            enlisted: true,
            since: None,
            address: String::new(),
        });
        require(
            bond.operator == *operator,
            "BND-1: the bond is another operator's",
        )?;
        bond.standing += amount;
        bond.enlisted = true;
        Ok(())
    }

    pub(crate) fn enlist(
        &mut self,
        signer: &PublicKey,
        signed: &Signed<Enlistment>,
    ) -> Result<(), Refusal> {
        let enlistment = &signed.body;
        let (node, role) = (enlistment.node, enlistment.role);
        require(role != Role::Respondent, "BND-1: respondents register")?;
        require(enlistment.operator == *signer, "BND-1: the operator signs")?;
        require(
            enlistment.until.0 >= self.epoch(),
            "BND-1: the consent is too old",
        )?;
        let address = enlistment.address.as_str();
        require(
            address.is_empty() || leads_somewhere(address),
            "BND-1: the address is host:port",
        )?;
        require(
            signed.verify(&self.network, &node).is_ok(),
            "BND-1: the node signs",
        )?;
        let amount = money(enlistment.bond);
        let bond = self.bonds.get_mut(&(node, role));
        if let Some(bond) = bond.filter(|bond| bond.enlisted) {
            require(
                amount == 0 && role != Role::Auditor,
                "BND-1: the node has the role",
            )?;
            require(
                bond.operator == *signer,
                "BND-7: the bond is another operator's",
            )?;
            address.clone_into(&mut bond.address);
            self.list(&node, role);
            return Ok(());
        }
        require(
            amount >= self.role_min(role),
            "BND-1: the role's least bond",
        )?;
        self.post(signer, &node, role, amount)?;
        let epoch = self.epoch();
        if let Some(bond) = self.bonds.get_mut(&(node, role)) {
            bond.since = (role == Role::Validator).then_some(epoch);
            if role != Role::Auditor {
                address.clone_into(&mut bond.address);
            }
        }
        self.list(&node, role);
        Ok(())
    }

    /// BND-6: whom respondents find, with where and with which bond.
    pub fn listed(&self) -> Vec<(PublicKey, String, u128)> {
        let mut found = Vec::new();
        for node in &self.listed {
            let bond = &self.bonds[&(*node, Role::Coordinator)];
            if bond.standing >= self.role_min(Role::Coordinator) {
                found.push((*node, bond.address.clone(), bond.standing));
            }
        }
        found
    }

    /// BND-6: a coordinator is listed if it names an address and there is room, or somebody has to make it.
    fn list(&mut self, node: &PublicKey, role: Role) {
        if role != Role::Coordinator {
            return;
        }
        let bond_of = |node: &PublicKey| &self.bonds[&(*node, Role::Coordinator)];
        if bond_of(node).address.is_empty() {
            self.listed.retain(|listed| listed != node);
            return;
        }
        if self.listed.contains(node) {
            return;
        }
        let mut listed = self.listed.clone();
        listed.push(*node);
        if listed.len() > LISTED_MAX {
            // Who was there is better than who comes with as much, and of those a larger key than a smaller.
            let rank = |one: &PublicKey| (bond_of(one).standing, one != node, *one);
            let worst = listed.iter().min_by_key(|one| rank(one));
            let worst = *worst.expect("there are many");
            listed.retain(|one| *one != worst);
        }
        self.listed = listed;
    }

    pub(crate) fn delist(
        &mut self,
        signer: &PublicKey,
        node: &PublicKey,
        role: Role,
    ) -> Result<(), Refusal> {
        require(role != Role::Respondent, "BND-3: respondents retire")?;
        let bond = self.own_bond(signer, node, role)?;
        require(bond.enlisted, "BND-3: the node has not the role")?;
        bond.enlisted = false;
        let standing = bond.standing;
        if role == Role::Coordinator {
            self.listed.retain(|listed| listed != node);
        }
        self.leave(node, role, standing);
        Ok(())
    }

    pub(crate) fn add_bond(
        &mut self,
        signer: &PublicKey,
        node: &PublicKey,
        role: Role,
        amount: u128,
    ) -> Result<(), Refusal> {
        require(amount > 0, "BND-2: nothing is added")?;
        let bond = self.own_bond(signer, node, role)?;
        require(bond.enlisted, "BND-2: the node has not the role")?;
        bond.standing += amount;
        self.take(signer, amount)?;
        self.list(node, role);
        Ok(())
    }

    pub(crate) fn take_bond(
        &mut self,
        signer: &PublicKey,
        node: &PublicKey,
        role: Role,
        amount: u128,
    ) -> Result<(), Refusal> {
        require(amount > 0, "BND-2: nothing is taken")?;
        let needed = self.needed(node, role);
        let bond = self.own_bond(signer, node, role)?;
        require(
            bond.standing >= amount + needed,
            "BND-2: the role needs its bond",
        )?;
        self.leave(node, role, amount);
        Ok(())
    }

    /// BND-3: what has left is free.
    pub(crate) fn release_bond(&mut self, node: &PublicKey, role: Role) {
        let epoch = self.epoch();
        let Some(bond) = self.bonds.get_mut(&(*node, role)) else {
            return;
        };
        let later = bond.leaving.split_off(&(epoch + 1));
        let left: u128 = bond.leaving.values().sum();
        bond.leaving = later;
        let operator = bond.operator;
        self.give(&operator, left);
        self.forget_bonds();
    }

    /// A bond that stands for nothing and holds nothing is none.
    pub(crate) fn forget_bonds(&mut self) {
        self.bonds
            .retain(|_, bond| bond.enlisted || bond.total() > 0);
    }

    /// BND-5: an offence costs a share of the bond, rounded up. A victim gets at most its loss, and half of
    /// it all; the rest is burnt. Gives what the victim got.
    pub(crate) fn slash(
        &mut self,
        node: &PublicKey,
        role: Role,
        victim: Option<(PublicKey, u128)>,
    ) -> u128 {
        let node = self.holder(node, role);
        if role == Role::Coordinator {
            self.log(What::Slashed(node));
        }
        let slash = u128::from(self.params.slash.get());
        let mut cost = 0;
        if let Some(bond) = self.bonds.get_mut(&(node, role)) {
            cost = (bond.total() * slash).div_ceil(10_000);
            let mut due = cost;
            // First of what stands, then of what leaves, soonest first.
            for amount in std::iter::once(&mut bond.standing).chain(bond.leaving.values_mut()) {
                let part = due.min(*amount);
                *amount -= part;
                due -= part;
            }
            bond.leaving.retain(|_, amount| *amount > 0);
        }
        let restored = victim.map_or(0, |(_, loss)| loss.min(cost / 2));
        if let Some((victim, _)) = victim {
            self.give(&victim, restored);
        }
        self.burnt += cost - restored;
        if role == Role::Respondent {
            self.lower_registration(&node);
        }
        self.forget_bonds();
        restored
    }

    /// REG-6: a respondent's bond goes along with its key, and answers for keys that were in force in this
    /// epoch or the last three, from one registration to the next.
    fn holder(&self, node: &PublicKey, role: Role) -> PublicKey {
        let mut holder = *node;
        if role != Role::Respondent {
            return holder;
        }
        loop {
            let known = |provider: &&Provider| provider.keys().contains(&holder);
            let Some(provider) = self.providers.iter().rfind(known) else {
                return holder;
            };
            let since = self.epoch().saturating_sub(3) * u64::from(self.params.epoch_blocks);
            let key = provider.newest().registration.node;
            if key == holder || !provider.keys_since(since).contains(&holder) {
                return holder;
            }
            holder = key;
        }
    }

    /// All that an offence can cost.
    pub(crate) fn at_stake(&self, node: &PublicKey, role: Role) -> u128 {
        let holder = self.holder(node, role);
        self.bonds.get(&(holder, role)).map_or(0, Bond::total)
    }

    /// Who posted a bond; the node itself where there is none.
    pub(crate) fn operator_of(&self, node: &PublicKey, role: Role) -> PublicKey {
        self.bonds
            .get(&(*node, role))
            .map_or(*node, |bond| bond.operator)
    }
}
