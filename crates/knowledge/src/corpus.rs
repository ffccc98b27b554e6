//! Salted passages under a Merkle root (COR-1), and the citations cut from it (COR-2).

use std::collections::BTreeMap;

use llmnet_types::{
    id::{Digest, Salt},
    merkle::Tree,
    passage::{Citation, Evidence, Passage},
    registration,
};

use crate::ingest::{Document, Section};

/// The most passages of a corpus.
pub const PASSAGES_MAX: usize = 1_000_000;

/// What cannot be a corpus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorpusError {
    /// Nothing to look anything up in.
    #[error("a corpus needs a passage")]
    Empty,
    /// More passages than a corpus may have.
    #[error("{found} passages where at most {PASSAGES_MAX} are allowed")]
    TooMany {
        /// How many there were.
        found: usize,
    },
    /// One passage twice: a citation would have two readings.
    #[error("passage \"{title}\" of \"{document}\" is there twice")]
    Duplicate {
        /// Its document.
        document: String,
        /// Its title.
        title: String,
    },
}

/// All passages of one respondent, under one root.
#[derive(Debug, Clone)]
pub struct Corpus {
    sections: Vec<Section>,
    salts: Vec<Salt>,
    places: BTreeMap<Digest, usize>,
    tree: Tree,
    root: Digest,
    as_of_day: u32,
}

impl Corpus {
    /// A corpus of these passages, in order, current up to a day.
    ///
    /// Each passage's own salt follows from the corpus' salt, its place and its digest: revealing one says
    /// nothing of the others, and the corpus' salt never leaves its owner.
    ///
    /// # Errors
    /// No passages, too many, or one twice.
    pub fn new(sections: Vec<Section>, salt: &Salt, as_of_day: u32) -> Result<Self, CorpusError> {
        if sections.is_empty() {
            return Err(CorpusError::Empty);
        }
        if sections.len() > PASSAGES_MAX {
            return Err(CorpusError::TooMany {
                found: sections.len(),
            });
        }
        let mut places = BTreeMap::new();
        let mut salts = Vec::with_capacity(sections.len());
        for (place, Section { passage, .. }) in sections.iter().enumerate() {
            let digest = passage.digest();
            if places.insert(digest, place).is_some() {
                return Err(CorpusError::Duplicate {
                    document: passage.document.to_string(),
                    title: passage.title.to_string(),
                });
            }
            salts.push(salt.field(&format!("passage/{place}/{digest}")));
        }
        let leaves = sections.iter().zip(&salts);
        let tree = Tree::new(leaves.map(|(section, salt)| section.passage.leaf(salt)));
        Ok(Self {
            root: tree.root(),
            sections,
            salts,
            places,
            tree,
            as_of_day,
        })
    }

    /// What is announced of it: root, day, size.
    pub fn registration(&self) -> registration::Corpus {
        registration::Corpus {
            root: self.root,
            as_of_day: self.as_of_day,
            passages: u32::try_from(self.sections.len()).expect("bounded when made"),
        }
    }

    /// The Merkle root.
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// Passages with their search words, in the order of the tree's leaves.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The passage at a place, with the proof that it stands there; `None` past the end.
    pub fn cite(&self, place: usize) -> Option<Evidence> {
        let passage = self.sections.get(place)?.passage.clone();
        let citation = Citation {
            root: self.root,
            salt: *self.salts.get(place)?,
            path: self.tree.path(place)?,
        };
        Some(Evidence { passage, citation })
    }

    /// Where a passage stands, if it does.
    pub fn place(&self, passage: &Passage) -> Option<usize> {
        self.places.get(&passage.digest()).copied()
    }
}

/// About half of a document's passages: which ones depends on the expert's name alone, so that different
/// experts hold different parts and each holds the same part at every start.
pub fn part(document: &Document, expert: &str) -> Vec<Section> {
    let holds = |section: &&Section| {
        let digest = section.passage.digest();
        Digest::tagged("llmnet/part/1", &[&digest.0, expert.as_bytes()]).0[0] < 128
    };
    document.sections.iter().filter(holds).cloned().collect()
}

#[cfg(test)]
mod tests;
