//! An archive that keeps more than the engine asks it to.
//!
//! The engine prunes what it has counted past since it *started*, and remembers each block for that. With
//! the window set to all that we keep, a validator that is started now and then would never prune
//! anything. So the window is short, and the archives keep that much more. Whole sections are dropped.

use commonware_consensus::{
    marshal::store::{Blocks, Certificates},
    simplex::types::Finalization,
    types::Height,
};
use commonware_cryptography::Digestible;
use commonware_runtime::Handle;
use commonware_storage::archive::Identifier;

/// An archive that keeps so many heights more.
pub(crate) struct Kept<A> {
    archive: A,
    more: u64,
}

impl<A> Kept<A> {
    pub(crate) const fn new(archive: A, more: u64) -> Self {
        Self { archive, more }
    }

    /// The lowest height to keep; none before all that is to be kept has come.
    const fn lowest(&self, min: Height) -> Option<Height> {
        match min.get().checked_sub(self.more) {
            None | Some(0) => None,
            Some(lowest) => Some(Height::new(lowest)),
        }
    }
}

/// Does something with the archive inside, which is consumed and returned.
macro_rules! inside {
    ($self:ident, $archive:ident => $done:expr) => {{
        let Self {
            archive: $archive,
            more,
        } = $self;
        let archive = $done.await?;
        Ok(Self { archive, more })
    }};
}

impl<A: Certificates> Certificates for Kept<A> {
    type BlockDigest = A::BlockDigest;
    type Commitment = A::Commitment;
    type Scheme = A::Scheme;
    type Error = A::Error;

    async fn put(
        self,
        height: Height,
        digest: Self::BlockDigest,
        finalization: &Finalization<Self::Scheme, Self::Commitment>,
    ) -> Result<Self, Self::Error> {
        inside!(self, archive => archive.put(height, digest, finalization))
    }

    async fn sync(self) -> Result<Self, Self::Error> {
        inside!(self, archive => archive.sync())
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), Self::Error> {
        let Self { archive, more } = self;
        let (archive, handle) = archive.start_sync().await?;
        Ok((Self { archive, more }, handle))
    }

    async fn get(
        &self,
        id: Identifier<'_, Self::BlockDigest>,
    ) -> Result<Option<Finalization<Self::Scheme, Self::Commitment>>, Self::Error> {
        self.archive.get(id).await
    }

    async fn has(&self, height: Height) -> Result<bool, Self::Error> {
        self.archive.has(height).await
    }

    async fn prune(self, min: Height) -> Result<Self, Self::Error> {
        match self.lowest(min) {
            Some(lowest) => inside!(self, archive => archive.prune(lowest)),
            None => Ok(self),
        }
    }

    fn last_index(&self) -> Option<Height> {
        self.archive.last_index()
    }

    fn ranges_from(&self, from: Height) -> impl Iterator<Item = (Height, Height)> {
        self.archive.ranges_from(from)
    }
}

impl<A: Blocks> Blocks for Kept<A> {
    type Block = A::Block;
    type Error = A::Error;

    async fn put(
        self,
        digest: <Self::Block as Digestible>::Digest,
        block: &Self::Block,
    ) -> Result<Self, Self::Error> {
        inside!(self, archive => archive.put(digest, block))
    }

    async fn sync(self) -> Result<Self, Self::Error> {
        inside!(self, archive => archive.sync())
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), Self::Error> {
        let Self { archive, more } = self;
        let (archive, handle) = archive.start_sync().await?;
        Ok((Self { archive, more }, handle))
    }

    async fn get(
        &self,
        id: Identifier<'_, <Self::Block as Digestible>::Digest>,
    ) -> Result<Option<Self::Block>, Self::Error> {
        self.archive.get(id).await
    }

    async fn prune(self, min: Height) -> Result<Self, Self::Error> {
        match self.lowest(min) {
            Some(lowest) => inside!(self, archive => archive.prune(lowest)),
            None => Ok(self),
        }
    }

    fn missing_items(&self, start: Height, max: usize) -> Vec<Height> {
        self.archive.missing_items(start, max)
    }

    fn next_gap(&self, value: Height) -> (Option<Height>, Option<Height>) {
        self.archive.next_gap(value)
    }

    fn last_index(&self) -> Option<Height> {
        self.archive.last_index()
    }
}

#[cfg(test)]
mod tests;
