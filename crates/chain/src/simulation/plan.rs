//! What goes wrong in a run, drawn from its seed.

use std::time::Duration;

use super::{adversary::Adversary, chance::Chance, links::Quality};
use crate::config::Keep;

/// All that distinguishes one run from another.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// All that there are, honest ones first.
    pub(crate) validators: usize,
    /// How many of the honest ones, the last of them, are not of the first committee.
    pub(crate) candidates: usize,
    /// Blocks of an epoch, and epochs of a term.
    pub(crate) term: (u32, u32),
    /// Who the last validators are instead of honest.
    pub(crate) adversaries: Vec<Adversary>,
    /// Whether who is caught misbehaving is cut off, as in production. Otherwise it can go on.
    pub(crate) cut_off: bool,
    /// How much each validator keeps. Who keeps everything begins alone; others ask where the network is.
    pub(crate) keep: Keep,
    /// Up to how many rounds one with an empty disk replays; of more it takes over the others' state.
    pub(crate) replayed_max: u64,
    /// Who loses its disk, be it more than once. It may forget what it signed, so it counts as one that is not
    /// honest.
    pub(crate) forgetful: Option<usize>,
    /// How far each clock is ahead at the beginning, in milliseconds.
    pub(crate) clock_errors_ms: Vec<i64>,
    /// What is left, when all the power fails, of bytes that were written and not made durable.
    pub(crate) torn: Torn,
    /// All power fails between one life and the next.
    pub(crate) lives: Vec<Life>,
}

/// How writes survive a loss of power that were not made durable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Torn {
    /// Of a hundred bytes.
    pub(crate) kept: u64,
    /// Bytes here and there, or all up to the first that is lost.
    pub(crate) scattered: bool,
}

/// From one start of everything to the next.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) length: Duration,
    /// In order of time.
    pub(crate) events: Vec<(Duration, Event)>,
}

/// Something that happens to honest validators.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A process is killed, and starts again after this long.
    Crash(usize, Duration),
    /// A process is told to stop, and starts again after this long.
    Stop(usize, Duration),
    /// A machine is lost with its disk; another one takes its place after this long, with an empty disk.
    LoseDisk(usize, Duration),
    /// Links change; those of whom nothing is said break.
    Links(Vec<Vec<Option<Quality>>>),
    /// Disks fail in so many of 100,000 operations; none when zero.
    Disks(u64),
    /// A clock is set, ahead of the true time by so many milliseconds.
    Clock(usize, i64),
    /// An operator lets its validator join those who may be elected, or leave them.
    Member(usize),
}

/// Errors that honest clocks have, and votes survive.
const CLOCK_ERROR_MS: u64 = 4_000;
/// An error of a clock that nobody else would follow.
const CLOCK_ASTRAY_MS: u64 = 120_000;

impl Plan {
    /// The plan of a seed, with a first committee of this size.
    pub(crate) fn of(seed: u64, committee: usize) -> Self {
        let mut chance = Chance::new(seed);
        let adversaries = draw_adversaries(&mut chance.branch(), committee);
        let mut draw = chance.branch();
        let candidates = draw.index(3);
        let term = (*draw.pick(&[2, 4, 8]), *draw.pick(&[1, 2, 4]));
        let validators = committee + candidates;
        let honest = validators - adversaries.len();
        let mut draw = chance.branch();
        let lives = 1 + draw.below(3);
        let mut plan = Self {
            seed,
            validators,
            candidates,
            term,
            adversaries,
            cut_off: draw.percent(70),
            keep: Keep::default(),
            replayed_max: u64::MAX,
            forgetful: None,
            clock_errors_ms: (0..validators)
                .map(|_| clock_error(&mut draw, CLOCK_ERROR_MS))
                .collect(),
            torn: Torn {
                kept: *draw.pick(&[0, 30, 70, 100]),
                scattered: draw.percent(50),
            },
            lives: (0..lives)
                .map(|_| Life::draw(&mut chance.branch(), validators, honest))
                .collect(),
        };
        plan.lose_disks(&mut chance.branch(), committee);
        plan
    }

    /// Where one more that is not honest could be borne, it may be one that loses its disk.
    fn lose_disks(&mut self, chance: &mut Chance, committee: usize) {
        self.replayed_max = *chance.pick(&[0, 8, u64::MAX]);
        let who = chance.index(self.honest());
        let bearable = self.adversaries.len() < (committee - 1) / 3;
        if !bearable || !chance.percent(70) {
            return;
        }
        self.forgetful = Some(who);
        for life in &mut self.lives {
            for _ in 0..chance.below(3) {
                let at = chance.millis(200, u64::try_from(life.length.as_millis()).expect("short"));
                let event = Event::LoseDisk(who, chance.millis(100, 6_000));
                let place = life.events.partition_point(|(other, _)| *other <= at);
                life.events.insert(place, (at, event));
            }
        }
    }

    pub(crate) const fn honest(&self) -> usize {
        self.validators - self.adversaries.len()
    }

    /// Whether this one is of the first committee.
    pub(crate) fn is_first(&self, index: usize) -> bool {
        let honest = self.honest();
        !(honest - self.candidates..honest).contains(&index)
    }

    /// The fewest that a committee may have: what its adversaries are must be borne.
    pub(crate) fn committee_min(&self) -> usize {
        let faulty = self.adversaries.len() + usize::from(self.forgetful.is_some());
        (3 * faulty + 1).max(2)
    }
}

fn clock_error(chance: &mut Chance, most_ms: u64) -> i64 {
    let error = i64::try_from(chance.below(2 * most_ms + 1)).expect("small");
    error - i64::try_from(most_ms).expect("small")
}

fn draw_adversaries(chance: &mut Chance, validators: usize) -> Vec<Adversary> {
    let most = (validators - 1) / 3;
    let count = chance.index(most + 1).max(chance.index(most + 1));
    (0..count).map(|_| *chance.pick(&Adversary::ALL)).collect()
}

impl Life {
    fn draw(chance: &mut Chance, validators: usize, honest: usize) -> Self {
        let length = chance.millis(6_000, 20_000);
        let mut events = Vec::new();
        let mut at = Duration::ZERO;
        loop {
            at += chance.millis(200, 4_000);
            if at >= length {
                return Self { length, events };
            }
            let event = match chance.below(13) {
                0..=2 => Event::Crash(chance.index(honest), chance.millis(100, 6_000)),
                3 => Event::Stop(chance.index(honest), chance.millis(100, 3_000)),
                4 | 5 => Event::Links(part(chance, validators)),
                6 => Event::Links(weather(chance, validators)),
                7 => Event::Links(all(validators, |_, _| Some(Quality::GOOD))),
                8 => Event::Disks(*chance.pick(&[0, 10, 100, 1_000])),
                9..=11 => Event::Member(chance.index(honest)),
                _ => {
                    let most_ms = if chance.percent(25) {
                        CLOCK_ASTRAY_MS
                    } else {
                        CLOCK_ERROR_MS
                    };
                    Event::Clock(chance.index(honest), clock_error(chance, most_ms))
                }
            };
            events.push((at, event));
        }
    }
}

/// What is said of each two.
pub(crate) fn all(
    validators: usize,
    mut quality: impl FnMut(usize, usize) -> Option<Quality>,
) -> Vec<Vec<Option<Quality>>> {
    (0..validators)
        .map(|from| (0..validators).map(|to| quality(from, to)).collect())
        .collect()
}

/// Two sides that do not hear each other; sometimes one side hears the other.
fn part(chance: &mut Chance, validators: usize) -> Vec<Vec<Option<Quality>>> {
    let side: Vec<bool> = (0..validators).map(|_| chance.percent(50)).collect();
    let one_way = chance.percent(30);
    all(validators, |from, to| {
        let heard = side[from] == side[to] || (one_way && side[from]);
        heard.then_some(Quality::GOOD)
    })
}

/// Each link slow and lossy in its own way.
fn weather(chance: &mut Chance, validators: usize) -> Vec<Vec<Option<Quality>>> {
    let storm = chance.percent(30);
    all(validators, |_, _| {
        Some(Quality {
            latency_ms: 1 + chance.below(if storm { 1_500 } else { 150 }),
            jitter_ms: 1 + chance.below(if storm { 400 } else { 40 }),
            lost: chance.below(if storm { 60 } else { 10 }),
        })
    })
}
