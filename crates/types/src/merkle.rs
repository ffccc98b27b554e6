//! Merkle trees as in RFC 9162, their size sealed into the root.
//!
//! The tree hash of the RFC does not bind the number of leaves: one inclusion path can hold for two
//! sizes. We hash the size over it, so a proof has exactly one reading (PRF-1).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{codec::List, id::Digest};

/// The most hashes a path can have: trees of up to 2^32 leaves.
pub const PATH_MAX: usize = 32;

/// The way from a leaf to a root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// The leaf's place, from 0.
    pub index: u32,
    /// How many leaves the tree has.
    pub size: u32,
    /// Siblings from the leaf up.
    pub siblings: List<Digest, PATH_MAX>,
}

fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(leaf);
    hasher.finalize().into()
}

fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

fn seal(size: u32, tree: &[u8; 32]) -> Digest {
    Digest::tagged("llmnet/tree/1", &[&size.to_le_bytes(), tree])
}

/// A tree over leaves' bytes, kept whole to cut paths from: a path costs no hash.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The leaves' hashes, then those of each row above them; the last row has one. A hash without a neighbour goes up
    /// as it is, which gives the tree that the RFC splits at the largest power of two.
    rows: Vec<Vec<[u8; 32]>>,
}

impl Tree {
    /// A tree over these leaves, in order.
    ///
    /// # Panics
    /// With 2^32 leaves or more, which no bounded list has.
    pub fn new<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> Self {
        let hashes: Vec<_> = leaves
            .into_iter()
            .map(|leaf| leaf_hash(leaf.as_ref()))
            .collect();
        assert!(u32::try_from(hashes.len()).is_ok(), "too many leaves");
        let mut rows = vec![hashes];
        while let Some(below) = rows.last().filter(|row| row.len() > 1) {
            let above = below
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_hash(left, right),
                    _ => pair[0],
                })
                .collect();
            rows.push(above);
        }
        Self { rows }
    }

    fn leaves(&self) -> &[[u8; 32]] {
        self.rows.first().map_or(&[], Vec::as_slice)
    }

    fn size(&self) -> u32 {
        u32::try_from(self.leaves().len()).expect("checked when made")
    }

    /// The digest of the leaf at `index`, as it stands in the tree; `None` past the end.
    pub fn leaf(&self, index: usize) -> Option<Digest> {
        self.leaves().get(index).copied().map(Digest)
    }

    /// The sealed root.
    pub fn root(&self) -> Digest {
        let top = self.rows.last().and_then(|row| row.first());
        let top = top.copied().unwrap_or_else(|| Sha256::digest([]).into());
        seal(self.size(), &top)
    }

    /// The path of the leaf at `index`, or `None` past the end.
    pub fn path(&self, index: usize) -> Option<Path> {
        if index >= self.leaves().len() {
            return None;
        }
        let siblings: Vec<Digest> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(height, row)| row.get((index >> height) ^ 1).copied().map(Digest))
            .collect();
        Some(Path {
            index: u32::try_from(index).ok()?,
            size: self.size(),
            siblings: List::from_vec(siblings).ok()?,
        })
    }
}

/// The sealed root of a tree over these leaves.
pub fn root<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> Digest {
    Tree::new(leaves).root()
}

impl Path {
    /// The root that this path leads to from a leaf, or `None` if its shape fits no tree.
    ///
    /// Follows RFC 9162, section 2.1.3.2.
    pub fn root(&self, leaf: &[u8]) -> Option<Digest> {
        if self.index >= self.size {
            return None;
        }
        let (mut at, mut last) = (self.index, self.size - 1);
        let mut hash = leaf_hash(leaf);
        for sibling in &self.siblings {
            if last == 0 {
                return None;
            }
            if at & 1 == 1 || at == last {
                hash = node_hash(&sibling.0, &hash);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, &sibling.0);
            }
            at >>= 1;
            last >>= 1;
        }
        (last == 0).then(|| seal(self.size, &hash))
    }

    /// Whether the leaf stands under the root.
    pub fn holds(&self, leaf: &[u8], root: &Digest) -> bool {
        self.root(leaf).as_ref() == Some(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree hash as RFC 9162, section 2.1.1, defines it.
    fn defined(hashes: &[[u8; 32]]) -> [u8; 32] {
        match hashes {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let half = hashes.len().next_power_of_two() / 2;
                let (left, right) = hashes.split_at(half);
                node_hash(&defined(left), &defined(right))
            }
        }
    }

    #[test]
    fn rows_give_the_tree_of_the_rfc_and_every_path_leads_to_its_root() {
        for size in 0..=130_u32 {
            let leaves: Vec<_> = (0..size).map(u32::to_le_bytes).collect();
            let tree = Tree::new(&leaves);
            let hashes: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
            assert_eq!(tree.root(), seal(size, &defined(&hashes)), "{size}");
            for (index, leaf) in leaves.iter().enumerate() {
                let path = tree.path(index).expect("it is there");
                assert!(path.holds(leaf, &tree.root()), "{index} of {size}");
            }
            assert_eq!(tree.path(leaves.len()), None);
        }
    }
}
