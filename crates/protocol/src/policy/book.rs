//! What a policy remembers of contracts, and the skills that follow.
//!
//! Skills are fitted to all of it again and again, instead of being moved by each contract: what early contracts
//! say is read anew in the light of later ones, and a ring that was believed at first is not believed for ever.

use super::{
    Found, Heard,
    number::{ln, log_odds},
    posterior::{CLASSES_MAX, Skills, Voice},
};

/// How much a repeated answer counts.
const REPEATED: f64 = 0.02;

/// How books are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    /// Skill of who is not known.
    pub(super) unknown: f64,
    /// Deviation of skills among providers.
    pub(super) spread: f64,
    /// Deviation of a provider's skills among domains.
    pub(super) domain_spread: f64,
    /// Contracts that are remembered.
    pub(super) contracts_max: usize,
    /// What remains of a contract's word with each further contract, without audits and with them.
    pub(super) keep: (f64, f64),
    /// The same of an audit's.
    pub(super) keep_audit: f64,
    /// Audits that are remembered.
    pub(super) audits_max: usize,
    /// What peers say of a provider counts up to this much information,
    pub(super) peers_base: f64,
    /// and this much for each unit that audits gave; without audits it counts in full.
    pub(super) peers_share: f64,
    /// Deviations over what audits found that are left possible.
    pub(super) ceiling: f64,
    /// What remains of the short record of audits at each further one.
    pub(super) short_keep: f64,
    /// Of errors that set two apart or that they share, the share that they share from which they count as one.
    pub(super) twin_share: f64,
    /// Such errors before that is said.
    pub(super) twin_errors: f64,
    /// What remains of such a record at each further one.
    pub(super) twin_keep: f64,
}

/// A contract, as it is remembered.
#[derive(Debug, Clone)]
struct Contract {
    /// Its number, from 0.
    number: usize,
    domain: usize,
    wrong: f64,
    /// Provider and the number of its class.
    seats: Vec<(usize, Option<usize>)>,
    truth: Option<u64>,
}

/// Sums of a fit: slope and curvature of the likelihood in a skill.
#[derive(Debug, Clone, Copy, Default)]
struct Slope {
    slope: f64,
    curve: f64,
}

/// How often a provider said what all who were asked before it agree on.
#[derive(Debug, Clone, Copy, Default)]
struct Trials {
    agreed: f64,
    of: f64,
    /// How often it was to be expected at its skill.
    expected: f64,
}

/// How far a provider's last audits go against what was held of it.
#[derive(Debug, Clone, Copy, Default)]
struct Surprise {
    /// By how much it is likelier that it turned than that it did not, as a logarithm; never below 0.
    sum: f64,
    /// Right and wrong answers since it was 0.
    right: f64,
    wrong: f64,
}

/// All that is remembered.
#[derive(Debug, Clone)]
pub(super) struct Book {
    rule: Rule,
    skills: Skills,
    providers: usize,
    domains: usize,
    contracts: std::collections::VecDeque<Contract>,
    audits: std::collections::VecDeque<Contract>,
    /// Of each provider, over all domains.
    overall: Vec<f64>,
    overall_curve: Vec<f64>,
    /// What a domain adds, by provider and domain.
    local: Vec<f64>,
    local_curve: Vec<f64>,
    /// What a domain adds for everybody.
    levels: Vec<f64>,
    /// Right and wrong answers in audits: all of them, and the last few.
    long: Vec<(f64, f64)>,
    short: Vec<(f64, f64)>,
    trials: Vec<Trials>,
    ceilings: Vec<f64>,
    /// Errors that two providers share, of these and of those that set them apart.
    pairs: Vec<(f64, f64)>,
    /// Logarithms of latencies, in milliseconds: their sum, and of how many.
    paces: Vec<(f64, f64)>,
    /// How much likelier it is by now that a provider turned than that it did not, as a logarithm.
    surprises: Vec<Surprise>,
    kept: usize,
    twins: usize,
    fits: usize,
}

impl Book {
    pub(super) fn new(rule: Rule, skills: Skills, providers: usize, domains: usize) -> Self {
        Self {
            rule,
            skills,
            providers,
            domains,
            contracts: std::collections::VecDeque::new(),
            audits: std::collections::VecDeque::new(),
            overall: vec![rule.unknown; providers],
            overall_curve: vec![1.0 / (rule.spread * rule.spread); providers],
            local: vec![0.0; providers * domains],
            local_curve: vec![1.0 / (rule.domain_spread * rule.domain_spread); providers * domains],
            levels: vec![0.0; domains],
            long: vec![(1.0, 1.0); providers],
            short: vec![(1.0, 1.0); providers],
            trials: vec![Trials::default(); providers],
            ceilings: vec![f64::INFINITY; providers],
            pairs: vec![(0.0, 0.0); providers * providers],
            paces: vec![(0.0, 0.0); providers],
            surprises: vec![Surprise::default(); providers],
            kept: 0,
            twins: 0,
            fits: 0,
        }
    }

    pub(super) const fn providers(&self) -> usize {
        self.providers
    }

    pub(super) const fn skills(&self) -> &Skills {
        &self.skills
    }

    /// A provider's skill in a domain, at most what audits leave possible: audits of all domains, so that it is a limit
    /// beside what the domain adds for everybody.
    pub(super) fn skill(&self, provider: usize, domain: usize) -> f64 {
        let local = self.local[provider * self.domains + domain];
        (self.overall[provider] + local).min(self.ceilings[provider]) + self.levels[domain]
    }

    /// Its skill over all domains.
    pub(super) fn overall(&self, provider: usize) -> f64 {
        let local = &self.local[provider * self.domains..(provider + 1) * self.domains];
        let mean = local.iter().sum::<f64>() / self.domains.max(1) as f64;
        (self.overall[provider] + mean).min(self.ceilings[provider])
    }

    /// How uncertain a skill is.
    pub(super) fn doubt(&self, provider: usize, domain: usize) -> f64 {
        let overall = 1.0 / (1.0 + (self.overall_curve[provider] - 1.0).max(0.0) / 2.0);
        let local = 1.0 / self.local_curve[provider * self.domains + domain];
        (overall + if self.domains > 1 { local } else { 0.0 }).sqrt()
    }

    /// What audits leave possible for a provider in a domain.
    pub(super) fn ceiling(&self, provider: usize, domain: usize) -> f64 {
        self.ceilings[provider] + self.levels[domain]
    }

    /// How slow a provider is: the mean logarithm of its latency in milliseconds, near the mean of all while little is
    /// known of it; 0 where nothing is known of anybody.
    pub(super) fn pace(&self, provider: usize) -> f64 {
        const FIRST: f64 = 3.0;
        let all = self
            .paces
            .iter()
            .fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        let mean = if all.1 > 0.0 { all.0 / all.1 } else { 0.0 };
        let (sum, count) = self.paces[provider];
        (sum + FIRST * mean) / (count + FIRST)
    }

    /// Whether two agree so often where others contradict that they count as one.
    pub(super) fn are_twins(&self, one: usize, other: usize) -> bool {
        let (agreed, of) = self.pairs[one * self.providers + other];
        of >= self.rule.twin_errors && agreed >= self.rule.twin_share * of
    }

    /// Seats with their skills; who repeats a twin before it counts for little.
    pub(super) fn voices(&self, domain: usize, seats: &[(usize, Option<usize>)]) -> Vec<Voice> {
        let voice = |place: usize| {
            let (provider, class) = seats[place];
            let repeats = seats[..place]
                .iter()
                .any(|(other, said)| *said == class && self.are_twins(provider, *other));
            Voice {
                skill: self.skill(provider, domain),
                class,
                weight: if repeats { REPEATED } else { 1.0 },
            }
        };
        (0..seats.len()).map(voice).collect()
    }

    /// Seats with their skills, each for itself.
    fn alone(&self, domain: usize, seats: &[(usize, Option<usize>)]) -> Vec<Voice> {
        let voice = |(provider, class): &(usize, Option<usize>)| Voice {
            skill: self.skill(*provider, domain),
            class: *class,
            weight: 1.0,
        };
        seats.iter().map(voice).collect()
    }

    /// Remembers a contract; the last one is forgotten again by [`Book::audited`].
    pub(super) fn keep(&mut self, domain: usize, wrong: f64, heard: &[Heard]) {
        let seats = numbered(heard);
        self.compare(&seats, wrong, None);
        for heard in heard.iter().filter(|heard| heard.latency_ms > 0) {
            let pace = &mut self.paces[heard.provider];
            *pace = (pace.0 + ln(f64::from(heard.latency_ms)), pace.1 + 1.0);
        }
        self.kept += 1;
        self.contracts.push_back(Contract {
            number: self.kept,
            domain,
            wrong,
            seats,
            truth: None,
        });
        if self.contracts.len() > self.rule.contracts_max {
            self.contracts.pop_front();
        }
    }

    /// Remembers what an audit found, in place of the contract it was about.
    pub(super) fn audited(&mut self, domain: usize, wrong: f64, found: &[Found]) {
        self.contracts.pop_back();
        let heard: Vec<Heard> = found.iter().map(|found| found.heard).collect();
        let seats = numbered(&heard);
        let mut truth = 0;
        for ((provider, class), found) in seats.iter().zip(found) {
            if let (Some(class), true) = (class, found.right) {
                truth |= 1_u64 << class;
            }
            let keep = self.rule.short_keep;
            let short = &mut self.short[*provider];
            // One right and one wrong answer are always given.
            *short = ((short.0 - 1.0) * keep + 1.0, (short.1 - 1.0) * keep + 1.0);
            for record in [&mut self.long[*provider], &mut self.short[*provider]] {
                if found.right {
                    record.0 += 1.0;
                } else {
                    record.1 += 1.0;
                }
            }
        }
        self.compare(&seats, wrong, Some(truth));
        let audited: Vec<usize> = seats.iter().map(|(provider, _)| *provider).collect();
        let contract = Contract {
            number: self.kept,
            domain,
            wrong,
            seats,
            truth: Some(truth),
        };
        self.watch(&contract);
        self.audits.push_back(contract);
        for provider in audited {
            self.limit(provider);
        }
        if self.audits.len() > self.rule.audits_max {
            self.audits.pop_front();
        }
    }

    /// Looks in an audit for who turned. Its record of audits begins anew when it did, so that what audits leave
    /// possible falls at once; what is fitted to all that is remembered follows later.
    fn watch(&mut self, contract: &Contract) {
        // With fewer answers in its record, the two given ones included, nobody knows what it would have turned from.
        const KNOWN: f64 = 14.0;
        // Who turned is right this much less often, and turned where that is so many times likelier, as a logarithm.
        const TURNED: f64 = 0.15;
        const BELIEVED: f64 = 5.0;
        let voices = self.alone(contract.domain, &contract.seats);
        let posterior = self
            .skills
            .posterior(&voices, contract.wrong, contract.truth);
        for (place, (provider, _)) in contract.seats.iter().enumerate() {
            let record = self.long[*provider];
            if record.0 + record.1 < KNOWN {
                continue;
            }
            let right = posterior.right[place] > 0.5;
            let expected = posterior.expected[place].clamp(0.05, 0.95);
            let surprise = &mut self.surprises[*provider];
            surprise.sum += if right {
                ln(TURNED)
            } else {
                ln((1.0 - TURNED * expected) / (1.0 - expected))
            };
            if surprise.sum <= 0.0 {
                *surprise = Surprise::default();
                continue;
            }
            surprise.right += f64::from(u8::from(right));
            surprise.wrong += f64::from(u8::from(!right));
            if surprise.sum >= BELIEVED {
                let record = (1.0 + surprise.right, 1.0 + surprise.wrong);
                self.long[*provider] = record;
                self.short[*provider] = record;
                *surprise = Surprise::default();
            }
        }
    }

    /// Whether a seat says what all before it agree on; `None` unless these are at least two, and no twins.
    ///
    /// Elsewhere a late seat is asked because others disagree: who always sides with an error is then right more often
    /// than not, as far as anybody sees. Here it is found out.
    fn tried(&self, seats: &[(usize, Option<usize>)], place: usize) -> Option<bool> {
        let (provider, class) = seats[place];
        let before: Vec<_> = seats[..place]
            .iter()
            .filter(|seat| seat.1.is_some())
            .collect();
        let first = before.first()?;
        let agreed =
            |seat: &&(usize, Option<usize>)| seat.1 == first.1 && !self.are_twins(seat.0, provider);
        let backed = before
            .iter()
            .any(|seat| seat.0 != first.0 && !self.are_twins(seat.0, first.0));
        (backed && before.iter().all(agreed)).then_some(class == first.1)
    }

    /// What is possible for a provider after what was found of it.
    fn limit(&mut self, provider: usize) {
        self.ceilings[provider] = if self.audits.is_empty() {
            self.tried_most(provider)
        } else {
            // Peers must not outweigh audits.
            let (long, short) = (self.long[provider], self.short[provider]);
            self.skills
                .of_share(self.upper(long).min(self.upper(short)))
        };
    }

    /// The skill at which what a provider and its twins said in trials would be likely enough; no limit unless that is
    /// damning.
    fn tried_most(&self, provider: usize) -> f64 {
        const DAMNING: f64 = 0.7;
        const LEAST: f64 = -3.0;
        const DEVIATIONS: f64 = 1.5;
        let mut sum = Trials {
            agreed: 1.0,
            of: 2.0,
            expected: 1.0,
        };
        let mut skill = self.overall(provider);
        for other in 0..self.providers {
            if other == provider || self.are_twins(provider, other) {
                let trials = self.trials[other];
                sum.agreed += trials.agreed;
                sum.of += trials.of;
                sum.expected += trials.expected;
                skill = skill.min(self.overall(other));
            }
        }
        let most = upper((sum.agreed, sum.of - sum.agreed), DEVIATIONS);
        if most >= DAMNING {
            return f64::INFINITY;
        }
        let expected = (sum.expected / sum.of).clamp(0.005, 0.995);
        (skill + log_odds(most) - log_odds(expected)).max(LEAST)
    }

    /// What audits leave possible of a record.
    fn upper(&self, record: (f64, f64)) -> f64 {
        upper(record, self.rule.ceiling)
    }

    /// Who errs alike. Two that are right agree as a matter of course; two that err seldom do.
    ///
    /// Whether an answer is an error is judged with all skills held equal, so that a ring that is believed is seen
    /// nevertheless, and with the two as one voice.
    fn compare(&mut self, seats: &[(usize, Option<usize>)], wrong: f64, truth: Option<u64>) {
        let unknown = |(_, class): &(usize, Option<usize>)| Voice {
            skill: self.rule.unknown,
            class: *class,
            weight: 1.0,
        };
        let mut voices: Vec<Voice> = seats.iter().map(unknown).collect();
        for (place, &(one, class)) in seats.iter().enumerate() {
            for (earlier, &(other, said)) in seats[..place].iter().enumerate() {
                let (Some(class), Some(said)) = (class, said) else {
                    continue;
                };
                let alike = class == said;
                let weight = match truth {
                    _ if !alike => 1.0,
                    Some(truth) => f64::from(u8::from(truth >> class & 1 == 0)),
                    None => {
                        voices[earlier].weight = REPEATED;
                        let posterior = self.skills.posterior(&voices, wrong, None);
                        voices[earlier].weight = 1.0;
                        1.0 - posterior.classes[class]
                    }
                };
                let keep = 1.0 - (1.0 - self.rule.twin_keep) * weight;
                for (a, b) in [(one, other), (other, one)] {
                    let pair = &mut self.pairs[a * self.providers + b];
                    pair.0 = pair.0 * keep + if alike { weight } else { 0.0 };
                    pair.1 = pair.1 * keep + weight;
                }
            }
        }
    }

    /// Fits all skills to what is remembered. Every eighth time, and when other twins are known, it begins anew:
    /// what was believed before may hold itself up.
    pub(super) fn fit(&mut self) {
        const ANEW_EVERY: usize = 8;
        const STEPS: usize = 2;
        const STEPS_ANEW: usize = 8;
        self.fits += 1;
        let twins = (0..self.providers)
            .flat_map(|one| (0..one).map(move |other| (one, other)))
            .filter(|(one, other)| self.are_twins(*one, *other))
            .count();
        let anew = twins != self.twins || self.fits.is_multiple_of(ANEW_EVERY);
        self.twins = twins;
        if anew {
            self.overall.fill(self.rule.unknown);
            self.local.fill(0.0);
            self.levels.fill(0.0);
        }
        for _ in 0..if anew { STEPS_ANEW } else { STEPS } {
            self.step();
            for provider in 0..self.providers {
                self.limit(provider);
            }
        }
    }

    /// A step of Newton's method, all skills at once.
    fn step(&mut self) {
        let (alone, beside_audits) = self.rule.keep;
        let keep = if self.audits.is_empty() {
            alone
        } else {
            beside_audits
        };
        let (mut peers, trials) = self.slopes(&self.contracts, keep);
        self.trials = trials;
        let (audits, _) = self.slopes(&self.audits, self.rule.keep_audit);
        for provider in 0..self.providers {
            let own = provider * self.domains..(provider + 1) * self.domains;
            if !self.audits.is_empty() {
                let sum = |slopes: &[Slope]| slopes.iter().map(|slope| slope.curve).sum::<f64>();
                let most = self.rule.peers_base + self.rule.peers_share * sum(&audits[own.clone()]);
                let share = (most / sum(&peers[own.clone()]).max(1e-9)).min(1.0);
                for (peers, audits) in peers[own.clone()].iter_mut().zip(&audits[own.clone()]) {
                    peers.slope = peers.slope * share + audits.slope;
                    peers.curve = peers.curve * share + audits.curve;
                }
            }
        }
        self.level(&mut peers);
        for provider in 0..self.providers {
            let own = provider * self.domains..(provider + 1) * self.domains;
            let prior = 1.0 / (self.rule.spread * self.rule.spread);
            let slopes = &peers[own];
            let overall = &mut self.overall[provider];
            let slope = slopes.iter().map(|slope| slope.slope).sum::<f64>()
                + (self.rule.unknown - *overall) * prior;
            let curve = slopes.iter().map(|slope| slope.curve).sum::<f64>() + prior;
            let step = (slope / curve).clamp(-1.0, 1.0);
            *overall += step;
            self.overall_curve[provider] = curve;
            if self.domains < 2 {
                continue;
            }
            let prior = 1.0 / (self.rule.domain_spread * self.rule.domain_spread);
            for (domain, of) in slopes.iter().enumerate() {
                let place = provider * self.domains + domain;
                let slope = of.slope - of.curve * step - self.local[place] * prior;
                let curve = of.curve + prior;
                self.local[place] += (slope / curve).clamp(-1.0, 1.0);
                self.local_curve[place] = curve;
            }
        }
    }

    /// The part of a step that all providers share in a domain, which is then taken off what each is told.
    fn level(&mut self, slopes: &mut [Slope]) {
        if self.domains < 2 {
            return;
        }
        let prior = 1.0 / (self.rule.spread * self.rule.spread);
        for (domain, level) in self.levels.iter_mut().enumerate() {
            let of_domain = || slopes.iter().skip(domain).step_by(self.domains);
            let slope: f64 = of_domain().map(|own| own.slope).sum();
            let curve: f64 = of_domain().map(|own| own.curve).sum();
            let step = ((slope - *level * prior) / (curve + prior)).clamp(-1.0, 1.0);
            *level += step;
            for own in slopes.iter_mut().skip(domain).step_by(self.domains) {
                own.slope -= own.curve * step;
            }
        }
    }

    /// What contracts say about each skill, at the skills as they are.
    fn slopes(
        &self,
        contracts: &std::collections::VecDeque<Contract>,
        keep: f64,
    ) -> (Vec<Slope>, Vec<Trials>) {
        let mut trials = vec![Trials::default(); self.providers];
        let mut slopes = vec![Slope::default(); self.providers * self.domains];
        let mut age = self.kept;
        let mut fresh = 1.0;
        for contract in contracts.iter().rev() {
            while age > contract.number {
                fresh *= keep;
                age -= 1;
            }
            // An audit judges each by itself.
            let voices = match contract.truth {
                Some(_) => self.alone(contract.domain, &contract.seats),
                None => self.voices(contract.domain, &contract.seats),
            };
            let posterior = self
                .skills
                .posterior(&voices, contract.wrong, contract.truth);
            for (place, (provider, _)) in contract.seats.iter().enumerate() {
                // Who repeats a twin is judged as everybody is: else it keeps the skill of who is not known.
                let expected = posterior.expected[place];
                let slope = &mut slopes[provider * self.domains + contract.domain];
                slope.slope += fresh * (posterior.right[place] - expected);
                slope.curve += fresh * expected * (1.0 - expected);
                if let Some(agrees) = self.tried(&contract.seats, place) {
                    let trials = &mut trials[*provider];
                    trials.agreed += if agrees { fresh } else { 0.0 };
                    trials.of += fresh;
                    trials.expected += fresh * expected;
                }
            }
        }
        (slopes, trials)
    }
}

/// Mean and some deviations of a record of right and wrong answers.
fn upper((right, wrong): (f64, f64), deviations: f64) -> f64 {
    let of = right + wrong;
    let mean = right / of;
    (mean + deviations * (mean * (1.0 - mean) / (of + 1.0)).sqrt()).min(0.995)
}

/// Classes by number, in the order in which they came.
pub(super) fn numbered(heard: &[Heard]) -> Vec<(usize, Option<usize>)> {
    let mut known: Vec<u32> = Vec::new();
    let mut number = |class: u32| {
        known
            .iter()
            .position(|other| *other == class)
            .unwrap_or_else(|| {
                if known.len() < CLASSES_MAX {
                    known.push(class);
                }
                known.len() - 1
            })
    };
    heard
        .iter()
        .map(|heard| {
            (
                heard.provider,
                heard.answer.map(|answer| number(answer.class)),
            )
        })
        .collect()
}
