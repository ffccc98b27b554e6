//! A leader that proposes blocks no honest leader makes: well-formed, signed, in turn, and false.
//!
//! Others vote for such a block before they have executed it, as the engine has them do, so it may get a
//! quorum. Then everybody has to find that it does not hold, and everybody the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use commonware_codec::{Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::{
    Viewable as _,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Certificate, Notarize, Proposal, Vote},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Digestible as _, certificate::Verifier as _, sha256};
use commonware_p2p::{Receiver as _, Recipients, Sender as _, utils::mux};
use commonware_runtime::{IoBuf, Spawner as _, Supervisor as _, deterministic};
use llmnet_types::{
    block::Header,
    certificate::namespace,
    id::Digest,
    signature::{PrivateKey, PublicKey, Signature},
    transaction::Transaction,
    units::Term,
};

use crate::{
    block::{Block, transactions_root},
    electorates::members,
    network::CHANNELS,
    setup::engine_seed,
    simulation::{chance::Chance, judge::Judge, links::Mesh, place::seed, stage::lock},
};

pub(super) async fn start(
    context: &deterministic::Context,
    mesh: &Arc<Mesh>,
    judge: Arc<Mutex<Judge>>,
    index: usize,
    chance: Chance,
) {
    let mut forger = Forger::new(judge, index, chance);
    let channels = mesh.tap(mesh.key(index)).await;
    let channels = <[_; CHANNELS]>::try_from(channels);
    let Ok(
        [
            votes,
            certificates,
            resolver,
            backfill,
            broadcast,
            gossip,
            state,
            join,
        ],
    ) = channels
    else {
        unreachable!("one channel for each use")
    };
    context.child("forger").spawn(move |_| async move {
        // Who leaves a channel is not there.
        let _kept = (resolver, backfill, gossip, state, join);
        let (votes, mut others_votes) = votes;
        let mut votes = mux::GlobalSender::new(votes);
        let (_certificates, mut certificates) = certificates;
        let (mut broadcast, mut blocks) = broadcast;
        loop {
            tokio::select! {
                biased;
                Ok((_, block)) = blocks.recv() => {
                    if let Ok(block) = Block::decode(block) {
                        forger.known.insert(block.digest(), block);
                    }
                }
                Ok((_, certificate)) = certificates.recv() => {
                    let Ok((term, certificate)) = mux::parse(certificate) else {
                        continue;
                    };
                    if let Some((block, vote)) = forger.lead(Term(term), certificate) {
                        let block = IoBuf::from(block.encode());
                        let _ = broadcast.send(Recipients::All, block, true);
                        let vote = IoBuf::from(vote.encode());
                        let _ = votes.send(term, Recipients::All, vote, true);
                    }
                }
                Ok(_) = others_votes.recv() => {}
                else => return,
            }
        }
    });
}

struct Forger {
    /// Tells who is in office.
    judge: Arc<Mutex<Judge>>,
    seed: [u8; 32],
    key: PublicKey,
    office: Option<Office>,
    chance: Chance,
    known: HashMap<sha256::Digest, Block>,
    /// The newest block with a quorum: its round and digest.
    parent: Option<(View, sha256::Digest)>,
    /// The newest round it led.
    led: View,
}

/// Its seat in a term's committee.
struct Office {
    term: Term,
    scheme: Scheme,
    /// Its number in the committee, and how many there are: leaders take turns.
    place: u64,
    members: u64,
}

impl Forger {
    fn new(judge: Arc<Mutex<Judge>>, index: usize, chance: Chance) -> Self {
        let seed = seed(index);
        Self {
            judge,
            seed,
            key: PrivateKey::from_seed(seed).public_key(),
            office: None,
            chance,
            known: HashMap::new(),
            parent: None,
            led: View::zero(),
        }
    }

    /// Takes its seat in a term, where it has one.
    fn enter(&mut self, term: Term) -> Option<()> {
        if self
            .office
            .as_ref()
            .is_some_and(|office| office.term == term)
        {
            return Some(());
        }
        let judge = lock(&self.judge);
        let electorate = judge.electorate(term)?;
        let keys = electorate.committee.keys();
        let place = keys.iter().position(|other| *other == self.key)? as u64;
        let members = members(&electorate.committee)?;
        self.office = Some(Office {
            term,
            place,
            members: members.len() as u64,
            scheme: Scheme::signer(
                &namespace(&electorate.network),
                members,
                engine_seed(self.seed),
            )?,
        });
        drop(judge);
        self.parent = None;
        self.led = View::zero();
        Some(())
    }

    /// Its block and vote, if a certificate makes it the leader.
    fn lead(
        &mut self,
        term: Term,
        certificate: IoBuf,
    ) -> Option<(Block, Vote<Scheme, sha256::Digest>)> {
        self.enter(term)?;
        let office = self.office.as_ref()?;
        let bounds = office.scheme.certificate_codec_config();
        let certificate = Certificate::<Scheme, _>::decode_cfg(certificate, &bounds).ok()?;
        let proposal = match &certificate {
            Certificate::Notarization(notarization) => Some(&notarization.proposal),
            Certificate::Finalization(finalization) => Some(&finalization.proposal),
            Certificate::Nullification(_) => None,
        };
        if let Some(proposal) = proposal {
            self.parent = Some((proposal.view(), proposal.payload));
        }
        let view = certificate.view().next();
        if view.get() % office.members != office.place || view <= self.led {
            return None;
        }
        let (parent_view, parent) = self.parent?;
        let parent = self.known.get(&parent)?.clone();
        self.led = view;
        let block = self.forge(&parent, term, view)?;
        let office = self.office.as_ref()?;
        let round = Round::new(Epoch::new(term.0), view);
        let proposal = Proposal::new(round, parent_view, block.digest());
        let vote = Notarize::sign(&office.scheme, proposal)?;
        Some((block, Vote::Notarize(vote)))
    }

    /// A block that follows its parent as far as a vote asks, and is false in one more way than that its
    /// state is made up.
    fn forge(&mut self, parent: &Block, term: Term, view: View) -> Option<Block> {
        let before = parent.header();
        let mut header = Header {
            term,
            view: view.get(),
            leader: self.key,
            parent_view: before.view,
            parent: before.digest(),
            timestamp_ms: before.timestamp_ms + 500,
            state: Digest::of(&self.chance.next().to_le_bytes()),
            transactions: transactions_root(&[]),
            ..before.clone()
        };
        header.height.0 += 1;
        let mut transactions: Vec<Transaction> = Vec::new();
        match self.chance.below(8) {
            0 => header.height.0 += 1,
            1 => header.timestamp_ms = before.timestamp_ms,
            2 => header.timestamp_ms += 3_600_000,
            3 => header.settlements = Digest::of(b"nothing was settled"),
            4 => header.operations_end += 1 << 40,
            5 => header.transactions = Digest::of(b"not these"),
            // Done before, or not by whom it says.
            6 => transactions = parent.transactions().to_vec(),
            _ => {
                transactions = parent.transactions().to_vec();
                for transaction in &mut transactions {
                    transaction.body.nonce += 1;
                    transaction.signature = Signature([7; 64]);
                }
            }
        }
        if !transactions.is_empty() {
            header.transactions = transactions_root(&transactions);
        }
        Block::new(header, transactions)
    }
}
