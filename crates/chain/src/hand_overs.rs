//! How each term ended: kept for ever, one small record a term, so that old receipts hold (COM-2, PRF-3).

use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_cryptography::sha256;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::{
    archive::{Archive as _, Identifier, prunable},
    translator::TwoCap,
};
use llmnet_types::{codec, succession::HandOver, units::Term};
use tokio::sync::Mutex;

use crate::{runtime::Runtime, store::archive_config};

/// The most bytes of a record: two committees' worth of keys and signatures is less than half of that.
pub(crate) const HAND_OVER_LENGTH_MAX: usize = 32 << 10;

type Archive<E> = prunable::Archive<TwoCap, E, sha256::Digest, Bytes>;

/// The hand-overs this validator knows.
pub(crate) struct HandOvers<E: Runtime> {
    /// Empty only while it is written to.
    archive: Mutex<Option<Archive<E>>>,
}

impl<E: Runtime> HandOvers<E> {
    /// Opens the archive.
    pub(crate) async fn open(context: &E, cache: CacheRef) -> Result<Self, String> {
        let range = RangeCfg::from(..=HAND_OVER_LENGTH_MAX);
        let archive: Archive<E> = prunable::Archive::init(
            context.child("hand_overs"),
            archive_config("hand-overs", cache, range),
        )
        .await
        .map_err(|error| format!("the archive of hand-overs fails: {error}"))?;
        Ok(Self {
            archive: Mutex::new(Some(archive)),
        })
    }

    /// How a term ended; none where that is not known.
    pub(crate) async fn get(&self, term: Term) -> Option<HandOver> {
        let slot = self.archive.lock().await;
        let bytes = slot.as_ref()?.get(Identifier::Index(term.0)).await;
        // The engine's contract: storage that fails ends the validator.
        let bytes = bytes.expect("hand-overs can be read")?;
        codec::decode(&bytes, HAND_OVER_LENGTH_MAX).ok()
    }

    /// Keeps how a term ended, durably before this returns. What is known already stays.
    pub(crate) async fn keep(&self, hand_over: &HandOver) {
        let header = &hand_over.header;
        let bytes = Bytes::from(codec::encode(hand_over));
        let mut slot = self.archive.lock().await;
        if let Some(archive) = slot.take() {
            let digest = sha256::Digest(header.digest().0);
            let archive = archive.put_sync(header.term.0, digest, &bytes).await;
            *slot = Some(archive.expect("hand-overs can be written"));
        }
    }
}
