//! A respondent joins (REG-1, REG-2, REG-3).

use llmnet_types::{
    bond::Role,
    codec::List,
    id::NetworkId,
    registration::Registration,
    rejection::Rejection,
    signature::{PublicKey, Signed},
    units::Amount,
};

use super::{BOND, DOMAINS, domains};
use crate::{
    bond,
    event::EventKind,
    record::{Counters, Node, Provider, Version},
    state::Key,
    work::Work,
};

/// Takes in a respondent.
pub(crate) fn register(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    signed: &Signed<Registration>,
) -> Result<(), Rejection> {
    let registration = &signed.body;
    // Node and operator both sign (REG-1).
    if registration.operator != *signer {
        return Err(Rejection::Operator);
    }
    let bond = needed(work, registration)?;
    next_nonce(work, registration)?;
    bond::post(work, signer, &registration.node, Role::Respondent, bond)?;

    let mut counters: Counters = work.read(&Key::Counters).unwrap_or_default();
    let provider = counters.provider;
    counters.provider = provider.next().ok_or(Rejection::Overflow)?;
    let domains = domains::enter(work, &mut counters, provider, registration)?;
    if !work.signed(signed, network, &registration.node) {
        return Err(Rejection::NodeSignature);
    }

    work.write(Key::Counters, &counters);
    let node = Node {
        registrations: registration
            .nonce
            .checked_add(1)
            .ok_or(Rejection::Overflow)?,
        provider,
    };
    work.write(Key::Node(registration.node), &node);
    work.event(EventKind::Registered {
        provider,
        node: registration.node,
        operator: registration.operator,
        domains: domains.to_vec(),
        bond,
    });
    let version = Version {
        from: work.clock.height,
        registration: registration.clone(),
        adapter: None,
    };
    let record = Provider {
        versions: List::truncated([version]),
        domains,
        registered_at: work.clock.height,
        retired_at: None,
        announced: (work.clock.epoch, 0),
    };
    work.write(Key::Provider(provider), &record);
    Ok(())
}

/// The bond for all domains together (REG-3).
fn needed(work: &Work<'_>, registration: &Registration) -> Result<Amount, Rejection> {
    if registration.domains.is_empty() {
        return Err(DOMAINS);
    }
    if registration.bond < work.params.bond_min {
        return Err(BOND);
    }
    super::all_domains(registration, |said| said.bond).ok_or(Rejection::Overflow)
}

/// At most one registration stands, and each has the next nonce (REG-1, REG-2). A key that was rotated
/// away never registers again, as its bond went with the registration (REG-6).
fn next_nonce(work: &Work<'_>, registration: &Registration) -> Result<(), Rejection> {
    let Some(node) = work.read::<Node>(&Key::Node(registration.node)) else {
        return match registration.nonce {
            0 => Ok(()),
            found => Err(Rejection::RegistrationNonce { expected: 0, found }),
        };
    };
    let last: Option<Provider> = work.read(&Key::Provider(node.provider));
    let taken = |last: Provider| {
        last.retired_at.is_none() || last.newest().registration.node != registration.node
    };
    if last.is_some_and(taken) {
        return Err(Rejection::Registered {
            provider: node.provider,
        });
    }
    if node.registrations != registration.nonce {
        return Err(Rejection::RegistrationNonce {
            expected: node.registrations,
            found: registration.nonce,
        });
    }
    Ok(())
}
