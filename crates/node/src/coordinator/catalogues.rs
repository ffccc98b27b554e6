//! What experts told of their documents, and how they were found: of each that can be reached and has a corpus on the
//! ledger its catalogue, asked for anew whenever its root changes, and now and then for what a root does not show
//! (COR-3, COR-4).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use llmnet_knowledge::{
    bm25::Statistics,
    collaborate::{check::Record, message::Reply, route},
};
use llmnet_types::{
    id::{Digest, ProviderId},
    registration::Corpus,
    signature::PublicKey,
};
use tokio::time::Instant;

use super::pause::Pause;

/// The most experts that are known at a time.
pub(super) const EXPERTS_MAX: usize = 64;
/// Providers whose records are kept when they are gone, so that nobody comes back as a stranger: those found out.
pub(super) const LIARS_MAX: usize = 4_096;
/// How long a catalogue is taken for the newest of its root: vectors come after the passages that they are of.
const NEW_FOR: Duration = Duration::from_secs(30);

/// An expert that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) provider: ProviderId,
    pub(super) node: PublicKey,
    pub(super) corpus: Corpus,
}

/// How asking an expert ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It said something, whose scores were found like that.
    Said(Record),
    /// Of what it said before, cosines were computed again, and found like that.
    Embedded(Record),
    /// It shows nobody what it has, or would not say.
    Hidden,
    /// It did not answer in time.
    Silent,
}

/// All who can be asked, with the counts of all of them together.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Who.
    pub(super) sources: Vec<Source>,
    /// What each told, in the same order.
    pub(super) experts: Vec<Arc<route::Expert>>,
    /// The sum of it.
    pub(super) shared: Statistics,
}

/// What is known of one expert.
#[derive(Debug)]
struct Known {
    source: Source,
    told: Option<Told>,
    /// Whether its catalogue is asked for just now.
    asking: bool,
    trust: Trust,
    pause: Pause,
}

/// How its scores were found. Each kind by itself: many right ones of words are no licence to lie about meaning.
#[derive(Debug, Clone, Copy, Default)]
struct Trust {
    words: Record,
    cosines: Record,
}

impl Trust {
    const fn stands(&self) -> bool {
        self.words.trusted() && self.cosines.trusted()
    }
}

/// What it told.
#[derive(Debug)]
struct Told {
    expert: Arc<route::Expert>,
    digest: Digest,
    /// When it last said so.
    at: Instant,
}

#[derive(Debug, Default)]
struct Inner {
    known: BTreeMap<ProviderId, Known>,
    liars: BTreeMap<ProviderId, Trust>,
    open: Arc<Open>,
}

/// Experts by what they told.
#[derive(Debug, Default)]
pub(super) struct Catalogues(Mutex<Inner>);

impl Known {
    fn new(source: Source, trust: Trust) -> Self {
        Self {
            source,
            told: None,
            asking: false,
            trust,
            pause: Pause::default(),
        }
    }

    fn is_ready(&self, now: Instant) -> bool {
        self.trust.stands() && self.pause.is_over(now)
    }

    fn heard(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Said(record) => {
                add(&mut self.trust.words, record);
                self.pause.end();
            }
            Heard::Embedded(record) => add(&mut self.trust.cosines, record),
            Heard::Hidden => self.pause.longest(now),
            Heard::Silent => self.pause.lengthen(now),
        }
    }

    /// Whether its catalogue is to be asked for.
    fn is_due(&self, now: Instant) -> bool {
        let stale = |told: &Told| now.duration_since(told.at) >= NEW_FOR;
        !self.asking && self.is_ready(now) && self.told.as_ref().is_none_or(stale)
    }
}

const fn add(sum: &mut Record, more: Record) {
    sum.checked = sum.checked.saturating_add(more.checked);
    sum.wrong = sum.wrong.saturating_add(more.wrong);
}

impl Catalogues {
    /// Where nothing is known but who lied before.
    pub(super) fn without(liars: impl IntoIterator<Item = ProviderId>) -> Self {
        let found_out = Trust {
            words: Record {
                checked: 1,
                wrong: 1,
            },
            cosines: Record::default(),
        };
        let liars = liars.into_iter().map(|provider| (provider, found_out));
        Self(Mutex::new(Inner {
            liars: liars.take(LIARS_MAX).collect(),
            ..Inner::default()
        }))
    }

    /// Takes in who can be reached and has documents now, and says whose catalogue is to be asked for, each with the digest
    /// of what it told last.
    pub(super) fn follow(&self, sources: Vec<Source>, now: Instant) -> Vec<(Source, Digest)> {
        let mut inner = self.lock();
        let mut before = std::mem::take(&mut inner.known);
        let mut changed = false;
        for (provider, known) in &before {
            if !known.trust.stands() && inner.liars.len() < LIARS_MAX {
                inner.liars.insert(*provider, known.trust);
            }
        }
        for source in sources.into_iter().take(EXPERTS_MAX) {
            let provider = source.provider;
            let known = match before.remove(&provider) {
                Some(known) if known.source == source => known,
                // What it told is of another root; how it was found is of the provider.
                Some(known) => {
                    changed |= known.told.is_some();
                    Known::new(source, known.trust)
                }
                None => {
                    let trust = inner.liars.get(&provider).copied();
                    Known::new(source, trust.unwrap_or_default())
                }
            };
            inner.known.insert(provider, known);
        }
        // Those that are left are gone.
        if changed || !before.is_empty() {
            inner.open_anew();
        }
        let mut asked = Vec::new();
        for known in inner.known.values_mut() {
            if known.is_due(now) {
                known.asking = true;
                let told = known.told.as_ref().map(|told| told.digest);
                asked.push((known.source.clone(), told.unwrap_or(Digest::ZERO)));
            }
        }
        asked
    }

    /// Takes in what an expert told of itself, `None` where it said nothing. What is not of the corpus that stands on
    /// the ledger is not believed: it is asked again soon, as the ledger may be ahead of it.
    pub(super) fn told(&self, source: &Source, reply: Option<Reply>, now: Instant) {
        let mut inner = self.lock();
        let known = inner.known.get_mut(&source.provider);
        let Some(known) = known.filter(|known| known.source == *source) else {
            return;
        };
        known.asking = false;
        match reply {
            Some(Reply::Catalogue(Some(catalogue))) if catalogue.corpus == source.corpus => {
                known.told = Some(Told {
                    expert: Arc::new(route::Expert::new(&catalogue)),
                    digest: catalogue.digest(),
                    at: now,
                });
                known.pause.end();
                inner.open_anew();
            }
            Some(Reply::Unchanged) if known.told.is_some() => {
                known.pause.end();
                if let Some(told) = &mut known.told {
                    told.at = now;
                }
            }
            Some(Reply::Declined) => known.heard(Heard::Hidden, now),
            _ => known.heard(Heard::Silent, now),
        }
    }

    /// Who can be asked.
    pub(super) fn open(&self) -> Arc<Open> {
        Arc::clone(&self.lock().open)
    }

    /// Whether an expert is to be asked now.
    pub(super) fn is_ready(&self, source: &Source, now: Instant) -> bool {
        let inner = self.lock();
        let known = inner.known.get(&source.provider);
        known.is_some_and(|known| known.source == *source && known.is_ready(now))
    }

    /// Notes how asking an expert ended. Says whether it is trusted no more, by this.
    pub(super) fn heard(&self, provider: ProviderId, heard: Heard, now: Instant) -> bool {
        let mut inner = self.lock();
        let Some(known) = inner.known.get_mut(&provider) else {
            return false;
        };
        let before = known.trust.stands();
        known.heard(heard, now);
        let lost = before && !known.trust.stands();
        if lost {
            // Its counts are believed as little as its scores.
            inner.open_anew();
        }
        lost
    }

    /// How many experts told of themselves and are trusted, of how many with documents, and how many were found out.
    pub(super) fn tally(&self) -> (usize, usize, usize) {
        let inner = self.lock();
        let lost = inner.known.values();
        let lost = lost.filter(|known| !known.trust.stands()).count();
        (inner.open.sources.len(), inner.known.len(), lost)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every critical section leaves its value whole, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn open_anew(&mut self) {
        let known = self.known.values();
        let (sources, experts): (Vec<_>, Vec<_>) = known
            .filter(|known| known.trust.stands())
            .filter_map(|known| {
                let told = known.told.as_ref()?;
                Some((known.source.clone(), Arc::clone(&told.expert)))
            })
            .unzip();
        self.open = Arc::new(Open {
            shared: route::shared(&experts),
            sources,
            experts,
        });
    }
}

#[cfg(test)]
mod tests;
