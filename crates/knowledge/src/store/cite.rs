//! The Merkle tree over a store's passages as it stands, and the citations cut from it (COR-1, COR-2).

use std::sync::Arc;

use llmnet_types::{
    id::{Digest, Salt},
    merkle::Tree,
    passage::{Citation, Evidence},
    registration,
};

use super::{Store, StoreError, read};

/// A store's tree at one generation.
#[derive(Debug)]
pub struct Proofs {
    generation: u64,
    ids: Vec<i64>,
    tree: Tree,
    root: Digest,
    as_of_day: u32,
}

impl Proofs {
    /// What is announced of it: root, day, size. `None` of a store without passages, which is no corpus.
    pub fn registration(&self) -> Option<registration::Corpus> {
        (!self.ids.is_empty()).then(|| registration::Corpus {
            root: self.root,
            as_of_day: self.as_of_day,
            passages: u32::try_from(self.ids.len()).unwrap_or(u32::MAX),
        })
    }

    /// The Merkle root.
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// Which state of the store this is.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The numbers of all passages, in the order of the leaves.
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }
}

impl Store {
    /// The tree as it stands; it is read anew only where something changed, also by another process.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn proofs(&self) -> Result<Arc<Proofs>, StoreError> {
        let mut kept = self.proofs.lock().map_err(|_| StoreError::Poisoned)?;
        let mut connection = self.connection()?;
        // One transaction, so that generation and leaves are of one state.
        let transaction = connection.transaction()?;
        let generation = read::generation(&transaction)?;
        if let Some(proofs) = kept
            .as_ref()
            .filter(|proofs| proofs.generation == generation)
        {
            return Ok(Arc::clone(proofs));
        }
        let (mut ids, mut leaves) = (Vec::new(), Vec::<[u8; 32]>::new());
        {
            let mut statement =
                transaction.prepare_cached("SELECT passage, leaf FROM leaves ORDER BY passage")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                ids.push(row.get(0)?);
                leaves.push(row.get(1)?);
            }
        }
        let as_of_day = transaction.query_row(
            "SELECT coalesce(max(as_of_day), 0) FROM documents",
            [],
            |row| row.get(0),
        )?;
        let tree = Tree::new(leaves);
        let proofs = Arc::new(Proofs {
            generation,
            ids,
            root: tree.root(),
            tree,
            as_of_day,
        });
        *kept = Some(Arc::clone(&proofs));
        Ok(proofs)
    }

    /// A passage with the proof that it stands in the tree; `None` where it stands there no more.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn cite(&self, proofs: &Proofs, id: i64) -> Result<Option<Evidence>, StoreError> {
        let Ok(place) = proofs.ids.binary_search(&id) else {
            return Ok(None);
        };
        let connection = self.connection()?;
        let mut statement =
            connection.prepare_cached("SELECT salt FROM leaves WHERE passage = ?1")?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let salt = Salt(row.get(0)?);
        let passage = read::passage(&connection, id)?;
        let path = proofs
            .tree
            .path(place)
            .ok_or(StoreError::Damaged("a passage without a place"))?;
        Ok(Some(Evidence {
            passage,
            citation: Citation {
                root: proofs.root,
                salt,
                path,
            },
        }))
    }
}
