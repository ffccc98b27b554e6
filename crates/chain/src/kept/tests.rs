//! What is pruned, and that it is gone from the disk.

use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalization, Finalize, Proposal},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Signer as _, sha256};
use commonware_parallel::Sequential;
use commonware_runtime::{Runner as _, Storage as _, Supervisor as _, deterministic};
use commonware_storage::{archive::prunable, translator::TwoCap};
use commonware_utils::iter::NonEmpty;

use super::*;
use crate::{config::Keep, engine::page_cache, setup::engine_seed, store::archive_config};

/// Heights of a section: what is dropped at a time.
const SECTION: u64 = 4096;

fn certificate() -> Finalization<Scheme, sha256::Digest> {
    let key = engine_seed([1; 32]);
    let committee = vec![key.public_key()].try_into().expect("one");
    let scheme = Scheme::signer(b"network", committee, key).expect("a member");
    let round = Round::new(Epoch::zero(), View::new(1));
    let proposal = Proposal::new(round, View::zero(), sha256::Digest([7; 32]));
    let vote = Finalize::sign(&scheme, proposal).expect("signs");
    let votes = NonEmpty::new(vote, std::iter::empty());
    Finalization::from_owned_finalizes(&scheme, votes, &Sequential).expect("a quorum")
}

#[test]
fn more_is_kept_than_the_engine_asks_for_and_the_rest_leaves_the_disk() {
    deterministic::Runner::default().start(|context| async move {
        let archive: prunable::Archive<TwoCap, _, sha256::Digest, _> = prunable::Archive::init(
            context.child("certificates"),
            archive_config("certificates", page_cache(), 4),
        )
        .await
        .expect("opens");
        let more = Keep::Blocks(1000).more_than(100);
        assert_eq!(more, 900);
        let mut kept = Kept::new(archive, more);
        let certificate = certificate();
        for height in 0..3 * SECTION {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&height.to_be_bytes());
            let digest = sha256::Digest(digest);
            let put = Certificates::put(kept, Height::new(height), digest, &certificate);
            kept = put.await.expect("put");
        }
        kept = Certificates::sync(kept).await.expect("sync");
        // Asked to drop what it keeps more of, it drops nothing; asked for more than that, whole sections.
        for (min, first) in [
            (100, 0),
            (more, 0),
            (SECTION + more - 1, 0),
            (SECTION + more, SECTION),
            (2 * SECTION + more + 5, 2 * SECTION),
        ] {
            let pruned = Certificates::prune(kept, Height::new(min));
            kept = pruned.await.expect("prune");
            for height in [0, SECTION - 1, SECTION, 2 * SECTION, 3 * SECTION - 1] {
                let has = kept.has(Height::new(height)).await.expect("reads");
                assert_eq!(has, height >= first, "height {height} after {min}");
            }
            for partition in ["certificates-keys", "certificates-values"] {
                let blobs = context.scan(partition).await.expect("scans").len() as u64;
                assert_eq!(blobs, 3 - first / SECTION, "{partition} after {min}");
            }
        }
        // Who keeps everything drops nothing, ever.
        let Kept { archive, .. } = kept;
        let kept = Kept::new(archive, Keep::Everything.more_than(100));
        let pruned = Certificates::prune(kept, Height::new(u64::MAX - 1));
        let kept = pruned.await.expect("prune");
        assert!(kept.has(Height::new(2 * SECTION)).await.expect("reads"));
    });
}
