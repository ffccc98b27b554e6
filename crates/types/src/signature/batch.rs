//! Many signatures checked together, for a fraction of what each costs by itself (ENC-4).

use std::{collections::BTreeSet, convert::Infallible};

use ed25519_zebra::{VerificationKeyBytes, batch};
use rand_core::{TryCryptoRng, TryRng};

use super::{Message, PublicKey, Signature, Signed};
use crate::id::{Digest, NetworkId};

/// What somebody is said to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    /// The digest of all of it.
    id: Digest,
    signer: PublicKey,
    signature: Signature,
    bytes: Vec<u8>,
}

/// Signatures to be checked together.
///
/// By ZIP 215 a batch holds exactly if each of its signatures does. The check adds the signatures up under
/// coefficients that who made them must not know beforehand, else wrong ones could be made to cancel out.
/// Ours follow from the digest of all that is in the batch, so that no entropy is needed: whoever changes a
/// signature changes all coefficients, and finds wrong ones that cancel out after about 2^128 attempts, as
/// for anything that is hashed to 128 bits (the Fiat-Shamir argument, as in Chalkias, Garillot, Kondi,
/// Nikolaenko: Non-interactive half-aggregation of EdDSA, CT-RSA 2021).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch(Vec<Item>);

impl Batch {
    /// No signatures: holds.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many signatures.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds that a key signed a body for a network.
    pub fn push<T: Message>(
        &mut self,
        signed: &Signed<T>,
        network: &NetworkId,
        signer: &PublicKey,
    ) {
        let bytes = signed.body.signing_bytes(network);
        let signature = signed.signature;
        let id = Digest::tagged("llmnet/signature/1", &[&signer.0, &signature.0, &bytes]);
        self.0.push(Item {
            id,
            signer: *signer,
            signature,
            bytes,
        });
    }

    /// Whether all of them hold.
    pub fn holds(&self) -> bool {
        if let [item] = self.0.as_slice() {
            return item.signer.verify(&item.bytes, &item.signature);
        }
        let mut verifier = batch::Verifier::new();
        for item in &self.0 {
            verifier.queue((
                VerificationKeyBytes::from(item.signer.0),
                ed25519_zebra::Signature::from_bytes(&item.signature.0),
                &item.bytes,
            ));
        }
        let ids: Vec<&[u8]> = self.0.iter().map(|item| item.id.0.as_slice()).collect();
        let coefficients = Coefficients {
            seed: Digest::tagged("llmnet/batch/1", &ids),
            drawn: 0,
        };
        verifier.verify(coefficients).is_ok()
    }
}

/// A batch's coefficients: SHA-256 of its digest and a counter.
struct Coefficients {
    seed: Digest,
    drawn: u64,
}

impl TryRng for Coefficients {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            let parts: [&[u8]; 2] = [&self.seed.0, &self.drawn.to_le_bytes()];
            let block = Digest::tagged("llmnet/coefficient/1", &parts);
            self.drawn += 1;
            chunk.copy_from_slice(&block.0[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Coefficients {}

/// Signatures that were found good: who keeps this checks none of them twice. It forgets the oldest.
#[derive(Debug, Clone)]
pub struct Known {
    /// A generation is full with so many.
    capacity: usize,
    young: BTreeSet<Digest>,
    old: BTreeSet<Digest>,
}

impl Known {
    /// Remembers at least so many signatures, and at most twice as many.
    pub const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            young: BTreeSet::new(),
            old: BTreeSet::new(),
        }
    }

    /// What of a batch is not known to be good.
    pub fn unknown(&self, batch: Batch) -> Batch {
        let items = batch.0.into_iter();
        Batch(items.filter(|item| !self.knows(item)).collect())
    }

    fn knows(&self, item: &Item) -> bool {
        self.young.contains(&item.id) || self.old.contains(&item.id)
    }

    /// Remembers a batch that was found to hold.
    pub fn learn(&mut self, batch: &Batch) {
        for item in &batch.0 {
            if self.young.len() >= self.capacity {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(item.id);
        }
    }
}
