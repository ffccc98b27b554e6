//! What is measured: an epoch at a time, and of the whole run.

use std::collections::BTreeMap;

use llmnet_ledger::query;
use llmnet_types::{
    receipt::ContractStatus,
    signature::PublicKey,
    units::{Amount, Epoch, Timestamp},
};

use super::{
    market::Market,
    people::{People, Provider},
    scenario::{Behaviour, Scenario},
    world::World,
};
use crate::measure::{gini, kendall, quantile};

/// Where all money is, in millionths of a credit. Its parts add up to the supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Money {
    /// Not given out yet.
    pub treasury: u64,
    /// Requesters' and auditors' gateways' free money.
    pub requesters: u64,
    /// Operators' of respondents.
    pub providers: u64,
    /// Coordinators'.
    pub coordinators: u64,
    /// Validators'.
    pub validators: u64,
    /// Locked in lines.
    pub lines: u64,
    /// Posted as bonds.
    pub bonds: u64,
    /// Earned and not free yet.
    pub held: u64,
    /// Deposited with challenges.
    pub deposits: u64,
    /// Validators' and auditors' pool.
    pub pool: u64,
    /// Gone.
    pub burnt: u64,
}

impl Money {
    /// By name, in the order of tables.
    pub const fn parts(&self) -> [(&'static str, u64); 11] {
        [
            ("treasury", self.treasury),
            ("requesters", self.requesters),
            ("providers", self.providers),
            ("coordinators", self.coordinators),
            ("validators", self.validators),
            ("lines", self.lines),
            ("bonds", self.bonds),
            ("held", self.held),
            ("deposits", self.deposits),
            ("pool", self.pool),
            ("burnt", self.burnt),
        ]
    }

    /// All of it.
    pub fn sum(&self) -> u128 {
        self.parts().iter().map(|(_, part)| u128::from(*part)).sum()
    }

    /// As the ledger has it, account by account.
    pub fn of(world: &World, people: &People, market: &Market) -> Self {
        let state = &world.state;
        let free = |owner: &PublicKey| query::account(state, owner).balance.0;
        let totals = query::totals(state);
        let mut operators: Vec<PublicKey> = people
            .all
            .iter()
            .map(|provider| provider.operator.public_key())
            .collect();
        operators.sort_unstable();
        operators.dedup();
        Self {
            treasury: free(&world.treasury.public_key()),
            requesters: market
                .requesters
                .iter()
                .map(|one| free(&one.key.public_key()))
                .sum(),
            providers: operators.iter().map(free).sum(),
            coordinators: market.coordinators.iter().map(|one| free(&one.node)).sum(),
            validators: world.validators.iter().map(|one| free(&one.node)).sum(),
            lines: totals.lines.0,
            bonds: totals.bonds.0,
            held: totals.held.0,
            deposits: totals.deposits.0,
            pool: totals.pool.0,
            burnt: totals.burnt.0,
        }
    }
}

/// An epoch.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Row {
    /// Which.
    pub epoch: u32,
    /// Questions asked, audits included.
    pub questions: u64,
    /// Of these, no contract could be made: nobody served the domain, no coordinator stood, no money.
    pub unserved: u64,
    /// Of these, concluded.
    pub concluded: u64,
    /// Failed.
    pub failed: u64,
    /// Void.
    pub void: u64,
    /// Concluded with the right answer.
    pub right: u64,
    /// Seats, by group.
    pub seats: Vec<u64>,
    /// Pay earned, by group, in millionths.
    pub pay: Vec<u64>,
    /// Who stands, by group.
    pub standing: Vec<u64>,
    /// Mean reputation, by group; nothing where nobody stands.
    pub reputation: Vec<Option<f64>>,
    /// Where the money is at the end of it.
    pub money: Money,
}

/// All of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// Epoch by epoch.
    pub rows: Vec<Row>,
    /// Times to an answer.
    pub latencies_ms: Vec<u32>,
    /// What was taken from bonds, by what tables call the culprit, in millionths.
    pub slashed: BTreeMap<String, u64>,
    /// What those were paid that filed a claim, in millionths.
    pub filed: u64,
    /// What requesters were charged, by office, in millionths.
    pub spent: BTreeMap<String, u64>,
}

impl Timeline {
    /// The epoch at hand.
    pub fn row(&mut self, scenario: &Scenario, epoch: u32) -> &mut Row {
        let groups = scenario.people.len();
        while self.rows.len() <= epoch as usize {
            self.rows.push(Row {
                epoch: self.rows.len() as u32,
                seats: vec![0; groups],
                pay: vec![0; groups],
                standing: vec![0; groups],
                reputation: vec![None; groups],
                ..Row::default()
            });
        }
        &mut self.rows[epoch as usize]
    }

    /// Notes how a contract ended.
    pub fn ended(row: &mut Row, status: ContractStatus, right: bool) {
        match status {
            ContractStatus::Concluded => {
                row.concluded += 1;
                row.right += u64::from(right);
            }
            ContractStatus::Failed => row.failed += 1,
            ContractStatus::Void => row.void += 1,
        }
    }

    /// Closes an epoch: who stands, how they are reputed, where the money is.
    pub fn close(
        &mut self,
        world: &World,
        people: &People,
        market: &Market,
        scenario: &Scenario,
        epoch: u32,
    ) {
        let groups = scenario.people.len();
        let mut sums = vec![(0.0, 0_u64); groups];
        for (_, provider) in people.standing() {
            let sum = &mut sums[provider.group];
            sum.0 += reputation(world, provider);
            sum.1 += 1;
        }
        let row = self.row(scenario, epoch);
        row.money = Money::of(world, people, market);
        for (group, (sum, count)) in sums.into_iter().enumerate() {
            row.standing[group] = count;
            row.reputation[group] = (count > 0).then(|| sum / count as f64);
        }
    }

    /// What results are made of, by name.
    pub fn measures(
        &self,
        world: &World,
        people: &People,
        scenario: &Scenario,
    ) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        let asked: Vec<&Row> = self.rows.iter().filter(|row| row.questions > 0).collect();
        let late = &asked[asked.len() - asked.len() / 4..];
        let percent = |part: u64, of: u64| 100.0 * part as f64 / of.max(1) as f64;
        let sum = |rows: &[&Row], value: fn(&Row) -> u64| rows.iter().map(|row| value(row)).sum();
        let mut put = |name: &str, value: f64| all.insert(name.to_owned(), value);
        for (rows, end) in [(&asked[..], ""), (late, "_last_quarter")] {
            let questions: u64 = sum(rows, |row| row.questions);
            put(
                &format!("right{end}"),
                percent(sum(rows, |row| row.right), questions),
            );
            put(
                &format!("concluded{end}"),
                percent(sum(rows, |row| row.concluded), questions),
            );
            let seats: u64 = sum(rows, |row| row.seats.iter().sum());
            let pay: u64 = sum(rows, |row| row.pay.iter().sum());
            let stood: u64 = sum(rows, |row| row.standing.iter().sum());
            for (group, of) in scenario.people.iter().enumerate() {
                let name = of.name.get_ref();
                let part = |value: fn(&Row) -> &Vec<u64>| -> u64 {
                    rows.iter().map(|row| value(row)[group]).sum()
                };
                put(
                    &format!("seats{end}:{name}"),
                    percent(part(|row| &row.seats), seats),
                );
                put(
                    &format!("pay{end}:{name}"),
                    percent(part(|row| &row.pay), pay),
                );
                put(
                    &format!("population{end}:{name}"),
                    percent(part(|row| &row.standing), stood),
                );
            }
        }
        let lowest = asked
            .iter()
            .map(|row| percent(row.concluded, row.questions));
        put("concluded_worst_epoch", lowest.fold(100.0, f64::min));
        let highest = asked.iter().map(|row| row.standing.iter().sum::<u64>());
        put("providers_most", highest.max().unwrap_or(0) as f64);
        for (group, of) in scenario.people.iter().enumerate() {
            let own = people.all.iter().filter(|one| one.group == group);
            let (count, earned) = own.fold((0_u64, 0_u64), |(count, earned), one| {
                (count + 1, earned + one.earned)
            });
            let name = of.name.get_ref();
            put(
                &format!("credits_each:{name}"),
                earned as f64 / 1e6 / count.max(1) as f64,
            );
            let last = asked.last().and_then(|row| row.reputation[group]);
            if let Some(last) = last {
                put(&format!("reputation:{name}"), last);
            }
            if of.behaviour == Behaviour::Sleeper
                && let Some(questions) = demoted(&asked, group, of.turns)
            {
                put(&format!("questions_to_demote:{name}"), questions as f64);
            }
        }
        let earned: Vec<f64> = people
            .standing()
            .map(|(_, one)| one.earned as f64)
            .collect();
        put("gini_of_pay", gini(&earned));
        let (skills, reputations): (Vec<f64>, Vec<f64>) = people
            .standing()
            .filter(|(_, one)| one.seats > 0)
            .take(2_000)
            .map(|(_, one)| (one.mean_skill(), reputation(world, one)))
            .unzip();
        put("tau_skill_reputation", kendall(&skills, &reputations));
        self.newcomers(people, scenario, &mut put);
        let mut latencies = self.latencies_ms.clone();
        latencies.sort_unstable();
        put("latency_p50_ms", f64::from(quantile(&latencies, 0.5)));
        put("latency_p95_ms", f64::from(quantile(&latencies, 0.95)));
        for (name, amount) in &self.slashed {
            put(&format!("slashed_credits:{name}"), *amount as f64 / 1e6);
        }
        for (name, amount) in &self.spent {
            put(&format!("spent_credits:{name}"), *amount as f64 / 1e6);
        }
        put("filed_credits", self.filed as f64 / 1e6);
        put("turns_missed", world.turns_missed as f64);
        put("refused", world.refused.values().sum::<u64>() as f64);
        let last = self.rows.last().map(|row| row.money).unwrap_or_default();
        put("burnt_credits", last.burnt as f64 / 1e6);
        let supply = query::totals(&world.state).supply;
        put(
            "credits_missing",
            (i128::from(supply.0) - last.sum() as i128) as f64 / 1e6,
        );
        all
    }

    /// How long those waited for their first pay that came when questions were asked already.
    fn newcomers(
        &self,
        people: &People,
        scenario: &Scenario,
        put: &mut impl FnMut(&str, f64) -> Option<f64>,
    ) {
        // Who came in the last tenth had no time to be paid.
        let end = scenario.epoch_ms() * u64::from(scenario.epochs) * 9 / 10;
        let begin = scenario.epoch_ms();
        let came: Vec<&Provider> = people
            .all
            .iter()
            .filter(|one| one.joined.is_some_and(|at| (begin..end).contains(&at.0)))
            .collect();
        let mut waited: Vec<u32> = came
            .iter()
            .filter_map(|one| Some(one.first_pay?.since(one.joined?)))
            .collect();
        waited.sort_unstable();
        put("newcomers", came.len() as f64);
        if !came.is_empty() {
            let never = came.len() - waited.len();
            put(
                "newcomers_never_paid",
                100.0 * never as f64 / came.len() as f64,
            );
        }
        if !waited.is_empty() {
            let epochs = f64::from(quantile(&waited, 0.5)) / scenario.epoch_ms() as f64;
            put("newcomer_first_pay_epochs", epochs);
        }
    }
}

/// Questions from an epoch until a group has under 5% of the seats of one.
fn demoted(asked: &[&Row], group: usize, from: u32) -> Option<u64> {
    let mut questions = 0;
    for row in asked.iter().filter(|row| row.epoch >= from) {
        if 20 * row.seats[group] < row.seats.iter().sum() {
            return Some(questions);
        }
        questions += row.questions;
    }
    None
}

/// What counts of a respondent's reputation, over its domains: 0 to 1.
pub fn reputation(world: &World, provider: &Provider) -> f64 {
    let Some(record) = provider
        .id
        .and_then(|id| Some((id, query::provider(&world.state, id)?)))
    else {
        return 0.0;
    };
    let (id, record) = record;
    let means = record.domains.iter().map(|domain| {
        let profile = query::profile(&world.state, id, *domain);
        f64::from(profile.mean.min(profile.ceiling).get()) / 10_000.0
    });
    means.sum::<f64>() / record.domains.len().max(1) as f64
}

/// When pay is free that is held until an epoch.
pub fn free_at(scenario: &Scenario, held_until: Option<Epoch>, now: Timestamp) -> Timestamp {
    held_until.map_or(now, |epoch| Timestamp(epoch.0 * scenario.epoch_ms()))
}

/// Adds to a sum by name.
pub fn add(sums: &mut BTreeMap<String, u64>, name: &str, amount: Amount) {
    *sums.entry(name.to_owned()).or_default() += amount.0;
}
