//! Who answers, about what (REG).

use std::collections::BTreeSet;

use llmnet_types::{
    bond::Role,
    domain::Domain,
    id::{DomainId, ProviderId},
    registration::{Adapter, Announcement, Novelty, Registration, Rotated},
    signature::{PublicKey, Signed},
    units::Amount,
};

use crate::{Oracle, Promise, Refusal, What, mismatch::require, money::money};

/// REG-3: a domain takes so many registrations.
const DOMAIN_PROVIDERS_MAX: usize = 256;
/// REG-9: so many versions are remembered, of which announcements leave some.
const VERSIONS_MAX: usize = 16;
const RESERVED: usize = 4;

/// What a registration says from a height on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The first height after which it is so.
    pub from: u64,
    /// What it says.
    pub registration: Registration,
    /// The adapter last announced.
    pub adapter: Option<Adapter>,
}

/// A registration with all it ever said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// All it ever said, oldest first.
    pub versions: Vec<Version>,
    /// The numbers of its domains.
    pub domains: Vec<DomainId>,
    /// The block that took it in.
    pub registered_at: u64,
    /// The block that ended it.
    pub retired_at: Option<u64>,
    /// Whether it left its domains.
    pub forgotten: bool,
    /// The epochs of its announcements.
    pub announced: Vec<u64>,
    /// How many versions were remembered when it last changed (REG-9).
    pub remembered: usize,
}

impl Provider {
    /// What it said last, in force or not yet.
    pub fn newest(&self) -> &Version {
        self.versions
            .last()
            .expect("it said something when it registered")
    }

    /// Its operator, who never changes.
    pub fn operator(&self) -> PublicKey {
        self.newest().registration.operator
    }

    /// The keys that it had after this block and later.
    pub fn keys_since(&self, height: u64) -> BTreeSet<PublicKey> {
        let later = self.versions.iter().filter(|it| it.from > height);
        let said = std::iter::once(self.at(height)).chain(later);
        said.map(|version| version.registration.node).collect()
    }

    /// Every key it ever had.
    pub fn keys(&self) -> BTreeSet<PublicKey> {
        let versions = self.versions.iter();
        versions.map(|version| version.registration.node).collect()
    }
}

impl Oracle {
    /// A registration by its number.
    pub fn provider(&self, id: ProviderId) -> Option<&Provider> {
        self.providers.get(usize::try_from(id.0).ok()?)
    }

    /// A node's standing registration (REG-2).
    pub(crate) fn standing_provider(&self, node: &PublicKey) -> Option<ProviderId> {
        let place = self.providers.iter().position(|provider| {
            provider.retired_at.is_none() && provider.newest().registration.node == *node
        })?;
        Some(ProviderId(u32::try_from(place).expect("few register")))
    }

    /// What a node registered as its bond, for all its domains (REG-3).
    pub(crate) fn registered_bond(&self, node: &PublicKey) -> u128 {
        self.standing_provider(node)
            .and_then(|id| self.provider(id))
            .map_or(0, |provider| {
                let registration = &provider.newest().registration;
                money(registration.bond) * registration.domains.len() as u128
            })
    }

    /// REG-3: a domain's number; for a new one the last that became vacant, else the next.
    fn domain_number(&mut self, name: &Domain) -> DomainId {
        let known = self.domains.iter().position(|it| it.as_ref() == Some(name));
        let number = |place: usize| DomainId(u16::try_from(place).expect("few domains begin"));
        if let Some(place) = known {
            return number(place);
        }
        if let Some(id) = self.vacant.pop() {
            self.domains[usize::from(id.0)] = Some(name.clone());
            return id;
        }
        self.domains.push(Some(name.clone()));
        number(self.domains.len() - 1)
    }

    pub(crate) fn register(
        &mut self,
        signer: &PublicKey,
        signed: &Signed<Registration>,
    ) -> Result<(), Refusal> {
        let registration = &signed.body;
        let node = registration.node;
        require(
            registration.operator == *signer,
            "REG-1: the operator signs",
        )?;
        require(
            signed.verify(&self.network, &node).is_ok(),
            "REG-1: the node signs",
        )?;
        require(
            registration.bond >= self.params.bond_min,
            "REG-3: the least bond",
        )?;
        let names: BTreeSet<&Domain> = registration.domains.iter().collect();
        require(
            !names.is_empty() && names.len() == registration.domains.len(),
            "REG-3: a domain at least, and none twice",
        )?;
        require(
            self.standing_provider(&node).is_none(),
            "REG-2: the node is registered",
        )?;
        let had = self.providers.iter();
        let had = had.filter(|provider| provider.keys().contains(&node));
        require(
            had.clone().all(|it| it.newest().registration.node == node),
            "REG-6: the key was replaced",
        )?;
        let before = had.count();
        require(
            usize::try_from(registration.nonce) == Ok(before),
            "REG-1: the registration nonce",
        )?;
        let all = money(registration.bond) * registration.domains.len() as u128;
        self.post(signer, &node, Role::Respondent, all)?;
        let mut domains = Vec::new();
        for name in &registration.domains {
            let id = self.domain_number(name);
            require(
                self.domain_providers(id).len() < DOMAIN_PROVIDERS_MAX,
                "REG-3: the domain is full",
            )?;
            domains.push(id);
        }
        self.providers.push(Provider {
            versions: vec![Version {
                from: self.height,
                registration: registration.clone(),
                adapter: None,
            }],
            domains,
            registered_at: self.height,
            retired_at: None,
            forgotten: false,
            announced: Vec::new(),
            remembered: 1,
        });
        Ok(())
    }

    /// Who is listed in a domain, in order.
    pub fn domain_providers(&self, id: DomainId) -> Vec<ProviderId> {
        let listed = |provider: &Provider| provider.domains.contains(&id) && !provider.forgotten;
        let numbered = (0..).map(ProviderId).zip(&self.providers);
        numbered
            .filter(|(_, provider)| listed(provider))
            .map(|(number, _)| number)
            .collect()
    }

    fn own_provider(&self, signer: &PublicKey, id: ProviderId) -> Result<usize, Refusal> {
        let place = usize::try_from(id.0).expect("numbers are small");
        let own = self.providers.get(place).is_some_and(|provider| {
            provider.retired_at.is_none() && provider.operator() == *signer
        });
        require(own, "REG-7: no standing registration of the signer's")?;
        Ok(place)
    }

    pub(crate) fn retire(&mut self, signer: &PublicKey, id: ProviderId) -> Result<(), Refusal> {
        let place = self.own_provider(signer, id)?;
        self.end_registration(place);
        Ok(())
    }

    /// REG-7: the bond leaves with the registration.
    fn end_registration(&mut self, place: usize) {
        let height = self.height;
        let provider = &mut self.providers[place];
        provider.retired_at = Some(height);
        let node = provider.newest().registration.node;
        let id = ProviderId(u32::try_from(place).expect("few register"));
        self.promise(self.epoch() + 4, Promise::Forget(id));
        if let Some(bond) = self.bonds.get_mut(&(node, Role::Respondent)) {
            bond.enlisted = false;
            let standing = bond.standing;
            self.leave(&node, Role::Respondent, standing);
        }
    }

    /// REG-3: no selection looks back to it any more. A domain that nobody is left in ends.
    pub(crate) fn forget(&mut self, id: ProviderId) {
        let place = usize::try_from(id.0).expect("numbers are small");
        self.providers[place].forgotten = true;
        for domain in self.providers[place].domains.clone() {
            if self.domain_providers(domain).is_empty() {
                self.domains[usize::from(domain.0)] = None;
                self.vacant.push(domain);
            }
        }
    }

    /// REG-7: after a slashing, a registration has what is left as its bonds, or ends.
    pub(crate) fn lower_registration(&mut self, node: &PublicKey) {
        let Some(id) = self.standing_provider(node) else {
            return;
        };
        let place = usize::try_from(id.0).expect("it was found");
        let bond = self.bonds.get(&(*node, Role::Respondent));
        let left = bond.map_or(0, |bond| bond.standing);
        let said = &self.providers[place].newest().registration;
        let each = left / said.domains.len() as u128;
        let lower = each < money(said.bond);
        let enough = each >= money(self.params.bond_min);
        let lowered = |version: &mut Version| {
            version.registration.bond = Amount(u64::try_from(each).expect("it is less"));
        };
        if !enough || (lower && self.amend(place, 0, lowered).is_err()) {
            self.end_registration(place);
        }
    }

    /// Changes what a registration says after this block, and what it was to say later.
    fn amend(
        &mut self,
        place: usize,
        reserved: usize,
        change: impl Fn(&mut Version),
    ) -> Result<(), Refusal> {
        let height = self.height;
        let mut versions = self.providers[place].versions.clone();
        let mut now = self.providers[place].at(height).clone();
        if now.from < height {
            now.from = height;
            let later = versions.iter().position(|version| version.from > height);
            versions.insert(later.unwrap_or(versions.len()), now);
        }
        let later = |version: &&mut Version| version.from >= height;
        versions.iter_mut().filter(later).for_each(change);
        self.remember(place, reserved, versions)
    }

    /// REG-9: so many versions are remembered, as far back as selections are recomputed.
    fn remember(
        &mut self,
        place: usize,
        reserved: usize,
        versions: Vec<Version>,
    ) -> Result<(), Refusal> {
        let oldest = self.epoch().saturating_sub(3) * u64::from(self.params.epoch_blocks);
        let later = versions.iter().filter(|version| version.from > oldest);
        let before = versions.iter().any(|version| version.from <= oldest);
        let remembered = later.count() + usize::from(before);
        let provider = &mut self.providers[place];
        require(
            remembered <= VERSIONS_MAX - reserved || remembered <= provider.remembered,
            "REG-9: too many versions",
        )?;
        provider.versions = versions;
        provider.remembered = remembered;
        Ok(())
    }

    /// REG-5
    pub(crate) fn update(
        &mut self,
        signer: &PublicKey,
        signed: &Signed<Registration>,
    ) -> Result<(), Refusal> {
        let registration = &signed.body;
        let node = registration.node;
        require(
            registration.operator == *signer,
            "REG-5: the operator signs",
        )?;
        require(
            signed.verify(&self.network, &node).is_ok(),
            "REG-5: the node signs",
        )?;
        let id = self
            .standing_provider(&node)
            .ok_or_else(|| Refusal("REG-5: the node is not registered".to_owned()))?;
        let place = self.own_provider(signer, id)?;
        let newest = self.providers[place].newest().clone();
        let said = &newest.registration;
        require(
            said.nonce == registration.nonce
                && said.domains == registration.domains
                && said.bond == registration.bond,
            "REG-5: nonce, domains and bond stay",
        )?;
        let length = u64::from(self.params.epoch_blocks);
        let from = (self.epoch() + 1) * length;
        let model = |said: &Registration| {
            let model = &said.model;
            (model.digest, model.name.clone(), model.family.clone())
        };
        let corpus = |said: &Registration| said.corpus.as_ref().map(|corpus| corpus.root);
        let model_changed = model(said) != model(registration);
        let corpus_changed = corpus(said) != corpus(registration);
        let fits = |adapter: &Adapter| adapter.base == registration.model.digest;
        let version = Version {
            from,
            registration: registration.clone(),
            adapter: newest.adapter.filter(fits),
        };
        // Of several updates in an epoch the last is in force.
        let mut versions = self.providers[place].versions.clone();
        versions.retain(|version| version.from < from);
        versions.push(version);
        self.remember(place, 0, versions)?;
        if model_changed {
            self.log(What::Shrunk(id, self.params.model_change.get()));
        }
        if corpus_changed {
            self.log(What::Shrunk(id, 10_000));
        }
        Ok(())
    }

    /// REG-6
    pub(crate) fn rotate(&mut self, signer: &PublicKey, rotated: &Rotated) -> Result<(), Refusal> {
        let rotation = &rotated.rotation;
        let place = self.own_provider(signer, rotation.provider)?;
        require(
            self.providers[place].newest().registration.node == rotation.old,
            "REG-6: the key so far",
        )?;
        let known = |provider: &Provider| provider.keys().contains(&rotation.new);
        require(
            !self.providers.iter().any(known),
            "REG-6: the new key registered before",
        )?;
        require(rotated.is_signed(&self.network), "REG-6: both keys sign")?;
        self.amend(place, 0, |version| version.registration.node = rotation.new)?;
        if let Some(bond) = self.bonds.remove(&(rotation.old, Role::Respondent)) {
            for free in bond.leaving.keys() {
                self.promise(*free, Promise::Bond(rotation.new, Role::Respondent));
            }
            self.bonds.insert((rotation.new, Role::Respondent), bond);
        }
        Ok(())
    }

    /// REG-8
    pub(crate) fn announce(
        &mut self,
        signer: &PublicKey,
        announcement: &Announcement,
    ) -> Result<(), Refusal> {
        let (height, epoch) = (self.height, self.epoch());
        let place = usize::try_from(announcement.provider.0).expect("numbers are small");
        let provider = self
            .providers
            .get(place)
            .filter(|provider| provider.retired_at.is_none())
            .ok_or_else(|| Refusal("REG-8: no standing registration".to_owned()))?;
        let node = provider.at(height).registration.node;
        require(
            [node, provider.operator()].contains(signer),
            "REG-8: node or operator announces",
        )?;
        if let Novelty::Adapter(adapter) = &announcement.novelty {
            require(
                adapter.base == provider.at(height).registration.model.digest,
                "REG-8: an adapter of another model",
            )?;
        }
        let earlier = provider.announced.iter().filter(|it| **it == epoch).count();
        if earlier >= usize::try_from(self.params.announcements_free).expect("it is small") {
            let fee = money(self.params.announcement_fee);
            self.take(signer, fee)?;
            self.split_fee(fee);
        }
        let share = match &announcement.novelty {
            Novelty::Corpus { changed, .. } => changed.get(),
            Novelty::Adapter(_) => self.params.model_change.get(),
        };
        self.providers[place].announced.push(epoch);
        self.amend(place, RESERVED, |version| match &announcement.novelty {
            Novelty::Corpus { corpus, .. } => version.registration.corpus = Some(corpus.clone()),
            Novelty::Adapter(adapter) => {
                if adapter.base == version.registration.model.digest {
                    version.adapter = Some(*adapter);
                }
            }
        })?;
        self.log(What::Shrunk(announcement.provider, share));
        Ok(())
    }
}

impl Provider {
    /// Whether it stood after this block.
    pub fn stood_at(&self, height: u64) -> bool {
        self.registered_at <= height && self.retired_at.is_none_or(|retired| retired > height)
    }

    /// What it said after this block.
    pub fn at(&self, height: u64) -> &Version {
        let said = self.versions.iter().rev();
        said.clone()
            .find(|version| version.from <= height)
            .unwrap_or_else(|| &self.versions[0])
    }
}
