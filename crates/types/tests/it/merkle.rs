//! PRF-1: a path has one reading.

use llmnet_types::{
    codec::List,
    id::Digest,
    merkle::{PATH_MAX, Path, Tree, root},
};
use sha2::{Digest as _, Sha256};

fn leaves(size: usize) -> Vec<[u8; 2]> {
    (0..size)
        .map(|index| u16::try_from(index).expect("small").to_be_bytes())
        .collect()
}

#[test]
fn paths_of_all_sizes_hold_and_hold_for_nothing_else() {
    // PRF-1
    for size in 1..=33_usize {
        let leaves = leaves(size);
        let tree = Tree::new(&leaves);
        let root = tree.root();
        assert_eq!(tree.path(size), None);
        for (index, leaf) in leaves.iter().enumerate() {
            let path = tree.path(index).expect("within the tree");
            assert!(path.holds(leaf, &root), "{index} of {size}");
            for (other, other_leaf) in leaves.iter().enumerate() {
                assert_eq!(path.holds(other_leaf, &root), other == index);
            }
            for other in (0..40).filter(|other| *other != path.index) {
                let path = Path {
                    index: other,
                    ..path.clone()
                };
                assert!(!path.holds(leaf, &root), "{index} as {other} of {size}");
            }
            for other in (0..70).filter(|other| *other != path.size) {
                let path = Path {
                    size: other,
                    ..path.clone()
                };
                assert!(!path.holds(leaf, &root), "{index} of {size} as of {other}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_breaks_a_path() {
    // PRF-1
    for size in [1, 2, 3, 7, 8, 33] {
        let leaves = leaves(size);
        let tree = Tree::new(&leaves);
        let root = tree.root();
        for (index, leaf) in leaves.iter().enumerate() {
            let path = tree.path(index).expect("within the tree");
            for bit in 0..256 {
                let mut other = root;
                other.0[bit / 8] ^= 1 << (bit % 8);
                assert!(!path.holds(leaf, &other));
            }
            for bit in 0..16 {
                let mut other = *leaf;
                other[bit / 8] ^= 1 << (bit % 8);
                assert!(!path.holds(&other, &root));
            }
            for sibling in 0..path.siblings.len() {
                for bit in [0, 7, 128, 255] {
                    let mut siblings = path.siblings.clone().into_vec();
                    siblings[sibling].0[bit / 8] ^= 1 << (bit % 8);
                    let path = with_siblings(&path, siblings);
                    assert!(!path.holds(leaf, &root));
                }
            }
        }
    }
}

#[test]
fn a_path_is_as_long_as_its_tree_is_high() {
    // PRF-1
    for size in [1, 2, 5, 33] {
        let leaves = leaves(size);
        let tree = Tree::new(&leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let path = tree.path(index).expect("within the tree");
            let mut longer = path.siblings.clone().into_vec();
            longer.push(Digest::ZERO);
            assert_eq!(with_siblings(&path, longer).root(leaf), None);
            let mut shorter = path.siblings.clone().into_vec();
            if shorter.pop().is_some() {
                assert_eq!(with_siblings(&path, shorter).root(leaf), None);
            }
        }
    }
    let huge = Path {
        index: u32::MAX - 1,
        size: u32::MAX,
        siblings: List::truncated([Digest::ZERO; PATH_MAX]),
    };
    assert!(!huge.holds(b"leaf", &Digest::ZERO));
}

#[test]
fn the_root_is_that_of_the_rfc_with_the_size_over_it() {
    // PRF-1, computed by hand: RFC 9162, section 2.1.1.
    let hash = |parts: &[&[u8]]| -> [u8; 32] { Sha256::digest(parts.concat()).into() };
    let leaf = |leaf: &[u8]| hash(&[&[0], leaf]);
    let node = |left: &[u8; 32], right: &[u8; 32]| hash(&[&[1], left, right]);
    let sealed =
        |size: u32, tree: [u8; 32]| Digest::tagged("llmnet/tree/1", &[&size.to_le_bytes(), &tree]);

    assert_eq!(root::<&[u8]>([]), sealed(0, hash(&[])));
    assert_eq!(root(["a"]), sealed(1, leaf(b"a")));
    let three = node(&node(&leaf(b"a"), &leaf(b"b")), &leaf(b"c"));
    assert_eq!(root(["a", "b", "c"]), sealed(3, three));
}

#[test]
fn a_node_does_not_pass_for_a_leaf() {
    // PRF-1: leaves and nodes are hashed apart, and the size is sealed.
    let hash = |prefix: u8, bytes: &[u8]| -> [u8; 32] {
        Sha256::digest([&[prefix], bytes].concat()).into()
    };
    let inner = [hash(0, b"a"), hash(0, b"b")].concat();
    assert_ne!(root([inner.as_slice()]), root(["a", "b"]));
}

fn with_siblings(path: &Path, siblings: Vec<Digest>) -> Path {
    Path {
        siblings: List::from_vec(siblings).expect("short enough"),
        ..path.clone()
    }
}
