//! Simple policies, to measure others by.

use llmnet_protocol::policy::{
    Found, Heard, Policy,
    number::{log_odds, mixed, normal},
};

/// One provider by chance, believed.
#[derive(Debug, Clone)]
pub struct Random {
    providers: usize,
    next: usize,
}

impl Random {
    /// Among so many.
    pub const fn new(providers: usize) -> Self {
        Self { providers, next: 0 }
    }
}

impl Policy for Random {
    fn open(&mut self, _domain: usize, chance: u64) {
        let product = u128::from(chance) * self.providers as u128;
        self.next = usize::try_from(product >> 64).unwrap_or(0);
    }

    fn next(&mut self, heard: &[Heard]) -> Option<usize> {
        (heard.is_empty() && self.providers > 0).then_some(self.next)
    }

    fn conclude(&mut self, heard: &[Heard]) -> Option<u32> {
        heard.first()?.answer.map(|answer| answer.class)
    }

    fn learn(&mut self, _heard: &[Heard], _calls: usize) {}

    fn audit(&mut self, _heard: &[Heard]) -> Option<Vec<usize>> {
        None
    }

    fn audited(&mut self, _found: &[Found]) {}

    fn reputation(&self, _provider: usize) -> f64 {
        0.0
    }
}

/// Thompson sampling of so many seats; each is rated by whether it says what the others' weighted plurality says.
/// A domain's record leans on the provider's overall one. Audits count as ratings do.
#[derive(Debug, Clone)]
pub struct Peers {
    seats: usize,
    providers: usize,
    domains: usize,
    domain: usize,
    /// For and against, by provider and domain.
    records: Vec<(f64, f64)>,
    plan: Vec<usize>,
}

/// What a domain's record leans on, in ratings.
const LEAN: f64 = 20.0;
/// Answers that a wrong one is spread over.
const WRONG: f64 = 19.0;

impl Peers {
    /// For so many providers and domains.
    pub fn new(seats: usize, providers: usize, domains: usize) -> Self {
        Self {
            seats,
            providers,
            domains,
            domain: 0,
            records: vec![(0.0, 0.0); providers * domains],
            plan: Vec::new(),
        }
    }

    fn overall(&self, provider: usize) -> (f64, f64) {
        let own = &self.records[provider * self.domains..(provider + 1) * self.domains];
        own.iter().fold((1.0, 1.0), |sum, record| {
            (sum.0 + record.0, sum.1 + record.1)
        })
    }

    /// Mean and deviation in the domain at hand.
    fn share(&self, provider: usize) -> (f64, f64) {
        let (positive, negative) = self.overall(provider);
        let lean = LEAN.min(positive + negative);
        let own = self.records[provider * self.domains + self.domain];
        let of = own.0 + own.1 + lean;
        let mean = (own.0 + lean * positive / (positive + negative)) / of;
        (mean, (mean * (1.0 - mean) / (of + 1.0)).sqrt())
    }

    fn weight(&self, provider: usize) -> f64 {
        log_odds(self.share(provider).0.clamp(0.02, 0.98))
            + llmnet_protocol::policy::number::ln(WRONG)
    }

    /// The class with the most weight among seats, one of them left out.
    fn plurality(&self, heard: &[Heard], except: Option<usize>) -> Option<u32> {
        let mut votes: Vec<(u32, f64)> = Vec::new();
        for heard in heard.iter().filter(|heard| Some(heard.provider) != except) {
            let Some(answer) = heard.answer else { continue };
            let weight = self.weight(heard.provider);
            match votes.iter_mut().find(|(class, _)| *class == answer.class) {
                Some((_, sum)) => *sum += weight,
                None => votes.push((answer.class, weight)),
            }
        }
        let most = votes
            .into_iter()
            .reduce(|most, vote| if vote.1 > most.1 { vote } else { most });
        most.map(|(class, _)| class)
    }

    fn rate(&mut self, provider: usize, right: bool) {
        let record = &mut self.records[provider * self.domains + self.domain];
        if right {
            record.0 += 1.0;
        } else {
            record.1 += 1.0;
        }
    }
}

impl Policy for Peers {
    fn open(&mut self, domain: usize, chance: u64) {
        self.domain = domain;
        let mut places: Vec<(f64, u64, usize)> = (0..self.providers)
            .map(|provider| {
                let bits = mixed(chance ^ mixed(provider as u64));
                let (mean, deviation) = self.share(provider);
                (mean + deviation * normal(bits), bits, provider)
            })
            .collect();
        places.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        self.plan = places
            .into_iter()
            .take(self.seats)
            .map(|(_, _, provider)| provider)
            .collect();
    }

    fn next(&mut self, heard: &[Heard]) -> Option<usize> {
        self.plan.get(heard.len()).copied()
    }

    fn conclude(&mut self, heard: &[Heard]) -> Option<u32> {
        self.plurality(heard, None)
    }

    fn learn(&mut self, heard: &[Heard], _calls: usize) {
        let ratings: Vec<(usize, Option<bool>)> = heard
            .iter()
            .map(|heard_of| {
                let others = self.plurality(heard, Some(heard_of.provider));
                let own = heard_of.answer.map(|answer| answer.class);
                (heard_of.provider, others.map(|others| own == Some(others)))
            })
            .collect();
        for (provider, agrees) in ratings {
            if let Some(agrees) = agrees {
                self.rate(provider, agrees);
            }
        }
    }

    fn audit(&mut self, heard: &[Heard]) -> Option<Vec<usize>> {
        let asked = |provider: &usize| heard.iter().any(|heard| heard.provider == *provider);
        Some(
            (0..self.providers)
                .filter(|provider| !asked(provider))
                .collect(),
        )
    }

    fn audited(&mut self, found: &[Found]) {
        for found in found {
            self.rate(found.heard.provider, found.right);
        }
    }

    fn reputation(&self, provider: usize) -> f64 {
        let (positive, negative) = self.overall(provider);
        positive / (positive + negative)
    }
}
