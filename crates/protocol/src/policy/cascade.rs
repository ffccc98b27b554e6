//! The cascade: one seat after another is asked while the answers leave doubt.

use super::{
    Found, Heard, Policy,
    book::{Book, Rule, numbered},
    number::{ln, mixed, normal},
    posterior::Skills,
};

/// What a cascade may be told to do otherwise. The defaults are the ones that won (`docs/POLICIES.md`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The most calls for a request, on average, audits included: at least 1.
    pub calls: f64,
    /// The first so many contracts are answered by all, so that all are known a little: 0 to 1,000.
    pub opening: usize,
    /// How far chance may move a provider's place, in deviations of its skill.
    pub curiosity: f64,
    /// What a provider's place loses with each doubling of its latency, in skill, times `ln 2`.
    pub haste: f64,
    /// Deviation of the difficulty of questions.
    pub difficulty: f64,
    /// Wrong answers that questions with options lead to, and those without.
    pub wrong: (f64, f64),
    /// How far behind the best a provider may be and still be asked, where there are options, and where not.
    pub behind: (f64, f64),
    /// The same where there are no options, once audits tell who is far behind.
    pub behind_audited: f64,
    /// Without audits, every so manieth contract on which the cascade is sure asks one more by chance, so that a ring
    /// that is asked first and agrees is contradicted now and then.
    pub probe_every: u64,
    /// Deviation of a provider's skills among domains.
    pub domain_spread: f64,
    /// Contracts that are remembered.
    pub contracts_max: usize,
    /// What peers say counts up to this much, and for each unit that audits gave this much, once there are audits.
    pub peers: (f64, f64),
    /// What remains of a contract's word with each further contract, without audits and with them.
    pub keep: (f64, f64),
    /// Deviations over what audits found that are left possible.
    pub ceiling: f64,
    /// Of errors that set two apart or that they share, the share that they share from which they count as one.
    pub twin_share: f64,
    /// The share of the calls allowed up to which audits ask everybody.
    pub audits_of_all: f64,
    /// The most log-odds that are asked for, whatever calls are left: beyond, further answers change little.
    pub sure_max: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            calls: 5.0,
            opening: 12,
            curiosity: 0.2,
            haste: 0.6,
            difficulty: 1.5,
            wrong: (3.0, 80.0),
            behind: (1.0, 2.0),
            behind_audited: 1.2,
            probe_every: 8,
            domain_spread: 0.4,
            contracts_max: 1_500,
            peers: (2.0, 0.3),
            keep: (0.9995, 0.9995),
            ceiling: 2.0,
            twin_share: 0.9,
            audits_of_all: 0.3,
            sure_max: 6.0,
        }
    }
}

/// Sets the chance of probes apart from that of places.
const PROBE_TAG: u64 = 0x70_726f_6265;
/// What is asked for at first.
const SURE_FIRST: f64 = 2.0;
/// How quickly it follows the calls that were made.
const PACE: f64 = 0.025;
/// Calls too many, or too few, are made up for over so many contracts,
const MADE_UP_OVER: f64 = 100.0;
/// by at most this share of the calls allowed.
const MADE_UP_MOST: f64 = 0.12;
/// What audits of everybody may take of the calls beyond one for each contract.
const SPARE_FOR_AUDITS: f64 = 0.75;
/// Kept back of the calls allowed, so that a mean lands under it and not about it.
const KEPT_BACK: f64 = 0.02;

/// The policy.
#[derive(Debug, Clone)]
pub struct Cascade {
    settings: Settings,
    book: Book,
    domain: usize,
    plan: Vec<usize>,
    /// Who is asked only if nobody of the plan answered.
    kept_back: Vec<usize>,
    /// Whom a probe asks besides; `None` where this contract is none, or has been one.
    probe: Option<usize>,
    /// Whether the answers heard are choices among options.
    choices: bool,
    /// Log-odds from which a class is taken.
    sure: f64,
    contracts: usize,
    audits: usize,
    calls: usize,
    fit_at: usize,
    /// Calls that audits made.
    audit_calls: usize,
}

impl Cascade {
    /// For so many providers and domains, nothing known.
    pub fn new(settings: Settings, providers: usize, domains: usize) -> Self {
        let rule = Rule {
            unknown: 0.5,
            spread: 1.0,
            domain_spread: settings.domain_spread,
            contracts_max: settings.contracts_max,
            keep: settings.keep,
            keep_audit: 0.9995,
            audits_max: 600,
            peers_base: settings.peers.0,
            peers_share: settings.peers.1,
            ceiling: settings.ceiling,
            short_keep: 0.8,
            twin_share: settings.twin_share,
            twin_errors: 4.0,
            twin_keep: 0.98,
        };
        let skills = Skills::new(settings.difficulty);
        Self {
            settings,
            book: Book::new(rule, skills, providers, domains.max(1)),
            domain: 0,
            plan: Vec::new(),
            kept_back: Vec::new(),
            probe: None,
            choices: false,
            sure: SURE_FIRST,
            contracts: 0,
            audits: 0,
            calls: 0,
            fit_at: 8,
            audit_calls: 0,
        }
    }

    const fn is_opening(&self) -> bool {
        self.contracts < self.settings.opening
    }

    const fn wrong(&self) -> f64 {
        let (options, open) = self.settings.wrong;
        if self.choices { options } else { open }
    }

    fn classes(&self, heard: &[Heard]) -> (Vec<(usize, Option<usize>)>, Vec<f64>) {
        let seats = numbered(heard);
        let voices = self.book.voices(self.domain, &seats);
        let posterior = self.book.skills().posterior(&voices, self.wrong(), None);
        (seats, posterior.classes)
    }

    fn look(&mut self, heard: &[Heard]) {
        let mut answers = heard.iter().filter_map(|heard| heard.answer).peekable();
        if answers.peek().is_some() {
            self.choices = answers.all(|answer| answer.choice);
        }
    }
}

impl Policy for Cascade {
    fn open(&mut self, domain: usize, chance: u64) {
        self.domain = domain;
        let skill = |provider| self.book.skill(provider, domain);
        let best = (0..self.book.providers())
            .map(skill)
            .fold(f64::MIN, f64::max);
        let (options, open) = self.settings.behind;
        let audited = self.audits > 0;
        let behind = match (self.choices, audited) {
            (true, _) => options,
            (false, true) => open.min(self.settings.behind_audited),
            (false, false) => open,
        };
        let is_opening = self.is_opening();
        let number = |provider: usize| mixed(chance ^ mixed(provider as u64));
        let mut places: Vec<(f64, usize)> = (0..self.book.providers())
            .map(|provider| {
                let luck = normal(number(provider));
                let doubt = self.settings.curiosity * self.book.doubt(provider, domain);
                // Luck lifts nobody over what audits left possible.
                let place =
                    skill(provider) + doubt * luck - self.settings.haste * self.book.pace(provider);
                (place.min(self.book.ceiling(provider, domain)), provider)
            })
            .collect();
        places.sort_by(|one, other| {
            let by_place = other.0.total_cmp(&one.0);
            by_place.then(number(one.1).cmp(&number(other.1)))
        });
        self.probe = None;
        if !is_opening
            && !audited
            && mixed(chance ^ PROBE_TAG).is_multiple_of(self.settings.probe_every)
        {
            // Among those who may yet prove good: who is known to be far behind contradicts nobody.
            let doubt = |provider| 2.0 * self.book.doubt(provider, domain);
            let outsiders = (0..self.book.providers())
                .filter(|provider| skill(*provider) + doubt(*provider) >= best - behind);
            self.probe = outsiders.min_by_key(|provider| mixed(number(*provider) ^ PROBE_TAG));
        }
        self.plan.clear();
        self.kept_back.clear();
        for (_, provider) in places {
            let repeats = self
                .plan
                .iter()
                .any(|other| self.book.are_twins(provider, *other));
            if is_opening || (!repeats && skill(provider) >= best - behind) {
                self.plan.push(provider);
            } else {
                self.kept_back.push(provider);
            }
        }
    }

    fn next(&mut self, heard: &[Heard]) -> Option<usize> {
        let silent = heard.iter().all(|heard| heard.answer.is_none());
        let next = match heard.len().checked_sub(self.plan.len()) {
            None => self.plan[heard.len()],
            Some(place) if silent => self.kept_back.get(place).copied()?,
            Some(_) => return None,
        };
        if silent || self.is_opening() {
            return Some(next);
        }
        self.look(heard);
        let (_, classes) = self.classes(heard);
        let most = classes.into_iter().fold(0.0, f64::max);
        let odds = ln(most / (1.0 - most).max(1e-12));
        if odds < self.sure {
            return Some(next);
        }
        let heard_of = |provider: usize| heard.iter().any(|heard| heard.provider == provider);
        self.probe.take().filter(|outsider| !heard_of(*outsider))
    }

    fn conclude(&mut self, heard: &[Heard]) -> Option<u32> {
        self.look(heard);
        let (seats, classes) = self.classes(heard);
        let mut taken: Option<(f64, u32)> = None;
        for ((_, class), heard) in seats.iter().zip(heard) {
            let (Some(class), Some(answer)) = (class, heard.answer) else {
                continue;
            };
            if taken.is_none_or(|(most, _)| classes[*class] > most) {
                taken = Some((classes[*class], answer.class));
            }
        }
        taken.map(|(_, class)| class)
    }

    fn learn(&mut self, heard: &[Heard], calls: usize) {
        let was_opening = self.is_opening();
        self.book.keep(self.domain, self.wrong(), heard);
        self.contracts += 1;
        self.calls += calls;
        if self.contracts >= self.fit_at {
            self.book.fit();
            self.fit_at = self.contracts + (8 + self.contracts / 10).min(60);
        }
        if was_opening {
            return;
        }
        let allowed = self.settings.calls - KEPT_BACK;
        let owed = (self.settings.calls * self.contracts as f64 - self.calls as f64) / MADE_UP_OVER;
        let most = self.settings.calls * MADE_UP_MOST;
        let aim = allowed + owed.clamp(-most, self.settings.calls);
        self.sure = (self.sure + PACE * (aim - calls as f64)).clamp(-3.0, self.settings.sure_max);
    }

    fn audit(&mut self, heard: &[Heard]) -> Option<Vec<usize>> {
        // The first are of all, and so are those that calls suffice for; the others of who may be among the best.
        const FIRST: usize = 10;
        let skill = |provider| self.book.skill(provider, self.domain);
        let best = (0..self.book.providers())
            .map(skill)
            .fold(f64::MIN, f64::max);
        let calls = self.settings.calls;
        // A contract takes a call at least: only those beyond are spare.
        let share = (self.settings.audits_of_all * calls).min(SPARE_FOR_AUDITS * (calls - 1.0));
        let would_be = (self.audit_calls + self.book.providers()) as f64;
        let of_all = self.audits < FIRST || would_be <= share * (self.contracts + 1) as f64;
        self.audits += 1;
        let others = (0..self.book.providers()).filter(|provider| {
            let asked = heard.iter().any(|heard| heard.provider == *provider);
            let hoped = skill(*provider) + 2.0 * self.book.doubt(*provider, self.domain);
            !asked && (of_all || hoped >= best)
        });
        let others: Vec<usize> = others.collect();
        self.audit_calls += others.len();
        Some(others)
    }

    fn audited(&mut self, found: &[Found]) {
        self.book.audited(self.domain, self.wrong(), found);
    }

    fn reputation(&self, provider: usize) -> f64 {
        self.book.overall(provider)
    }
}
