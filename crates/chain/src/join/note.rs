//! What a validator notes of how it began, as it cannot be told from anything else later.

use commonware_storage::metadata::{self, Metadata};
use commonware_utils::sequence::FixedBytes;
use llmnet_types::units::{Height, Term};

use crate::runtime::Runtime;

/// How a validator began (COM-4).
///
/// One with an empty disk may be one that lost it, and with it all that it had signed. Of a round in which it voted
/// already it must not sign anything else: that would be an offence, and too many of those a fork. So it signs nothing
/// in terms that were over when it began, and, where it took over the others' state, nothing in the term that went on
/// then either.
pub(crate) struct Note<E: Runtime>(Metadata<E, FixedBytes<1>, u64>);

impl<E: Runtime> Note<E> {
    const TAKEN_OVER: FixedBytes<1> = FixedBytes::new([0]);
    const SIGNS_FROM: FixedBytes<1> = FixedBytes::new([1]);
    const JOINED: FixedBytes<1> = FixedBytes::new([2]);

    pub(crate) async fn open(context: &E) -> Result<Self, String> {
        let config = metadata::Config {
            partition: "chain-beginning".into(),
            codec_config: (),
        };
        let metadata = Metadata::init(context.child("beginning"), config);
        let metadata = metadata.await;
        let metadata = metadata.map_err(|error| format!("the note of joining fails: {error}"))?;
        Ok(Self(metadata))
    }

    /// Whether it ever took over the others' state, so that it did not execute what came before.
    pub(crate) fn has_taken_over(&self) -> bool {
        self.0.get(&Self::TAKEN_OVER).is_some()
    }

    /// At which height it took over the others' state; 0 where it has executed all itself, or is not that far.
    pub(crate) fn joined(&self) -> Height {
        Height(self.0.get(&Self::JOINED).copied().unwrap_or(0))
    }

    /// Notes, once, at which height it took over the others' state. Durable when it returns.
    pub(crate) async fn joins(self, height: Height) -> Self {
        if !self.has_taken_over() || self.joined() != Height(0) {
            return self;
        }
        Self::written(self.0.put_sync(Self::JOINED, height.0).await)
    }

    /// The first term in which it signs anything.
    pub(crate) fn signs_from(&self) -> Term {
        Term(self.0.get(&Self::SIGNS_FROM).copied().unwrap_or(0))
    }

    /// Durable when it returns.
    pub(crate) async fn write(mut self, takes_over: bool, signs_from: Term) -> Self {
        if takes_over {
            self.0.put(Self::TAKEN_OVER, 1);
        }
        Self::written(self.0.put_sync(Self::SIGNS_FROM, signs_from.0).await)
    }

    /// The engine's contract: storage that fails ends the validator.
    fn written<Error: std::fmt::Debug>(
        metadata: Result<Metadata<E, FixedBytes<1>, u64>, Error>,
    ) -> Self {
        Self(metadata.expect("how it began can be noted"))
    }
}
