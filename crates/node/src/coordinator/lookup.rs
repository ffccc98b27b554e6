//! Looking a question up at experts before a panel is asked, so that all seats see the same passages (COR-3 to COR-5).
//!
//! ```text
//! ledger, links --follow--> catalogues --route--> the best experts --hear, check, merge--> passages --fit--> the offer
//! ```
//!
//! What is known of experts is read beforehand: where none can be asked, a request costs nothing here.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use llmnet_chain::{client::ChainError, query};
use llmnet_knowledge::{
    analysis::Query,
    collaborate::{
        gather::{Bearing, gather},
        merge::Merged,
        message::{Ask, Found, MESSAGE_LENGTH_MAX, Reply, Request as Lookup},
        route,
    },
};
use llmnet_ledger::query as ledger;
use llmnet_protocol::message::{MESSAGE_LENGTH_MAX as OFFER_LENGTH_MAX, ToCoordinator, ToSeat};
use llmnet_types::{
    codec::{decode, encode, length},
    contract::Caps,
    id::{Digest, ProviderId},
    passage::{SHARED_MAX, Shared, SharedPassages, shared_tokens},
    registration::Tokenizer,
    request::Request,
    signature::PublicKey,
    units::Height,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{
    catalogues::{EXPERTS_MAX, Heard, Source},
    desk::Desk,
    vectors::{Embedded, sample},
};
use crate::transport::{Hub, Returned};

/// How many experts a question is looked up at: with two of five, as good as one index (evaluation/results/retrieval.md).
const ASKED: usize = 2;
/// How many passages each is asked for: what is shown, and some for those that others have as well.
const PASSAGES: usize = 2 * SHARED_MAX;
/// How long a request waits for them. Who is slower is left out.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long an expert has to tell of its documents.
const CATALOGUE: Duration = Duration::from_secs(5);
/// How often there is a look without a new block.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The least time between two looks, however fast blocks come.
const PAUSE: Duration = Duration::from_millis(50);
/// What an offer has beside request and passages.
const REST_LENGTH_MAX: usize = 16 * 1024;

/// Keeps what experts tell of themselves, for as long as the chain runs and the desk is there.
pub(super) async fn follow(desk: Weak<Desk>) {
    loop {
        let Some(desk) = desk.upgrade() else { return };
        let mut tip = desk.chain.tip();
        tip.mark_unchanged();
        if tip.has_changed().is_err() {
            return;
        }
        if let Err(error) = desk.follow_experts().await {
            tracing::debug!(%error, "asking which experts have documents");
        }
        drop(desk);
        sleep(PAUSE).await;
        tokio::select! {
            _ = tip.changed() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

impl Desk {
    /// Looks who can be reached and has documents, and asks for catalogues that are missing.
    async fn follow_experts(self: &Arc<Self>) -> Result<(), ChainError> {
        let nodes = self.hub.reached();
        let (_, sources) = query(&*self.chain, |state| {
            let height = ledger::clock(state).height;
            let sources = nodes.iter().filter_map(|node| {
                let (id, provider) = ledger::provider_of(state, node)?;
                let corpus = provider.at(height)?.registration.corpus.clone()?;
                let stands = provider.stands_at(height);
                stands.then_some(Source {
                    provider: id,
                    node: *node,
                    corpus,
                })
            });
            sources.take(EXPERTS_MAX).collect::<Vec<_>>()
        })
        .await?;
        for (source, known) in self.catalogues.follow(sources, Instant::now()) {
            let desk = Arc::clone(self);
            // A slow one holds up nobody.
            tokio::spawn(async move {
                let asked = [(source.node, encode(&Lookup::Catalogue { known }))];
                let said = hear(&desk.hub, desk.key.public_key(), &asked, CATALOGUE).await;
                let said = said.into_iter().next().flatten();
                desk.catalogues.told(&source, said, Instant::now());
            });
        }
        Ok(())
    }

    /// Passages of experts' documents that bear on a request, best first; none where nobody can be asked, at once.
    pub(super) async fn look_up(self: &Arc<Self>, request: &Request) -> Vec<Shared> {
        let open = self.catalogues.open();
        // What is for one model alone goes to it as it came (DEB-12).
        if open.sources.is_empty() || request.needs_model() {
            return Vec::new();
        }
        let (query, now) = (Query::new(request.question()), Instant::now());
        let embedded = self.vectors.of(request.question(), &open.experts).await;
        let vector = embedded.as_ref().map(Embedded::named);
        let scale = embedded.as_ref().map(|embedded| embedded.scale);
        let may_ask = |place: usize| {
            let source = &open.sources[place];
            (open.experts[place].knows(&query) || open.experts[place].is_near(vector, scale))
                && self.catalogues.is_ready(source, now)
                && self.hub.reaches(&source.node)
        };
        let order = route::order(&query, vector, &open.experts, &open.shared, may_ask);
        let sources: Vec<&Source> = order
            .into_iter()
            .take(ASKED)
            .map(|place| &open.sources[place])
            .collect();
        if sources.is_empty() {
            return Vec::new();
        }
        let ask = Ask::new(request.question(), &open.shared, vector, PASSAGES);
        let asked = sources.iter().map(|source| {
            let ask = Ask {
                corpus: source.corpus.root,
                ..ask.clone()
            };
            (source.node, encode(&Lookup::Ask(Box::new(ask))))
        });
        let asked: Vec<_> = asked.collect();
        let said = hear(&self.hub, self.key.public_key(), &asked, PATIENCE).await;

        let heard: Vec<(Digest, Found)> = sources
            .iter()
            .zip(&said)
            .map(|(source, said)| {
                let found = match said {
                    Some(Reply::Found(found)) => found.clone(),
                    _ => Found::default(),
                };
                (source.corpus.root, found)
            })
            .collect();
        let gathered = gather(
            &query,
            &ask.statistics(),
            &heard,
            Bearing::by(scale),
            SHARED_MAX,
            chance(),
        );
        let ended = said.iter().zip(&heard).zip(&gathered.records);
        for (source, ((said, (_, found)), record)) in sources.iter().zip(ended) {
            let hides = |found: &Found| {
                let mut passages = found.passages.iter();
                !found.passages.is_empty() && passages.all(|scored| scored.evidence().is_none())
            };
            let heard = match said {
                None => Heard::Silent,
                Some(Reply::Found(_)) if !hides(found) => Heard::Said(*record),
                Some(_) => Heard::Hidden,
            };
            self.noted(source.provider, heard).await;
        }
        if let Some(Embedded { vector, .. }) = embedded {
            let providers: Vec<ProviderId> = sources.iter().map(|source| source.provider).collect();
            let found: Vec<&Found> = heard.iter().map(|(_, found)| found).collect();
            let sampled = sample(&providers, &found, &gathered.passages, chance());
            self.check_cosines(vector, sampled);
        }
        let shared = |merged: Merged| {
            let source = sources.get(merged.expert)?;
            let evidence = merged.scored.evidence()?.clone();
            Some(Shared {
                provider: source.provider,
                node: source.node,
                as_of_day: source.corpus.as_of_day,
                evidence,
            })
        };
        gathered.passages.into_iter().filter_map(shared).collect()
    }

    /// Notes how asking an expert ended.
    pub(super) async fn noted(&self, provider: ProviderId, heard: Heard) {
        if self.catalogues.heard(provider, heard, Instant::now()) {
            tracing::warn!(
                %provider, ?heard, "an expert's scores are not what they should be: it is not asked any more"
            );
            if let Err(error) = self.journal.distrust(provider).await {
                self.trouble(&error.into());
            }
        }
    }

    /// Of what was found, that which stood on the ledger at the height of the panel's selection (COR-5).
    pub(super) async fn standing(
        &self,
        found: &[Shared],
        height: Height,
    ) -> Result<Vec<Shared>, ChainError> {
        let mut standing = Vec::with_capacity(found.len());
        for shared in found {
            let root = shared.evidence.citation.root;
            let of = (shared.provider, root, height);
            let read = query(&*self.chain, |state| stood(state, shared, height));
            if self.readings.standing.at(self.height(), of, read).await? {
                standing.push(shared.clone());
            }
        }
        Ok(standing)
    }

    /// How it is with experts' documents, for whoever runs this.
    pub(super) fn lookups(&self) -> String {
        let (open, known, lost) = self.catalogues.tally();
        let mut text = format!("{open} of {known} experts with documents can be asked");
        if let Some((embedder, count)) = self.vectors.reach(&self.catalogues.open().experts) {
            let model = embedder.model();
            text.push_str(&format!(", {count} of them by vectors of {model}"));
        }
        if lost > 0 {
            text.push_str(&format!(
                "; {lost} not any more, as their scores were wrong"
            ));
        }
        text
    }
}

/// Whether a passage's corpus was its provider's on the ledger at a height, as it is said to be.
pub(crate) fn stood(state: &dyn llmnet_ledger::State, shared: &Shared, height: Height) -> bool {
    let provider = ledger::provider(state, shared.provider);
    let Some(provider) = provider.filter(|provider| provider.stands_at(height)) else {
        return false;
    };
    provider.at(height).is_some_and(|version| {
        let registration = &version.registration;
        registration.node == shared.node
            && registration.corpus.as_ref().is_some_and(|corpus| {
                corpus.root == shared.evidence.citation.root && corpus.as_of_day == shared.as_of_day
            })
    })
}

/// As many of the best as a seat may be sent beside the request, by the terms' cap and by what a message carries.
pub(super) fn fit(found: Vec<Shared>, request: &Request, caps: &Caps) -> SharedPassages {
    let asked = request.read().map(|text| Tokenizer::Bytes4.count(text).0);
    let asked = asked.fold(0, u32::saturating_add);
    let room = OFFER_LENGTH_MAX.saturating_sub(REST_LENGTH_MAX + length(request));
    let mut fitting = SharedPassages::new();
    let (mut tokens, mut bytes) = (asked, 0);
    for shared in found {
        let more = shared_tokens(std::slice::from_ref(&shared)).0;
        let longer = length(&shared);
        let fits = tokens.saturating_add(more) <= caps.input_tokens.0 && bytes + longer <= room;
        if !fits || !fitting.push(shared) {
            break;
        }
        (tokens, bytes) = (tokens + more, bytes + longer);
    }
    fitting
}

/// What each of some experts says to its question, in their order; `None` where nothing came in time that can be read.
async fn hear(
    hub: &Hub,
    coordinator: PublicKey,
    asked: &[(PublicKey, Vec<u8>)],
    patience: Duration,
) -> Vec<Option<Reply>> {
    let deadline = Instant::now() + patience;
    let (replies, mut inbox) = mpsc::channel(4 * asked.len().max(1));
    let mut said: Vec<Option<Reply>> = vec![None; asked.len()];
    let mut waiting = vec![false; asked.len()];
    for ((node, request), waiting) in asked.iter().zip(&mut waiting) {
        let lookup = ToSeat::Lookup(request.clone()).to_bytes();
        *waiting = hub.send(coordinator, node, lookup, &replies).is_ok();
    }
    drop(replies);
    while waiting.contains(&true) {
        let returned = tokio::select! {
            returned = inbox.recv() => returned,
            () = sleep_until(deadline) => None,
        };
        let Some(Returned { from, bytes }) = returned else {
            break;
        };
        let mut nodes = asked.iter().map(|(node, _)| node);
        let Some(place) = nodes.position(|node| *node == from) else {
            continue;
        };
        // The first word counts, whatever it is.
        if std::mem::take(&mut waiting[place]) {
            said[place] = bytes.and_then(|bytes| match ToCoordinator::from_bytes(&bytes) {
                Ok(ToCoordinator::Found(reply)) => decode(&reply, MESSAGE_LENGTH_MAX).ok(),
                _ => None,
            });
        }
    }
    said
}

/// A number that no expert can foresee. Without randomness it is always the same, and what is shown is checked anyway.
fn chance() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_or(0, |()| u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use llmnet_types::{
        codec::{List, Text},
        contract::Strategy,
        id::{ProviderId, Salt},
        merkle::Tree,
        passage::{Citation, Evidence, Passage},
        request::{ChatMessage, Role},
        units::{Amount, Tokens},
    };

    use super::*;

    fn shared(number: u8, bytes: usize) -> Shared {
        let passage = Passage {
            document: Text::truncated("d"),
            title: Text::empty(),
            text: Text::truncated(&char::from(b'a' + number).to_string().repeat(bytes)),
        };
        let salt = Salt([number; 32]);
        let tree = Tree::new([passage.leaf(&salt)]);
        Shared {
            provider: ProviderId(1),
            node: PublicKey([1; 32]),
            as_of_day: 1,
            evidence: Evidence {
                passage,
                citation: Citation {
                    root: tree.root(),
                    salt,
                    path: tree.path(0).unwrap(),
                },
            },
        }
    }

    /// CON-10: what is shown is within the terms' cap, whatever was found.
    #[test]
    fn no_more_is_shown_than_may_be_sent() {
        let request = Request {
            messages: List::truncated([ChatMessage {
                role: Role::User,
                content: Text::truncated(&"q".repeat(400)),
            }]),
            strategy: Strategy::Auto,
            domain: None,
            output_tokens_max: None,
            settings: List::new(),
        };
        let found: Vec<_> = (0..12).map(|number| shared(number, 400)).collect();
        let fitting = |input: u32| {
            let caps = Caps {
                input_tokens: Tokens(input),
                output_tokens: Tokens(1),
                seat_charge: Amount::ZERO,
            };
            let fitting = fit(found.clone(), &request, &caps);
            assert!(100 + shared_tokens(&fitting).0 <= input.max(100));
            // The best ones, in order.
            assert_eq!(fitting[..], found[..fitting.len()]);
            fitting.len()
        };
        assert_eq!(fitting(99), 0);
        assert_eq!(fitting(199), 0);
        assert_eq!(fitting(200), 1);
        assert_eq!(fitting(550), 4);
        assert_eq!(fitting(1_000_000), SHARED_MAX);
    }
}
