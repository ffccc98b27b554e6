//! Who answers, about what (REG).

use std::collections::BTreeSet;

use llmnet_types::{
    bond::Role,
    domain::Domain,
    id::{DomainId, ProviderId},
    registration::{Adapter, Announcement, Novelty, Registration, Rotated},
    signature::{PublicKey, Signed},
};

use crate::{Oracle, Refusal, What, mismatch::require, money::money};

/// REG-3: a domain takes so many registrations.
const DOMAIN_PROVIDERS_MAX: usize = 256;

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
    /// The epochs of its announcements.
    pub announced: Vec<u64>,
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

    fn domain_number(&mut self, name: &Domain) -> DomainId {
        let known = self.domains.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            self.domains.push(name.clone());
            self.domains.len() - 1
        });
        DomainId(u16::try_from(place).expect("few domains begin"))
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
            announced: Vec::new(),
        });
        Ok(())
    }

    /// Who is listed in a domain, in order: a registration that ended leaves the list four epochs later.
    pub fn domain_providers(&self, id: DomainId) -> Vec<ProviderId> {
        let epoch = self.epoch();
        let listed = |provider: &Provider| {
            let left = provider.retired_at.map(|at| self.epoch_of(at) + 4);
            provider.domains.contains(&id) && left.is_none_or(|left| left > epoch)
        };
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
    pub(crate) fn end_registration(&mut self, place: usize) {
        let height = self.height;
        let provider = &mut self.providers[place];
        provider.retired_at = Some(height);
        let node = provider.newest().registration.node;
        let free = self.free_at(&node, Role::Respondent);
        if let Some(bond) = self.bonds.get_mut(&(node, Role::Respondent)) {
            bond.enlisted = false;
            bond.leave(bond.standing, free);
        }
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
        let versions = &mut self.providers[place].versions;
        // Of several updates in an epoch the last is in force.
        versions.retain(|version| version.from < from);
        versions.push(version);
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
        let height = self.height;
        for version in &mut self.providers[place].versions {
            if version.from > height {
                version.registration.node = rotation.new;
            }
        }
        let now = self.providers[place].at(height).clone();
        let mut version = Version {
            from: height,
            ..now
        };
        version.registration.node = rotation.new;
        self.providers[place].insert(version);
        if let Some(bond) = self.bonds.remove(&(rotation.old, Role::Respondent)) {
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
        let provider = &mut self.providers[place];
        provider.announced.push(epoch);
        let mut version = provider.at(height).clone();
        version.from = height;
        let say = |version: &mut Version| match &announcement.novelty {
            Novelty::Corpus { corpus, .. } => version.registration.corpus = Some(corpus.clone()),
            Novelty::Adapter(adapter) => {
                if adapter.base == version.registration.model.digest {
                    version.adapter = Some(*adapter);
                }
            }
        };
        say(&mut version);
        provider.insert(version);
        provider
            .versions
            .iter_mut()
            .filter(|version| version.from > height)
            .for_each(say);
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

    /// Takes a version in before those that are in force later; of one height, the last counts.
    fn insert(&mut self, version: Version) {
        self.versions.retain(|other| other.from != version.from);
        let later = self
            .versions
            .iter()
            .position(|other| other.from > version.from);
        let place = later.unwrap_or(self.versions.len());
        self.versions.insert(place, version);
    }
}
