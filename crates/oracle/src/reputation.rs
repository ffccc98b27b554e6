//! Reputation, by playing all that ever happened again (REP).

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{
    bond::Role,
    id::{DomainId, ProviderId},
    params::Params,
    receipt::{ContractStatus, SeatOutcome},
    reputation::Reputation,
    settlement::Leaf,
    signature::PublicKey,
    units::Score,
};

use crate::{
    Oracle,
    audit::{Records, ceiling, compared, evidence},
    money::money,
    sources::{Source, add, clipped, halved, sum},
};

/// A unit of evidence, in millionths.
pub(crate) const UNIT: u128 = 1_000_000;
/// REP-6: so many slots tell how a coordinator does.
const SLOTS_MIN: u32 = 50;
/// REP-5: among so many, one can be told from the others.
const MANY: usize = 3;

/// Something that reputations follow from.
#[derive(Debug, Clone)]
pub struct Happening {
    /// In which block.
    pub height: u64,
    /// In which epoch.
    pub epoch: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum What {
    /// A coordinator settled.
    Settled {
        /// Who.
        coordinator: PublicKey,
        /// How many slots.
        slots: u32,
        /// How many of them void.
        voids: u32,
        /// Who paid for the others.
        requesters: BTreeSet<PublicKey>,
    },
    /// A coordinator was slashed.
    Slashed(PublicKey),
    /// A settlement says something of a provider.
    Said(Evidence),
    /// Audits found right and wrong answers, in millionths (AUD-4).
    Audited {
        /// Of whom.
        provider: ProviderId,
        /// In which domain.
        domain: DomainId,
        /// Right ones.
        right: u64,
        /// Wrong ones.
        wrong: u64,
    },
    /// A new version of a provider costs a share of its good evidence, in basis points (REP-7).
    Shrunk(ProviderId, u16),
}

/// What a settlement says of a provider in a domain.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Of whom.
    pub provider: ProviderId,
    /// About what.
    pub domain: DomainId,
    /// Who says so.
    pub coordinator: PublicKey,
    /// For and against, in millionths, by who paid.
    pub by_requester: BTreeMap<PublicKey, (u128, u128)>,
    /// How many ratings.
    pub samples: u32,
    /// How long answers took, in the order of slots.
    pub latencies_ms: Vec<u32>,
}

/// An epoch's evidence, by source (REP-5).
#[derive(Debug, Clone)]
struct Gathering {
    epoch: u64,
    before: Reputation,
    coordinators: Vec<Source>,
    requesters: Vec<Source>,
}

/// A provider in a domain, as it is played again.
#[derive(Debug, Clone, Default)]
struct Standing {
    /// As of the epoch in which it last changed.
    value: Reputation,
    /// Right and wrong answers of the long record, and of the short one, as of the same epoch.
    audits: Records,
    epoch: u64,
    gathering: Option<Gathering>,
}

/// A provider in a domain, as it is seen at some height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// By what peers said there.
    pub reputation: Reputation,
    /// The same with the answers that audits found (AUD-5).
    pub counted: Reputation,
    /// What audits leave possible (AUD-4).
    pub ceiling: Score,
    /// Mean and deviation of what audits alone say (AUD-6).
    pub audited: (Score, Score),
}

impl Oracle {
    pub(crate) fn log(&mut self, what: What) {
        self.happened.push(Happening {
            height: self.height,
            epoch: self.epoch(),
            what,
        });
    }

    /// Takes down what a settlement says of whom (REP-1, REP-4).
    pub(crate) fn witness(&mut self, coordinator: &PublicKey, leaves: &[Leaf]) {
        let void = |leaf: &&Leaf| leaf.status == ContractStatus::Void;
        let count = |number: usize| u32::try_from(number).expect("it is at most 256");
        let served = leaves.iter().filter(|leaf| !void(leaf));
        self.log(What::Settled {
            coordinator: *coordinator,
            slots: count(leaves.len()),
            voids: count(leaves.iter().filter(void).count()),
            requesters: served.map(|leaf| self.requester(leaf)).collect(),
        });
        let mut said: BTreeMap<(ProviderId, DomainId), Evidence> = BTreeMap::new();
        for leaf in leaves {
            if !leaf.filtered && leaf.status == ContractStatus::Concluded {
                self.rate(coordinator, leaf, &mut said);
            }
        }
        for evidence in said.into_values() {
            self.log(What::Said(evidence));
        }
    }

    fn requester(&self, leaf: &Leaf) -> PublicKey {
        self.lines[usize::try_from(leaf.line.0).expect("it was found")].requester
    }

    fn rate(
        &self,
        coordinator: &PublicKey,
        leaf: &Leaf,
        said: &mut BTreeMap<(ProviderId, DomainId), Evidence>,
    ) {
        // VOT-3: by the parameters of the epoch of selection.
        let params = self.params_of(self.epoch_of(leaf.height.0));
        let requester = self.requester(leaf);
        let mut interested: BTreeSet<PublicKey> = [requester, *coordinator].into();
        if let Some(bond) = self.bonds.get(&(*coordinator, Role::Coordinator)) {
            interested.insert(bond.operator);
        }
        let price = money(params.evidence_fee) * leaf.seats.len() as u128;
        let each = (money(leaf.fee) * UNIT / price).min(UNIT);
        for seat in &leaf.seats {
            let provider = self.provider(seat.provider).expect("it is known");
            let registration = &provider.at(leaf.height.0).registration;
            let own = [registration.operator, registration.node];
            if !params.waive_operator && own.iter().any(|key| interested.contains(key)) {
                continue;
            }
            // RAT-2
            if seat.outcome == SeatOutcome::Excused {
                continue;
            }
            for (domain, confidence) in &leaf.domains {
                let weight = each * u128::from(confidence.get()) / 10_000;
                if weight == 0 {
                    continue;
                }
                let positive = weight * u128::from(seat.score.get()) / 10_000;
                let evidence = said
                    .entry((seat.provider, *domain))
                    .or_insert_with(|| Evidence {
                        provider: seat.provider,
                        domain: *domain,
                        coordinator: *coordinator,
                        by_requester: BTreeMap::new(),
                        samples: 0,
                        latencies_ms: Vec::new(),
                    });
                let sum = evidence.by_requester.entry(requester).or_default();
                *sum = (sum.0 + positive, sum.1 + weight - positive);
                evidence.samples += 1;
                if seat.outcome == SeatOutcome::Served {
                    evidence.latencies_ms.push(seat.latency_ms);
                }
            }
        }
    }

    /// What stands of a provider in a domain now.
    pub fn reputation(&self, provider: ProviderId, domain: DomainId) -> Seen {
        self.seen_after(provider, domain, self.height, self.epoch())
    }

    /// The same as selections at a height see it: as of the last checkpoint (SEL-1).
    pub fn reputation_at(&self, provider: ProviderId, domain: DomainId, height: u64) -> Seen {
        let every = u64::from(self.params.checkpoint_blocks);
        let checkpoint = height - height % every;
        self.seen_after(provider, domain, checkpoint, self.epoch_of(height))
    }

    /// What was seen after a block in an epoch: of this domain, and of audits in the others that it registered in.
    fn seen_after(&self, provider: ProviderId, domain: DomainId, height: u64, epoch: u64) -> Seen {
        let here = self.standing_after(provider, domain, height, epoch);
        let mut records = vec![here.audits];
        let registered = self.provider(provider).map(|provider| &provider.domains);
        for other in registered.into_iter().flatten() {
            if *other != domain {
                records.push(self.standing_after(provider, *other, height, epoch).audits);
            }
        }
        let (right, wrong) = evidence(&records);
        Seen {
            reputation: here.value,
            counted: Reputation {
                positive: here.value.positive + right,
                negative: here.value.negative + wrong,
                ..here.value
            },
            ceiling: ceiling(&records),
            audited: compared(&records),
        }
    }

    /// What stood after a block, decayed to an epoch.
    fn standing_after(
        &self,
        provider: ProviderId,
        domain: DomainId,
        height: u64,
        epoch: u64,
    ) -> Standing {
        let mut standing = Standing::default();
        for (place, happening) in self.happened.iter().enumerate() {
            if happening.height > height {
                break;
            }
            let now = happening.epoch;
            if !self.concerns(&happening.what, provider, domain) {
                continue;
            }
            self.close(&mut standing, happening.height);
            match &happening.what {
                What::Said(evidence) => self.gather(&mut standing, now, evidence),
                What::Shrunk(_, share) => self.shrink(&mut standing, now, *share),
                What::Audited { right, wrong, .. } => {
                    standing = self.faded(&standing, now);
                    for (record, found) in
                        standing.audits.iter_mut().zip([right, wrong, right, wrong])
                    {
                        *record += found;
                    }
                    continue;
                }
                _ => {}
            }
            self.count(&mut standing, now, place);
        }
        self.close(&mut standing, height);
        self.faded(&standing, epoch)
    }

    fn concerns(&self, what: &What, provider: ProviderId, domain: DomainId) -> bool {
        match what {
            What::Said(evidence) => (evidence.provider, evidence.domain) == (provider, domain),
            What::Audited {
                provider: audited,
                domain: of,
                ..
            } => (*audited, *of) == (provider, domain),
            What::Shrunk(shrunk, _) => *shrunk == provider && self.is_of(provider, domain),
            What::Settled { .. } | What::Slashed(_) => false,
        }
    }

    fn is_of(&self, provider: ProviderId, domain: DomainId) -> bool {
        self.provider(provider)
            .is_some_and(|provider| provider.domains.contains(&domain))
    }

    /// A standing as an epoch sees it: decayed since it last changed (REP-2, AUD-4).
    fn faded(&self, standing: &Standing, epoch: u64) -> Standing {
        let epochs = epoch - standing.epoch;
        let kept = kept(self.params_of(epoch), epochs);
        let halved = |answers: u64| (0..epochs).fold(answers, |answers, _| answers / 2);
        let [long_right, long_wrong, short_right, short_wrong] = standing.audits;
        Standing {
            value: Reputation {
                positive: kept(standing.value.positive),
                negative: kept(standing.value.negative),
                ..standing.value
            },
            audits: [
                kept(long_right),
                kept(long_wrong),
                halved(short_right),
                halved(short_wrong),
            ],
            epoch,
            gathering: standing.gathering.clone(),
        }
    }

    /// Takes another value as of an epoch; an equal one changes nothing.
    fn change(&self, standing: &mut Standing, value: Reputation, epoch: u64) {
        let seen = self.faded(standing, epoch);
        if seen.value != value {
            *standing = Standing { value, ..seen };
        }
    }

    /// REP-8: evidence is closed with the first block of the next epoch.
    fn close(&self, standing: &mut Standing, height: u64) {
        let over = |gathering: &mut Gathering| gathering.epoch < self.epoch_of(height);
        let Some(gathering) = standing.gathering.take_if(over) else {
            return;
        };
        let next = gathering.epoch + 1;
        let value = self.counted(&gathering, self.happened.len());
        let kept = kept(self.params_of(next), 1);
        let value = Reputation {
            positive: kept(value.positive),
            negative: kept(value.negative),
            ..value
        };
        self.change(standing, value, next);
    }

    fn gather(&self, standing: &mut Standing, epoch: u64, evidence: &Evidence) {
        let before = self.faded(standing, epoch).value;
        let gathering = standing.gathering.get_or_insert(Gathering {
            epoch,
            before,
            coordinators: Vec::new(),
            requesters: Vec::new(),
        });
        let mut all = (0, 0);
        for (requester, said) in &evidence.by_requester {
            add(&mut gathering.requesters, requester, *said);
            all = (all.0 + said.0, all.1 + said.1);
        }
        add(&mut gathering.coordinators, &evidence.coordinator, all);
        let before = &mut gathering.before;
        before.samples += evidence.samples;
        for took in &evidence.latencies_ms {
            before.latency_ms = if before.latency_ms == 0 {
                *took
            } else {
                let smoothed = (u64::from(before.latency_ms) * 7 + u64::from(*took)) / 8;
                u32::try_from(smoothed).expect("it is between both")
            };
        }
    }

    /// REP-7: what spoke for it before shrinks, that of this epoch included.
    fn shrink(&self, standing: &mut Standing, epoch: u64, share: u16) {
        let shrunk = |positive: u128| positive - positive * u128::from(share) / 10_000;
        let narrow = |positive: u64| u64::try_from(shrunk(positive.into())).expect("it is less");
        if let Some(gathering) = &mut standing.gathering {
            gathering.before.positive = narrow(gathering.before.positive);
            let sources = gathering.coordinators.iter_mut();
            for source in sources.chain(&mut gathering.requesters) {
                source.positive = shrunk(source.positive);
            }
        } else {
            let mut value = self.faded(standing, epoch).value;
            value.positive = narrow(value.positive);
            self.change(standing, value, epoch);
        }
    }

    /// REP-8: the value is what counts by all that is known after a happening.
    fn count(&self, standing: &mut Standing, epoch: u64, place: usize) {
        if let Some(gathering) = &standing.gathering {
            let value = self.counted(gathering, place + 1);
            self.change(standing, value, epoch);
        }
    }

    /// What counts of a gathering by the first so many happenings (REP-5, REP-6).
    fn counted(&self, gathering: &Gathering, known: usize) -> Reputation {
        let known = &self.happened[..known];
        let since = known.partition_point(|happening| happening.epoch < gathering.epoch);
        let happened: Vec<&What> = known[since..]
            .iter()
            .take_while(|happening| happening.epoch == gathering.epoch)
            .map(|happening| &happening.what)
            .collect();
        let mut coordinators = gathering.coordinators.clone();
        let void_max = self.params_of(gathering.epoch).void_max.get();
        coordinators.retain(|source| trusted(&happened, &source.key, void_max));
        let there = coordinators.len();
        let (active_coordinators, active_requesters) = active(&happened);
        let mut cut = vec![false; there];
        if active_coordinators >= MANY {
            cut = halved(&mut coordinators);
        }
        if there >= MANY {
            clipped(&mut coordinators, &cut);
        }
        let mut requesters = gathering.requesters.clone();
        if active_requesters >= MANY {
            halved(&mut requesters);
        }
        let (by_coordinator, by_requester) = (sum(&coordinators), sum(&requesters));
        let narrow = |evidence: u128| u64::try_from(evidence).expect("money bounds it");
        let before = gathering.before;
        Reputation {
            positive: before.positive + narrow(by_coordinator.0.min(by_requester.0)),
            negative: before.negative + narrow(by_coordinator.1.min(by_requester.1)),
            ..before
        }
    }
}

/// REP-6: whether a coordinator's evidence of an epoch counts.
fn trusted(happened: &[&What], key: &PublicKey, void_max: u16) -> bool {
    let (mut all, mut void, mut was_slashed) = (0, 0, false);
    for what in happened {
        match what {
            What::Settled {
                coordinator,
                slots,
                voids,
                ..
            } if coordinator == key => {
                all += slots;
                void += voids;
            }
            What::Slashed(coordinator) if coordinator == key => was_slashed = true,
            _ => {}
        }
    }
    let much_void = u64::from(void) * 10_000 > u64::from(all) * u64::from(void_max);
    !was_slashed && (all < SLOTS_MIN || !much_void)
}

/// REP-5: how many coordinators settled, and requesters paid, for contracts that are not void.
fn active(happened: &[&What]) -> (usize, usize) {
    let mut coordinators = BTreeSet::new();
    let mut all_requesters: BTreeSet<&PublicKey> = BTreeSet::new();
    for what in happened {
        if let What::Settled {
            coordinator,
            slots,
            voids,
            requesters,
        } = what
        {
            if slots > voids {
                coordinators.insert(coordinator);
            }
            all_requesters.extend(requesters);
        }
    }
    (coordinators.len(), all_requesters.len())
}

/// What is left of evidence after so many epochs (REP-2): g to their number by squaring, in twelve decimals,
/// each product rounded down.
pub(crate) fn kept(params: &Params, mut epochs: u64) -> impl Fn(u64) -> u64 {
    const ONE: u128 = 1_000_000_000_000;
    let mut power = u128::from(params.decay.get()) * ONE / 10_000;
    let mut factor = ONE;
    while epochs > 0 {
        if epochs % 2 == 1 {
            factor = factor * power / ONE;
        }
        power = power * power / ONE;
        epochs /= 2;
    }
    move |evidence| u64::try_from(u128::from(evidence) * factor / ONE).expect("it is less")
}
