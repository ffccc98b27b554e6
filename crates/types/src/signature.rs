//! Keys and signatures: ed25519 by the rules of ZIP 215, so that single and batch checks agree.
//!
//! Every signature is over `kind/version | network id | SHA-256(body)` (ENC-4): a signature for one
//! kind of message, or for one network, is worth nothing for another.

mod batch;

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_zebra::{SigningKey, VerificationKey};
use serde::{Deserialize, Serialize};

use crate::{
    codec::encode,
    id::{Digest, NetworkId, bytes_type},
};

pub use batch::{Batch, Known};

bytes_type!(
    /// An ed25519 public key: a node, an operator, an account.
    PublicKey, 32
);
bytes_type!(
    /// An ed25519 signature.
    Signature, 64
);

/// A signature that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature of {signer} on {kind} does not hold")]
pub struct BadSignature {
    /// The kind of message.
    pub kind: &'static str,
    /// Whose signature it should be.
    pub signer: PublicKey,
}

/// A body that can be signed. `KIND` names it and its version, and never changes once in use.
pub trait Message: BorshSerialize {
    /// For example `llmnet/assign/1`.
    const KIND: &'static str;

    /// The bytes a signature of this body is over.
    fn signing_bytes(&self, network: &NetworkId) -> Vec<u8> {
        let body = Digest::of(&encode(&self));
        [Self::KIND.as_bytes(), &network.0, &body.0].concat()
    }

    /// The digest by which other messages name this one.
    fn digest(&self) -> Digest {
        Digest::tagged(Self::KIND, &[&encode(&self)])
    }
}

/// A secret key. Prints as its public key only.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// The key of a 32-byte seed. Whoever knows the seed is the key's owner.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The seed.
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verification_key().into())
    }

    /// Signs raw bytes. Messages are signed by [`Signed::new`], which adds kind and network.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }

    /// A secret derived from this one for a named purpose: never reveals the key.
    pub fn derive(&self, purpose: &str, index: u64) -> [u8; 32] {
        let seed = self.to_seed();
        Digest::tagged(purpose, &[&seed, &index.to_le_bytes()]).0
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey(of {})", self.public_key())
    }
}

impl PublicKey {
    /// Whether this key signed these raw bytes.
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> bool {
        VerificationKey::try_from(self.0).is_ok_and(|key| {
            key.verify(&ed25519_zebra::Signature::from_bytes(&signature.0), bytes)
                .is_ok()
        })
    }

    /// The first eight characters, for people; not unique.
    pub fn short(&self) -> String {
        crate::id::to_hex(&self.0[..4])
    }
}

/// A body and its signature. Who signed is said by the body or by where it stands.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed<T> {
    /// What is said.
    pub body: T,
    /// By whom it is said, provably.
    pub signature: Signature,
}

impl<T: Message> Signed<T> {
    /// Signs a body for one network.
    pub fn new(body: T, network: &NetworkId, key: &PrivateKey) -> Self {
        let signature = key.sign(&body.signing_bytes(network));
        Self { body, signature }
    }

    /// Checks who signed.
    ///
    /// # Errors
    /// The signature is of another key, body, kind or network.
    pub fn verify(&self, network: &NetworkId, signer: &PublicKey) -> Result<(), BadSignature> {
        if signer.verify(&self.body.signing_bytes(network), &self.signature) {
            return Ok(());
        }
        Err(BadSignature {
            kind: T::KIND,
            signer: *signer,
        })
    }
}
