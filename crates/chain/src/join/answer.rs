//! Tells those who join, and asks for what this validator itself missed.

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use commonware_consensus::{
    marshal::{Identifier, core::Mailbox as Marshal, standard::Standard},
    simplex::scheme::ed25519::Scheme,
    types::Height as EngineHeight,
};
use commonware_p2p::{Blocker as _, Receiver as _, Recipients, Sender as _};
use llmnet_types::{network::Electorate, units::Height};
use tokio::sync::watch;

use super::{
    Claim, Message,
    behind::{Behind, STALLED},
    missing::Missing,
};
use crate::{
    block::Block,
    client::Tip,
    electorates::members,
    hand_overs::HandOvers,
    network::{Channel, Transport},
    runtime::Runtime,
};

/// How often it is looked whether anything is missing.
const LOOK: Duration = Duration::from_secs(1);
/// How far behind the newest block a certificate is looked for: its child's may cover a block.
const UNCERTIFIED_MAX: u64 = 64;

/// What a validator that runs knows of what others may ask, and asks.
pub(crate) struct Answerer<E: Runtime, T: Transport> {
    pub(crate) marshal: Marshal<Scheme, Standard<Block>>,
    pub(crate) hand_overs: Arc<HandOvers<E>>,
    pub(crate) tip: watch::Receiver<Tip>,
    /// The electorate of term 0.
    pub(crate) electorate: Electorate,
    /// Blocks of a term.
    pub(crate) length: NonZeroU64,
    /// Whether it has state, its own or the others', and goes on from there.
    pub(crate) has_state: Arc<AtomicBool>,
    pub(crate) blocker: T::Blocker,
}

impl<E: Runtime, T: Transport> Answerer<E, T> {
    /// Answers and asks until the network ends.
    ///
    /// # Errors
    /// This validator cannot go on: what it needs next is gone.
    pub(crate) async fn run(
        mut self,
        context: E,
        (mut sender, mut receiver): Channel<T>,
    ) -> Result<(), String> {
        let mut missing = Missing::new(self.electorate.clone());
        let mut behind = Behind::default();
        let mut stalled_at = context.current();
        let mut look = context.current() + LOOK;
        loop {
            let (peer, message) = tokio::select! {
                biased;
                received = receiver.recv() => match received {
                    Ok(received) => received,
                    Err(_) => return Ok(()),
                },
                () = context.sleep_until(look) => {
                    look = context.current() + LOOK;
                    if let Some(term) = missing.look(&self.hand_overs, self.ended()).await {
                        tracing::info!(%term, "asking how this term ended");
                        let message = Message::HowEnded(term).encode();
                        let _ = sender.send(Recipients::All, message, false);
                    }
                    let wanted = Height(self.tip.borrow().height().0.saturating_add(1));
                    if !self.has_state.load(Ordering::Relaxed) || behind.wants(wanted) {
                        stalled_at = context.current() + STALLED;
                    } else if context.current() >= stalled_at {
                        stalled_at = context.current() + STALLED;
                        let message = Message::HaveYou(wanted).encode();
                        let _ = sender.send(Recipients::All, message, false);
                    }
                    continue;
                }
            };
            let reply = match Message::decode(message.as_ref()) {
                Ok(Message::Where) => self.newest().await.map(Message::Newest),
                Ok(Message::HowEnded(term)) => self
                    .hand_overs
                    .get(term)
                    .await
                    .map(|hand_over| Message::HandOver(Box::new(hand_over))),
                Ok(Message::HandOver(hand_over)) => {
                    match missing.take(&self.hand_overs, &hand_over).await {
                        // Maybe the next one is missing as well.
                        Ok(true) => look = context.current(),
                        Ok(false) => {}
                        Err(error) => {
                            commonware_p2p::block!(self.blocker, peer, %error, "a false hand-over");
                            continue;
                        }
                    }
                    None
                }
                Ok(Message::HaveYou(height)) => Some(self.have(height).await),
                Ok(message @ (Message::Kept(height) | Message::Gone(height))) => {
                    let is_kept = matches!(message, Message::Kept(_));
                    behind.hear(peer.clone(), height, is_kept);
                    let committee = members(missing.committee());
                    if committee.is_some_and(|committee| behind.is_lost(&committee)) {
                        return Err(behind.advice());
                    }
                    None
                }
                // A late answer to what it asked when it joined.
                Ok(Message::Newest(_)) => None,
                Err(error) => {
                    commonware_p2p::block!(
                        self.blocker,
                        peer,
                        ?error,
                        "no message of those who join"
                    );
                    continue;
                }
            };
            if let Some(reply) = reply {
                let _ = sender.send(Recipients::One(peer), reply.encode(), false);
            }
        }
    }

    /// Whether a block is kept here, or may still come.
    async fn have(&self, height: Height) -> Message {
        let is_later = height > self.tip.borrow().height();
        let height_here = EngineHeight::new(height.0);
        if is_later || self.marshal.get_block(height_here).await.is_some() {
            Message::Kept(height)
        } else {
            Message::Gone(height)
        }
    }

    /// How many terms have ended with the newest block.
    fn ended(&self) -> u64 {
        self.tip.borrow().height().0.saturating_add(1) / self.length
    }

    /// The newest certificate that is kept, or that there is nothing yet; none if there is something without.
    async fn newest(&self) -> Option<Option<Claim>> {
        let latest = self.marshal.get_info(Identifier::Latest).await;
        let height = latest.map_or(0, |(height, _)| height.get());
        if height == 0 {
            return Some(None);
        }
        let is_whole = self.marshal.get_block(EngineHeight::new(1)).await.is_some();
        for height in (height.saturating_sub(UNCERTIFIED_MAX)..=height).rev() {
            let height = EngineHeight::new(height);
            if let Some(newest) = self.marshal.get_finalization(height).await {
                return Some(Some(Claim { newest, is_whole }));
            }
        }
        None
    }
}
