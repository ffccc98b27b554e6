//! How large a panel a request wants, and how patient: `"llmnet": {"seats": 7, "first": 2, "quorum": 2, "grace_ms": 0}`.

use llmnet_types::contract::SEATS_MAX;

use crate::{
    error::ApiError,
    fields::{Fields, invalid},
    port::PanelSize,
};

/// Reads it from what is ours of a body. Whether the strategy can have it is the coordinator's to say.
pub(super) fn size(ours: &Fields<'_>) -> Result<PanelSize, ApiError> {
    let count = |name: &str| -> Result<Option<u8>, ApiError> {
        let Some(count) = ours.whole(name)? else {
            return Ok(None);
        };
        match u8::try_from(count) {
            Ok(count) if (1..=SEATS_MAX).contains(&usize::from(count)) => Ok(Some(count)),
            _ => {
                let path = ours.path(name);
                let message = format!("'{path}' must be from 1 to {SEATS_MAX}, found {count}");
                Err(invalid(path, message))
            }
        }
    };
    let grace_ms = match ours.whole("grace_ms")? {
        None => None,
        Some(grace) => match u32::try_from(grace) {
            Ok(grace) if grace <= PanelSize::GRACE_MS_MAX => Some(grace),
            _ => {
                let (path, most) = (ours.path("grace_ms"), PanelSize::GRACE_MS_MAX);
                let message =
                    format!("'{path}' must be from 0 to {most} milliseconds, found {grace}");
                return Err(invalid(path, message));
            }
        },
    };
    let size = PanelSize {
        seats: count("seats")?,
        first: count("first")?,
        quorum: count("quorum")?,
        grace_ms,
    };
    let within = |name: &str, count: Option<u8>, what: &dyn Fn(u8, u8) -> String| match size.seats {
        Some(seats) if count.is_some_and(|count| count > seats) => {
            let path = ours.path(name);
            let what = what(seats, count.unwrap_or(seats));
            let message = format!("{what}: lower '{path}' or raise 'seats'");
            Err(invalid(path, message))
        }
        _ => Ok(()),
    };
    within("quorum", size.quorum, &|seats, quorum| {
        format!("{seats} seats cannot give {quorum} answers")
    })?;
    within("first", size.first, &|seats, first| {
        format!("of {seats} seats {first} cannot be asked first")
    })?;
    Ok(size)
}
