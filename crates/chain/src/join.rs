//! How a validator that has nothing begins: with the network, or where the network is now.
//!
//! ```text
//!  new ── where? ───────────> all others
//!  new <── newest certificate, or "nothing yet" ── each
//!  new ── how did term t end? ──> who spoke of a later term
//! ```
//!
//! A certificate proves itself, but may be old, and that there is nothing newer cannot be proven: a quorum has to
//! answer. Somebody honest among them has finished the term before any in which another quorum voted.
//! Certificates of later terms are checked by following hand-overs from the first committee on (COM-2).

use std::{collections::BTreeMap, time::Duration};

use bytes::Buf as _;
use commonware_codec::{Copying, Encode as _, Error as CodecError, Read as _, ReadExt as _};
use commonware_consensus::{
    Epochable as _,
    simplex::{scheme::ed25519::Scheme, types::Finalization},
    types::Epoch,
};
use commonware_cryptography::{certificate::Provider as _, ed25519, sha256};
use commonware_p2p::{Blocker as _, Receiver as _, Recipients, Sender as _};
use commonware_parallel::Sequential;
use commonware_runtime::IoBuf;
use commonware_utils::{Faults as _, N3f1};
use llmnet_types::{
    codec,
    network::{COMMITTEE_MAX, Electorate},
    succession::HandOver,
    units::{Height, Term},
};

use crate::{
    electorates::{Electorates, members},
    hand_overs::{HAND_OVER_LENGTH_MAX, HandOvers},
    network::{Channel, Transport},
    runtime::Runtime,
};

mod answer;
mod behind;
mod missing;
mod note;
#[cfg(test)]
mod tests;

pub(crate) use {answer::Answerer, note::Note};

/// How long others have to answer before they are asked again.
const RETRY: Duration = Duration::from_millis(250);

const WHERE: u8 = 0;
const NOTHING_YET: u8 = 1;
const CERTIFICATE: u8 = 2;
const HOW_ENDED: u8 = 3;
const HAND_OVER: u8 = 4;
const HAVE_YOU: u8 = 5;
const KEPT: u8 = 6;
const GONE: u8 = 7;

/// A certificate in the engine's form.
pub(crate) type Certificate = Finalization<Scheme, sha256::Digest>;
/// What each validator says: where it is, or that there is nothing yet.
type Said = BTreeMap<ed25519::PublicKey, Option<Claim>>;

/// Where a validator says that it is.
#[derive(Debug, Clone, PartialEq)]
struct Claim {
    /// Its newest certificate.
    newest: Certificate,
    /// Whether it keeps all blocks from the first on, so that others can execute them.
    is_whole: bool,
}

/// What is said among validators when one joins.
#[derive(Debug, PartialEq)]
enum Message {
    /// What is your newest certificate?
    Where,
    /// This; none while there is nothing.
    Newest(Option<Claim>),
    /// How did this term end?
    HowEnded(Term),
    /// So.
    HandOver(Box<HandOver>),
    /// Do you have the block at this height?
    HaveYou(Height),
    /// It does, or no such block is there yet.
    Kept(Height),
    /// It does not any more, and has later ones.
    Gone(Height),
}

impl Message {
    fn encode(&self) -> IoBuf {
        let mut bytes = Vec::new();
        match self {
            Self::Where => bytes.push(WHERE),
            Self::Newest(None) => bytes.push(NOTHING_YET),
            Self::Newest(Some(Claim { newest, is_whole })) => {
                bytes.extend_from_slice(&[CERTIFICATE, u8::from(*is_whole)]);
                bytes.extend_from_slice(&newest.encode());
            }
            Self::HowEnded(term) => {
                bytes.push(HOW_ENDED);
                bytes.extend_from_slice(&term.0.to_be_bytes());
            }
            Self::HandOver(hand_over) => {
                bytes.push(HAND_OVER);
                bytes.extend_from_slice(&codec::encode(&**hand_over));
            }
            Self::HaveYou(height) | Self::Kept(height) | Self::Gone(height) => {
                bytes.push(match self {
                    Self::HaveYou(_) => HAVE_YOU,
                    Self::Kept(_) => KEPT,
                    _ => GONE,
                });
                bytes.extend_from_slice(&height.0.to_be_bytes());
            }
        }
        IoBuf::from(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        const NAME: &str = "llmnet_chain::join::Message";
        let mut rest = Copying(bytes);
        let message = match u8::read(&mut rest)? {
            WHERE => Self::Where,
            NOTHING_YET => Self::Newest(None),
            CERTIFICATE => {
                let is_whole = bool::read(&mut rest)?;
                let newest = Certificate::read_cfg(&mut rest, &COMMITTEE_MAX)?;
                Self::Newest(Some(Claim { newest, is_whole }))
            }
            HOW_ENDED => Self::HowEnded(Term(u64::read(&mut rest)?)),
            HAND_OVER => {
                let hand_over = codec::decode(rest.0, HAND_OVER_LENGTH_MAX)
                    .map_err(|_| CodecError::Invalid(NAME, "hand-over"))?;
                return Ok(Self::HandOver(Box::new(hand_over)));
            }
            HAVE_YOU => Self::HaveYou(Height(u64::read(&mut rest)?)),
            KEPT => Self::Kept(Height(u64::read(&mut rest)?)),
            GONE => Self::Gone(Height(u64::read(&mut rest)?)),
            other => return Err(CodecError::InvalidEnum(other)),
        };
        match rest.remaining() {
            0 => Ok(message),
            _ => Err(CodecError::Invalid(NAME, "bytes behind the end")),
        }
    }
}

/// Where a validator begins that has nothing.
pub(crate) struct Beginning {
    /// At this certified block; none for genesis.
    pub(crate) newest: Option<Certificate>,
    /// Whether somebody honest keeps all blocks before it.
    pub(crate) is_whole: bool,
    /// Who votes in its term, and in those next to it.
    pub(crate) electorates: Vec<Electorate>,
}

/// What a validator that has nothing knows.
pub(crate) struct Joining<'a, E: Runtime> {
    pub(crate) me: ed25519::PublicKey,
    /// Its own: who replays goes through all terms in their order, and learns their committees then.
    pub(crate) electorates: Electorates,
    pub(crate) hand_overs: &'a HandOvers<E>,
    /// The latest that it could follow; at first that of term 0.
    pub(crate) electorate: Electorate,
    /// Where it meant to begin before it was interrupted.
    pub(crate) meant: Option<Certificate>,
}

impl<E: Runtime> Joining<'_, E> {
    /// Finds out where to begin: at a certificate, or, with none, where it meant to, or else at genesis. The committee of the
    /// certificate's term is known then, and how each term before it ended.
    ///
    /// Waits for as long as there are not enough to ask: without a quorum nothing could go on anyway.
    ///
    /// # Errors
    /// The network ended, or a committee has a key that is no key.
    pub(crate) async fn ask<R: Runtime, T: Transport>(
        mut self,
        context: &mut R,
        blocker: &mut T::Blocker,
        (sender, receiver): &mut Channel<T>,
    ) -> Result<Beginning, String> {
        let mut before = None;
        // What was learned before a crash.
        while let Some(known) = self.hand_overs.get(self.electorate.term).await
            && let Ok(next) = known.follow(&self.electorate)
        {
            before = Some(std::mem::replace(&mut self.electorate, next));
        }
        let mut committee = self.learn()?;
        let mut said = Said::new();
        let mut again = context.current();
        loop {
            if let Some(beginning) = beginning(
                &said,
                committee.len(),
                committee.position(&self.me).is_some(),
            ) {
                let is_whole = beginning.as_ref().is_some_and(|claim| claim.is_whole);
                let newest = beginning.map(|claim| claim.newest).or(self.meant);
                let electorates = before.into_iter().chain([self.electorate]).collect();
                return Ok(Beginning {
                    newest,
                    is_whole,
                    electorates,
                });
            }
            let (peer, message) = tokio::select! {
                biased;
                () = context.sleep_until(again) => {
                    again = context.current() + RETRY;
                    let _ = sender.send(Recipients::All, Message::Where.encode(), false);
                    continue;
                }
                received = receiver.recv() => received.map_err(|error| error.to_string())?,
            };
            let reply = match Message::decode(message.as_ref()) {
                Ok(Message::Where) => {
                    let newest = self.meant.clone();
                    let is_whole = false;
                    Some(Message::Newest(
                        newest.map(|newest| Claim { newest, is_whole }),
                    ))
                }
                Ok(
                    Message::HowEnded(_)
                    | Message::HaveYou(_)
                    | Message::Kept(_)
                    | Message::Gone(_),
                ) => None,
                Ok(Message::Newest(claim)) => {
                    let newest = claim.as_ref().map(|claim| &claim.newest);
                    let epoch = newest.map_or(Epoch::zero(), |newest| newest.epoch());
                    let scheme = self.electorates.scheme(epoch);
                    let is_later = epoch.get() > self.electorate.term.0;
                    let is_valid = newest.zip(scheme.as_ref()).is_none_or(|(newest, scheme)| {
                        newest.verify(context, &**scheme, &Sequential)
                    });
                    if !is_valid {
                        commonware_p2p::block!(blocker, peer, "a certificate that is none");
                        continue;
                    }
                    if scheme.is_some() && committee.position(&peer).is_some() {
                        said.insert(peer.clone(), claim);
                    }
                    is_later.then_some(Message::HowEnded(self.electorate.term))
                }
                Ok(Message::HandOver(hand_over)) => {
                    let term = hand_over.header.term;
                    if term != self.electorate.term {
                        // Of two who were asked the second one's comes late.
                        continue;
                    }
                    match hand_over.follow(&self.electorate) {
                        Ok(next) => {
                            before = Some(std::mem::replace(&mut self.electorate, next));
                        }
                        Err(error) => {
                            commonware_p2p::block!(blocker, peer, %error, "a false hand-over");
                            continue;
                        }
                    }
                    self.hand_overs.keep(&hand_over).await;
                    committee = self.learn()?;
                    said.retain(|peer, _| committee.position(peer).is_some());
                    // It spoke of a later term, maybe of one that is later still.
                    Some(Message::Where)
                }
                Err(error) => {
                    commonware_p2p::block!(blocker, peer, ?error, "no message of those who join");
                    continue;
                }
            };
            if let Some(reply) = reply {
                let _ = sender.send(Recipients::One(peer), reply.encode(), false);
            }
        }
    }

    fn learn(&self) -> Result<commonware_utils::ordered::Set<ed25519::PublicKey>, String> {
        let Electorate {
            term, committee, ..
        } = &self.electorate;
        let failed = || format!("the committee of term {term} has a key that is no key");
        self.electorates
            .learn(*term, committee)
            .ok_or_else(failed)?;
        members(committee).ok_or_else(failed)
    }
}

/// Where to begin, by what the other members of a committee of this size said; none while too few did.
fn beginning(said: &Said, committee: usize, is_member: bool) -> Option<Option<Claim>> {
    let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let faults = number(N3f1::max_faults(committee));
    let claims = || said.values().flatten();
    // Of f + 1 who say so one is honest. Who has nothing yet has lost nothing: where a network begins, one that comes
    // a moment late must replay its first blocks, as it would sign nothing in this term otherwise (COM-4).
    let whole = || {
        let answers = said.values();
        answers.filter(|claim| claim.as_ref().is_none_or(|claim| claim.is_whole))
    };
    let newest = || {
        let newest = claims().max_by_key(|claim| claim.newest.round());
        newest.map(|claim| Claim {
            newest: claim.newest.clone(),
            is_whole: whole().count() > faults,
        })
    };
    // We are one of them.
    let is_quorum = said.len() + usize::from(is_member) >= number(N3f1::quorum(committee));
    is_quorum.then(newest)
}
