//! What no single field of a scenario shows.

use llmnet_types::domain::Domain;

use super::{EPOCH_MS_MIN, Office, PROVIDERS_MAX, QUESTIONS_MAX, Scenario};

impl Scenario {
    /// Who is there where nobody is named.
    pub(super) fn fill(&mut self) {
        fn honest<B: Default>(offices: &mut Vec<Office<B>>, count: u32) {
            if offices.is_empty() {
                offices.push(Office {
                    name: "honest".to_owned(),
                    behaviour: B::default(),
                    count,
                });
            }
        }
        honest(&mut self.coordinators, 3);
        honest(&mut self.requesters, 6);
        honest(&mut self.validators, 4);
    }

    /// What no single field shows.
    pub(super) fn check(&self) -> Result<(), (usize, String)> {
        let market = &self.market;
        let fault = |place: usize, what: &str| Err((place, what.to_owned()));
        if market.domains.is_empty() || market.domains.len() > 256 {
            return fault(0, "domains should name 1 to 256 of them");
        }
        let mut seen = Vec::new();
        for domain in &market.domains {
            let place = domain.span().start;
            let name = domain.get_ref();
            match Domain::new(name) {
                Ok(normal) if normal.as_str() == name && !seen.contains(&name) => seen.push(name),
                Ok(_) => return fault(place, "this domain stands twice, or is not lower-case"),
                Err(error) => return Err((place, error.to_string())),
            }
        }
        let quorum = *market.quorum.get_ref();
        if quorum == 0 || quorum > market.seats {
            let place = market.quorum.span().start;
            return fault(
                place,
                "quorum should be from 1 to as many as there are seats",
            );
        }
        if u64::from(self.epochs) * u64::from(market.questions) > QUESTIONS_MAX {
            let what = format!("epochs times questions should be at most {QUESTIONS_MAX}");
            return Err((0, what));
        }
        if self.epoch_ms() < EPOCH_MS_MIN {
            let what = format!(
                "epoch_blocks times block_ms should be at least {EPOCH_MS_MIN}: contracts have to be settled an epoch later"
            );
            return Err((0, what));
        }
        if self.people.is_empty() {
            return fault(0, "there is no [[people]] at all; somebody has to answer");
        }
        let mut groups: Vec<&str> = Vec::new();
        let mut providers = 0_u64;
        for group in &self.people {
            let place = group.name.span().start;
            if groups.contains(&group.name.get_ref().as_str()) {
                return fault(
                    place,
                    "another group has this name; names tell groups apart",
                );
            }
            groups.push(group.name.get_ref());
            let stays = group.stays.unwrap_or((u32::MAX, u32::MAX));
            if stays.0 == 0 || stays.0 > stays.1 {
                return fault(
                    place,
                    "stays should be two numbers of epochs from 1, the lower first",
                );
            }
            let lives = 1 + u64::from(self.epochs / stays.0);
            providers += u64::from(group.count) * lives;
            if let Some((domain, range)) = group.skill_in.iter().find(|(domain, range)| {
                !seen.contains(domain) || !(0.0..=range.1).contains(&range.0) || range.1 > 1.0
            }) {
                let what = format!(
                    "skill_in names {domain} with {} to {}; it should be a domain of the market and a range in 0 to 1",
                    range.0, range.1
                );
                return Err((place, what));
            }
        }
        if providers > u64::from(PROVIDERS_MAX) {
            let what = format!(
                "there would be {providers} respondents in all; at most {PROVIDERS_MAX} may be"
            );
            return Err((0, what));
        }
        for outage in &self.outages {
            let known = groups.contains(&outage.group.get_ref().as_str());
            if !known || outage.epochs.0 >= outage.epochs.1 {
                let what =
                    "an outage is of a group that is named above, from an epoch to a later one";
                return fault(outage.group.span().start, what);
            }
        }
        for promise in &self.promises {
            if promise.at_most.is_none() && promise.at_least.is_none() {
                let what = "a promise needs at_most or at_least, or it promises nothing";
                return fault(promise.measure.span().start, what);
            }
        }
        Ok(())
    }
}
