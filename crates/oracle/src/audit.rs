//! Audits: roots, openings, and what all auditors found together (AUD).

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{
    audit::AuditOpening,
    bond::Role,
    codec::List,
    contract::{SEATS_MAX, Terms, contract_id},
    disclosure::ReceiptField,
    id::{ContractId, Digest, DomainId, ProviderId},
    message::answer_class,
    receipt::{ContractStatus, SeatOutcome, SeatReceipt},
    reputation::{Prior, Reputation},
    request,
    settlement::Leaf,
    signature::PublicKey,
    units::Score,
};

use crate::{Oracle, Promise, Refusal, What, mismatch::require};

/// An answer, in millionths.
const ANSWER: u64 = 1_000_000;
/// AUD-4: one right and one wrong answer given before.
const GIVEN: Prior = Prior {
    positive: ANSWER,
    negative: ANSWER,
};

/// An auditor's root for an epoch.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Whose.
    pub auditor: PublicKey,
    /// As what it audits.
    pub role: Role,
    /// For which epoch.
    pub epoch: u64,
    /// The root.
    pub root: Digest,
    /// How many items it has.
    pub items: u16,
    /// Places of items that were opened.
    pub opened: BTreeSet<u32>,
    /// Contracts that answered one.
    pub contracts: BTreeSet<ContractId>,
    /// Right and wrong answers.
    pub results: BTreeMap<(ProviderId, DomainId), (u16, u16)>,
    /// What stood behind it when it was closed, if it counts (AUD-3, AUD-4).
    pub weight: Option<u128>,
    /// Whether it was closed.
    pub closed: bool,
}

/// What one auditor found of a provider in a domain.
struct Finding {
    weight: u128,
    right: u64,
    wrong: u64,
}

impl Finding {
    fn answers(&self) -> u64 {
        self.right + self.wrong
    }

    fn as_reputation(&self) -> Reputation {
        answers(self.right * ANSWER, self.wrong * ANSWER)
    }
}

fn answers(right: u64, wrong: u64) -> Reputation {
    Reputation {
        positive: right,
        negative: wrong,
        ..Reputation::default()
    }
}

/// Right and wrong answers of a long record, and of a short one, in millionths.
pub(crate) type Records = [u64; 4];

/// What records leave possible in a domain, by those of all domains, this one the first (AUD-4).
pub(crate) fn ceiling(domains: &[Records]) -> Score {
    let sum = |column: usize| domains.iter().map(|records| records[column]).sum();
    let [long_right, long_wrong, short_right, short_wrong] = domains[0];
    let here = answers(long_right, long_wrong);
    let mean = |record: &Reputation| i32::from(record.mean(&GIVEN).get());
    let above = mean(&here) - mean(&answers(sum(0), sum(1)));
    let lately = i32::from(answers(sum(2), sum(3)).upper_bound(&GIVEN).get()) + above.max(0);
    let lately = u64::try_from(lately).expect("it is no less than a bound");
    [
        here.upper_bound(&GIVEN),
        answers(short_right, short_wrong).upper_bound(&GIVEN),
        Score::clamped(lately),
    ]
    .into_iter()
    .min()
    .expect("there are three")
}

/// The answers that are evidence in a domain, right and wrong, in millionths (AUD-5).
pub(crate) fn evidence(domains: &[Records]) -> (u64, u64) {
    first_of(domains, 40)
}

/// What audits alone say: mean and deviation (AUD-6).
pub(crate) fn compared(domains: &[Records]) -> (Score, Score) {
    let (right, wrong) = first_of(domains, 80);
    let answers = answers(right, wrong);
    (answers.mean(&GIVEN), answers.deviation(&GIVEN))
}

/// So many answers, of this domain first.
fn first_of(domains: &[Records], most: u64) -> (u64, u64) {
    let (mut right, mut wrong) = (0, 0);
    let mut room = u128::from(most) * u128::from(ANSWER);
    let (here, elsewhere) = domains.split_at(1);
    for part in [here, elsewhere] {
        let sum = |column: usize| -> u128 { part.iter().map(|it| u128::from(it[column])).sum() };
        let (part_right, part_wrong) = (sum(0), sum(1));
        let all = part_right + part_wrong;
        if all <= room {
            right += part_right;
            wrong += part_wrong;
            room -= all;
        } else {
            right += part_right * room / all;
            wrong += part_wrong * room / all;
            room = 0;
        }
    }
    let narrow = |answers: u128| u64::try_from(answers).expect("it is at most eighty");
    (narrow(right), narrow(wrong))
}

impl Oracle {
    /// AUD-1
    pub(crate) fn audit_root(
        &mut self,
        signer: &PublicKey,
        root: Digest,
        items: u16,
    ) -> Result<(), Refusal> {
        require((1..=256).contains(&items), "AUD-1: how many items")?;
        let in_office = self.office.committee.keys().contains(signer);
        let role = if in_office {
            Role::Validator
        } else {
            Role::Auditor
        };
        let least = self.role_min(Role::Auditor);
        let bond = self.bonds.get(&(*signer, Role::Auditor));
        let stands = bond.is_some_and(|bond| bond.enlisted && bond.standing >= least);
        require(in_office || stands, "AUD-1: no auditor")?;
        let epoch = self.epoch() + 1;
        let known = |audit: &Audit| audit.auditor == *signer && audit.epoch == epoch;
        require(!self.audits.iter().any(known), "AUD-1: one root an epoch")?;
        self.audits.push(Audit {
            auditor: *signer,
            role,
            epoch,
            root,
            items,
            opened: BTreeSet::new(),
            contracts: BTreeSet::new(),
            results: BTreeMap::new(),
            weight: None,
            closed: false,
        });
        self.promise(epoch + 3, Promise::Audit(self.audits.len() - 1));
        Ok(())
    }

    /// AUD-2
    pub(crate) fn audit_open(
        &mut self,
        signer: &PublicKey,
        opening: &AuditOpening,
    ) -> Result<(), Refusal> {
        let own = |audit: &Audit| audit.auditor == *signer && audit.epoch == opening.epoch.0;
        let place = self.audits.iter().position(own);
        let place = place.ok_or_else(|| Refusal("AUD-2: no such root".to_owned()))?;
        require(
            self.epoch() <= opening.epoch.0 + 2,
            "AUD-2: the window is over",
        )?;
        let audit = &self.audits[place];
        let item = opening.item.leaf(&opening.salt);
        require(
            opening.path.size == u32::from(audit.items) && opening.path.holds(&item, &audit.root),
            "AUD-2: no item of the root",
        )?;
        let (settled, slot) = self.shown(&opening.settled)?;
        let leaf = &opening.settled.leaf;
        require(
            self.settled[settled].epoch == opening.epoch.0,
            "AUD-2: selected in another epoch",
        )?;
        require(leaf.status != ContractStatus::Void, "AUD-2: void")?;
        let id = contract_id(&self.network, &opening.settled.coordinator, slot);

        let terms: Option<Terms> = opening.terms.open(ReceiptField::Terms, &leaf.receipt);
        let terms = terms.ok_or_else(|| Refusal("AUD-2: the terms".to_owned()))?;
        let asked = request::salted(&opening.item.request, &opening.request_salt);
        require(asked == terms.request, "AUD-2: another request")?;
        let seats: Option<List<SeatReceipt, SEATS_MAX>> =
            opening.seats.open(ReceiptField::Seats, &leaf.receipt);
        let seats = seats.ok_or_else(|| Refusal("AUD-2: the seats".to_owned()))?;

        let right = answer_class(&id, &opening.item.class.0);
        let told = self.told(signer, self.audits[place].role, leaf, id, &seats);
        let (domain, _) = leaf.domains[0];
        let audit = &mut self.audits[place];
        require(
            audit.opened.insert(opening.path.index),
            "AUD-2: opened already",
        )?;
        require(
            audit.contracts.insert(id),
            "AUD-2: it answered another item",
        )?;
        for (provider, class) in told {
            let result = audit.results.entry((provider, domain)).or_default();
            if class == right {
                result.0 += 1;
            } else {
                result.1 += 1;
            }
        }
        Ok(())
    }

    /// The first class of each seat that served, by its own signature, but of those who may know the answer.
    fn told(
        &self,
        auditor: &PublicKey,
        role: Role,
        leaf: &Leaf,
        id: ContractId,
        seats: &[SeatReceipt],
    ) -> BTreeMap<ProviderId, Digest> {
        let own = [*auditor, self.operator_of(auditor, role)];
        let mut told = BTreeMap::new();
        for seat in seats {
            let served = leaf.seats.iter().any(|other| {
                other.provider == seat.provider && other.outcome == SeatOutcome::Served
            });
            let (Some(part), true) = (&seat.part, served) else {
                continue;
            };
            let provider = self.provider(seat.provider).expect("the leaf names it");
            let registration = &provider.at(leaf.height.0).registration;
            let related = own.contains(&registration.node) || own.contains(&registration.operator);
            let signed = part.verify(&self.network, &registration.node).is_ok();
            let left_out = related && !self.params.waive_operator;
            if part.body.contract == id && signed && !left_out {
                told.entry(seat.provider).or_insert(part.body.first_class);
            }
        }
        told
    }

    /// AUD-3
    pub(crate) fn close_audit(&mut self, place: usize) {
        let audit = &mut self.audits[place];
        audit.closed = true;
        let (auditor, role, items) = (audit.auditor, audit.role, audit.items);
        let complete = audit.opened.len() == usize::from(items);
        if complete {
            let bond = self.bonds.get(&(auditor, role));
            self.audits[place].weight = Some(bond.map_or(0, crate::Bond::total));
            let operator = self.operator_of(&auditor, role);
            *self.audited.entry(operator).or_default() += u128::from(items);
        } else {
            self.slash(&auditor, role, None);
        }
    }

    /// AUD-4: what was found for the fourth epoch before this one is merged.
    pub(crate) fn merge_audits(&mut self) {
        let Some(epoch) = self.epoch().checked_sub(4) else {
            return;
        };
        let mut found: BTreeMap<(ProviderId, DomainId), Vec<Finding>> = BTreeMap::new();
        for audit in self.audits.iter().filter(|audit| audit.epoch == epoch) {
            let Some(weight) = audit.weight else {
                continue;
            };
            for (subject, (right, wrong)) in &audit.results {
                found.entry(*subject).or_default().push(Finding {
                    weight,
                    right: u64::from(*right),
                    wrong: u64::from(*wrong),
                });
            }
        }
        for ((provider, domain), findings) in found {
            let (right, wrong) = merged(&findings);
            self.log(What::Audited {
                provider,
                domain,
                right,
                wrong,
            });
        }
    }
}

/// AUD-4: right and wrong answers, in millionths, that all auditors found together.
fn merged(findings: &[Finding]) -> (u64, u64) {
    let many = findings.len() >= 3;
    let all: u64 = findings.iter().map(Finding::answers).sum();
    let (mut least, mut most) = (Score::ZERO, Score::ONE);
    if many {
        let total: u128 = findings.iter().map(|it| it.weight).sum();
        // Whether auditors with half of the bonds allow something.
        let half = |allows: &dyn Fn(&Finding) -> bool| {
            let those = findings.iter().filter(|it| allows(it));
            those.map(|it| it.weight).sum::<u128>() * 2 >= total
        };
        let lower = |it: &Finding| it.as_reputation().lower_bound(&GIVEN);
        let upper = |it: &Finding| it.as_reputation().upper_bound(&GIVEN);
        let allowed = findings.iter().map(lower);
        let allowed = allowed.filter(|share| half(&|it| lower(it) <= *share));
        least = allowed.min().unwrap_or(least);
        let allowed = findings.iter().map(upper);
        let allowed = allowed.filter(|share| half(&|it| upper(it) >= *share));
        most = allowed.max().unwrap_or(most);
    }
    let mut sums = (0, 0);
    for finding in findings {
        let own = finding.answers();
        let counted = if many { own.min(all - own) } else { own };
        let counted_right = (finding.right * ANSWER * counted)
            .checked_div(own)
            .unwrap_or(0);
        let counted = counted * ANSWER;
        let part = |score: Score| counted * u64::from(score.get()) / 10_000;
        let counted_right = counted_right.max(part(least)).min(part(most));
        sums = (sums.0 + counted_right, sums.1 + counted - counted_right);
    }
    sums
}
