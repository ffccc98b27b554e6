//! Typed reads of a state, for gateways, coordinators, explorers and people.

use llmnet_types::{
    bond::{ADDRESS_LENGTH_MAX, Role},
    codec::Text,
    domain::Domain,
    id::{Digest, DomainId, LineId, ProviderId},
    params::Params,
    reputation::{Audited, Prior, Reputation},
    signature::PublicKey,
    units::{Amount, Epoch, Height, Score, Slot},
};

use crate::{
    record::{
        Account, Activity, Audit, Audits, BEACONS, Ballots, Bond, Chains, Clock, Coordinator,
        Counters, DomainEntry, Line, Listed, Node, Office, ParamsBefore, Provider, Settled,
        Standing, Totals, Turns, Validators,
    },
    standing::{self, Counted, Seen, Whole},
    state::{Key, State, read},
};

/// The network's parameters; the local ones where there is no state yet.
pub fn params(state: &dyn State) -> Params {
    read(state, &Key::Params).unwrap_or_else(Params::local)
}

/// The parameters that were in force in an epoch, as far back as anything of it is settled, recomputed
/// or disputed (VOT-3); of a later epoch, those in force now.
pub fn params_of(state: &dyn State, epoch: Epoch) -> Params {
    let before: ParamsBefore = read(state, &Key::ParamsBefore).unwrap_or_default();
    let then = before.iter().find(|(last, _)| epoch <= *last);
    then.map_or_else(|| params(state), |(_, params)| params.clone())
}

/// What validators vote on (VOT-1).
pub fn ballots(state: &dyn State) -> Ballots {
    read(state, &Key::Ballots).unwrap_or_default()
}

/// Blocks led in this epoch, by leader (POL-2).
pub fn turns(state: &dyn State) -> Vec<(PublicKey, u32)> {
    let turns: Turns = read(state, &Key::Turns).unwrap_or_default();
    turns.into_vec()
}

/// Who can be elected, in order of enlistment (COM-3).
pub fn validators(state: &dyn State) -> Vec<PublicKey> {
    let validators: Validators = read(state, &Key::Validators).unwrap_or_default();
    validators.into_vec()
}

/// A coordinator that respondents find by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCoordinator {
    /// Its key.
    pub node: PublicKey,
    /// Where it is reached, as `host:port`.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// What stands for it.
    pub bond: Amount,
}

/// Coordinators that respondents find by their address, in the order in which they were listed; none whose
/// bond is smaller than the role needs (BND-6).
pub fn listed_coordinators(state: &dyn State) -> Vec<ListedCoordinator> {
    let listed: Listed = read(state, &Key::Listed).unwrap_or_default();
    let needed = params(state).coordinator_bond_min;
    let listed = listed
        .into_vec()
        .into_iter()
        .filter_map(|(node, standing)| {
            let bond = bond(state, &node, Role::Coordinator)?;
            (standing >= needed).then_some(ListedCoordinator {
                node,
                address: bond.address,
                bond: standing,
            })
        });
    listed.collect()
}

/// Height, epoch and beacons.
pub fn clock(state: &dyn State) -> Clock {
    read(state, &Key::Clock).unwrap_or(Clock {
        height: Height(0),
        epoch: Epoch(0),
        beacons: [Digest::ZERO; BEACONS],
        mix: Digest::ZERO,
    })
}

/// Where all money is.
pub fn totals(state: &dyn State) -> Totals {
    read(state, &Key::Totals).unwrap_or_default()
}

/// How many providers, lines and domains there ever were.
pub fn counters(state: &dyn State) -> Counters {
    read(state, &Key::Counters).unwrap_or_default()
}

/// Free money and nonce; nothing of an unknown owner.
pub fn account(state: &dyn State, owner: &PublicKey) -> Account {
    read(state, &Key::Account(*owner)).unwrap_or_default()
}

/// A settlement whose windows are not closed, by its first slot.
pub fn settlement(state: &dyn State, coordinator: &PublicKey, first_slot: Slot) -> Option<Settled> {
    read(state, &Key::Settlement(*coordinator, first_slot))
}

/// A node's bond in a role.
pub fn bond(state: &dyn State, node: &PublicKey, role: Role) -> Option<Bond> {
    read(state, &Key::Bond(*node, role))
}

/// The committee in office.
pub fn office(state: &dyn State) -> Option<Office> {
    crate::committee::office(state)
}

/// A validator's hash chains for the beacon.
pub fn beacon_chains(state: &dyn State, validator: &PublicKey) -> Chains {
    read(state, &Key::Beacon(*validator)).unwrap_or_default()
}

/// A line that was not released yet.
pub fn line(state: &dyn State, line: LineId) -> Option<Line> {
    read(state, &Key::Line(line))
}

/// The newest line of a requester with a coordinator.
pub fn line_of(
    state: &dyn State,
    requester: &PublicKey,
    coordinator: &PublicKey,
) -> Option<(LineId, Line)> {
    let key = Key::LineOf {
        requester: *requester,
        coordinator: *coordinator,
    };
    let id = read(state, &key)?;
    Some((id, line(state, id)?))
}

/// A registration.
pub fn provider(state: &dyn State, provider: ProviderId) -> Option<Provider> {
    read(state, &Key::Provider(provider))
}

/// How often a node registered, and its last registration.
pub fn node(state: &dyn State, node: &PublicKey) -> Option<Node> {
    read(state, &Key::Node(*node))
}

/// A node's registration, where one stands under this key: not under one that was rotated (REG-6).
pub fn provider_of(state: &dyn State, key: &PublicKey) -> Option<(ProviderId, Provider)> {
    let id = node(state, key)?.provider;
    let provider = provider(state, id)?;
    let stands = provider.retired_at.is_none() && provider.newest().registration.node == *key;
    stands.then_some((id, provider))
}

/// A domain's number.
pub fn domain_id(state: &dyn State, name: &Domain) -> Option<DomainId> {
    read(state, &Key::DomainNumber(name.clone()))
}

/// A domain's name and providers.
pub fn domain(state: &dyn State, domain: DomainId) -> Option<DomainEntry> {
    read(state, &Key::Domain(domain))
}

/// Who registered in a domain, in order of registration.
pub fn domain_providers(state: &dyn State, id: DomainId) -> Vec<ProviderId> {
    domain(state, id).map_or_else(Vec::new, |entry| entry.providers.into_vec())
}

/// A provider's reputation in a domain as it is now, decayed.
pub fn reputation(state: &dyn State, provider: ProviderId, domain: DomainId) -> Reputation {
    let epoch = clock(state).epoch;
    standing::now(state, &params(state), epoch, provider, domain).reputation
}

/// The same as selections at this height see it: at the last checkpoint, decayed (SEL-1). `None`
/// outside the heights whose panels can be recomputed (SEL-8).
pub fn reputation_at(
    state: &dyn State,
    provider: ProviderId,
    domain: DomainId,
    height: Height,
) -> Option<Reputation> {
    profile_at(state, provider, domain, height).map(|profile| profile.reputation)
}

/// What is shown of a provider in a domain (REP-3, AUD-4). Anybody can compute it again from the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Evidence, ratings and latency.
    pub reputation: Reputation,
    /// The same with what audits add: what counts (AUD-5).
    pub counted: Reputation,
    /// Mean of what counts, before audits cap it.
    pub mean: Score,
    /// Deviation of that.
    pub deviation: Score,
    /// Mean less two deviations.
    pub lower_bound: Score,
    /// What audits found.
    pub audits: Audits,
    /// What a mean counts up to (SEL-9).
    pub ceiling: Score,
    /// What audits alone say (AUD-6).
    pub audited: Audited,
}

impl Profile {
    fn of(seen: &Seen, counted: &Counted, prior: &Prior) -> Self {
        Self {
            reputation: seen.reputation,
            counted: counted.evidence,
            mean: counted.evidence.mean(prior),
            deviation: counted.evidence.deviation(prior),
            lower_bound: counted.evidence.lower_bound(prior),
            audits: seen.audits,
            ceiling: counted.ceiling,
            audited: counted.audited,
        }
    }
}

/// What is shown of a provider in a domain now.
pub fn profile(state: &dyn State, provider: ProviderId, domain: DomainId) -> Profile {
    let params = params(state);
    let epoch = clock(state).epoch;
    let seen = standing::now(state, &params, epoch, provider, domain);
    let whole = Whole::now(
        state,
        &params,
        epoch,
        provider,
        &domains_of(state, provider),
    );
    Profile::of(&seen, &whole.counted(domain, &seen), &params.prior)
}

/// The same as selections at this height see it; `None` where [`reputation_at`] is.
pub fn profile_at(
    state: &dyn State,
    provider: ProviderId,
    domain: DomainId,
    height: Height,
) -> Option<Profile> {
    let now = params(state);
    let params = params_of(state, height.epoch(now.epoch_length()));
    standing::in_window(&now, &clock(state), height).then(|| {
        let seen = standing::at(state, &params, height, provider, domain);
        let domains = domains_of(state, provider);
        let whole = Whole::at(state, &params, height, provider, &domains);
        Profile::of(&seen, &whole.counted(domain, &seen), &params.prior)
    })
}

/// The domains that a provider registered in, none where it is unknown.
fn domains_of(state: &dyn State, id: ProviderId) -> Vec<DomainId> {
    provider(state, id).map_or_else(Vec::new, |provider| provider.domains.into_vec())
}

/// All that is remembered of a provider in a domain: what it was at which height, and what this epoch
/// gathers, by source.
pub fn standing(state: &dyn State, provider: ProviderId, domain: DomainId) -> Standing {
    read(state, &Key::Standing(provider, domain)).unwrap_or_default()
}

/// How many coordinators and requesters are active.
pub fn activity(state: &dyn State) -> Activity {
    read(state, &Key::Activity).unwrap_or_default()
}

/// An auditor's root for an epoch, until it is closed.
pub fn audit(state: &dyn State, auditor: &PublicKey, epoch: Epoch) -> Option<Audit> {
    read(state, &Key::Audit(*auditor, epoch))
}

/// A coordinator's slots and chains.
pub fn coordinator(state: &dyn State, coordinator: &PublicKey) -> Option<Coordinator> {
    read(state, &Key::Coordinator(*coordinator))
}
