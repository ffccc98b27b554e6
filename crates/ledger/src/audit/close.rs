//! Roots that count, or cost a bond (AUD-3), and what all of them say together (AUD-4).

use llmnet_types::{
    bond::Role,
    codec::List,
    id::{DomainId, ProviderId},
    params::RELEASE_EPOCHS,
    signature::PublicKey,
    units::{Amount, Epoch},
};

use super::record;
use crate::{
    bond, due,
    event::EventKind,
    pool,
    record::{AUDITORS_MAX, Audit, AuditResult, Bond, Due, Finding, Findings},
    standing,
    state::Key,
    work::Work,
};

/// Counts a root whose items are all open; any other costs its auditor's bond (AUD-3).
pub(crate) fn close(work: &mut Work<'_>, auditor: &PublicKey, epoch: Epoch) {
    let key = Key::Audit(*auditor, epoch);
    let Some(audit) = work.read::<Audit>(&key) else {
        return;
    };
    work.remove(key);
    let opened: u32 = audit.opened.iter().map(|byte| byte.count_ones()).sum();
    let complete = opened == u32::from(audit.items);
    work.event(EventKind::AuditClosed {
        auditor: *auditor,
        epoch,
        complete,
    });
    if complete {
        let operator = bond::operator(work, auditor, audit.role);
        pool::audited(work, &operator, audit.items);
        let bond: Option<Bond> = work.read(&Key::Bond(*auditor, audit.role));
        let weight = bond.map_or(Amount::ZERO, |bond| bond.total());
        for result in &audit.results {
            find(work, epoch, result, weight);
        }
    } else {
        punish(work, auditor, audit.role);
    }
}

/// Who opens only what suits it loses the bond, and nothing it found counts. The bond may be gone by now.
fn punish(work: &mut Work<'_>, auditor: &PublicKey, role: Role) {
    let mut layer = work.layer();
    if bond::slash(&mut layer, auditor, role, None).is_ok() {
        let changes = layer.into_changes();
        work.absorb(changes);
    }
}

/// Keeps what an auditor found about a provider in a domain until it is merged with what others found.
fn find(work: &mut Work<'_>, epoch: Epoch, result: &AuditResult, weight: Amount) {
    let AuditResult {
        provider, domain, ..
    } = *result;
    let Some(merges) = epoch.after(RELEASE_EPOCHS) else {
        return;
    };
    let key = Key::Findings(provider, domain);
    let pending: Option<Findings> = work.read(&key);
    let findings = match pending {
        Some(pending) if pending.epoch == epoch => pending.findings,
        // What was found an epoch earlier is merged in these very blocks, only further down the list.
        Some(earlier) => {
            apply(work, provider, domain, &earlier);
            List::new()
        }
        None => List::new(),
    };
    if findings.is_empty() {
        due::push(work, merges, Due::Findings(provider, domain));
    }
    let mut findings = findings.into_vec();
    findings.push(Finding {
        weight,
        right: result.right,
        wrong: result.wrong,
    });
    // Small bonds cannot crowd out large ones.
    if findings.len() > AUDITORS_MAX {
        let least = (0_usize..)
            .zip(&findings)
            .min_by_key(|(_, finding)| finding.weight);
        if let Some((least, _)) = least {
            findings.remove(least);
        }
    }
    let findings = Findings {
        epoch,
        findings: List::truncated(findings),
    };
    work.write(key, &findings);
}

/// Merges what all auditors found about a provider in a domain, once it is time (AUD-4).
pub(crate) fn merge(work: &mut Work<'_>, provider: ProviderId, domain: DomainId) {
    let key = Key::Findings(provider, domain);
    let Some(findings) = work.read::<Findings>(&key) else {
        return;
    };
    // Those of the next roots may wait already, on the next list.
    if findings.epoch > work.clock.epoch.before(RELEASE_EPOCHS) {
        return;
    }
    apply(work, provider, domain, &findings);
    work.remove(key);
}

fn apply(work: &mut Work<'_>, provider: ProviderId, domain: DomainId, findings: &Findings) {
    let (right, wrong) = record::merged(&findings.findings);
    let mut standing = standing::rolled(work, provider, domain);
    let epoch = work.clock.epoch;
    let mut seen = standing::newest(&standing, &work.params, epoch);
    seen.audits = seen
        .audits
        .faded(work.params.decay, epoch)
        .with(right, wrong);
    standing::remember(&mut standing, &work.params, &work.clock, seen);
    work.write(Key::Standing(provider, domain), &standing);
    work.event(EventKind::AuditsMerged {
        provider,
        domain,
        right,
        wrong,
        ceiling: record::ceiling(&seen.audits, &seen.audits),
    });
}
