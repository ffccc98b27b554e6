//! A registration gets another key and keeps its number (REG-6).

use llmnet_types::{
    id::NetworkId,
    registration::Rotated,
    rejection::Rejection,
    signature::{PublicKey, Signed},
};

use super::versions;
use crate::{
    bond,
    event::EventKind,
    query,
    record::{Node, VERSIONS_MAX},
    state::Key,
    work::Work,
};

/// Replaces a registration's key, with the word of its operator and of both keys. Its bond goes along.
pub(crate) fn rotate(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    rotated: &Rotated,
) -> Result<(), Rejection> {
    let rotation = &rotated.rotation;
    let id = rotation.provider;
    let mut provider = super::standing(work, id)?;
    let registration = &provider.newest().registration;
    if registration.operator != *signer {
        return Err(Rejection::Operator);
    }
    if registration.node != rotation.old {
        return Err(Rejection::Provider { provider: id });
    }
    if let Some(known) = query::node(work, &rotation.new) {
        return Err(Rejection::Registered {
            provider: known.provider,
        });
    }
    let node: Node =
        query::node(work, &rotation.old).ok_or(Rejection::Provider { provider: id })?;
    versions::amend(work, &mut provider, 0, |version| {
        version.registration.node = rotation.new;
    })?;
    let words = [
        (rotation.old, rotated.by_old),
        (rotation.new, rotated.by_new),
    ];
    for (key, signature) in words {
        let body = *rotation;
        if !work.signed(&Signed { body, signature }, network, &key) {
            return Err(Rejection::NodeSignature);
        }
    }
    work.write(Key::Provider(id), &provider);
    // The old key goes on to name the registration: by that an offence of the old key finds the bond.
    work.write(Key::Node(rotation.new), &node);
    bond::hand_over(work, &rotation.old, &rotation.new);
    work.event(EventKind::Rotated {
        provider: id,
        old: rotation.old,
        new: rotation.new,
    });
    Ok(())
}

/// The key that has now what stands behind a key: its own, or its successor's, if it had it when contracts
/// were made that can still be disputed (WIN-1). So who stole a key can do harm with it for some epochs after
/// its rotation, and not for ever.
///
/// A successor may have registered again, and been replaced there: that leaves no offence behind either, as
/// long as the way is no longer than it pays, for each new registration takes a bond of its own.
pub(crate) fn key_of_today(work: &Work<'_>, node: &PublicKey) -> PublicKey {
    let window = versions::window(work);
    let mut key = *node;
    for _ in 0..VERSIONS_MAX {
        let last = query::node(work, &key)
            .and_then(|known| query::provider(work, known.provider))
            .map(|provider| provider.keys_since(window))
            .filter(|keys| keys.contains(&key))
            .and_then(|keys| keys.last().copied());
        match last {
            Some(last) if last != key => key = last,
            _ => break,
        }
    }
    key
}
