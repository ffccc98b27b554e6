//! Settings for models, by OpenAI's names whatever the dialect.

use std::collections::BTreeMap;

use llmnet_types::{
    codec::{List, Text},
    request::{SETTING_LENGTH_MAX, Setting},
};
use serde_json::Value;

use crate::{
    conversation::too_long,
    error::ApiError,
    fields::{Fields, invalid, wrong_type},
};

/// The most bytes of a value, but for tools and forms.
const VALUE_LENGTH_MAX: usize = 4_096;
/// The most strings at which an answer stops.
const STOPS_MAX: usize = 4;

/// Settings as they are read, sorted by name.
#[derive(Default)]
pub(crate) struct Settings(BTreeMap<&'static str, Text<SETTING_LENGTH_MAX>>);

impl Settings {
    /// A value as it stands at a path.
    pub(crate) fn set(
        &mut self,
        name: &'static str,
        path: &str,
        value: &Value,
    ) -> Result<(), ApiError> {
        self.put(name, path, value, VALUE_LENGTH_MAX)
    }

    /// A value of so many bytes at the most.
    pub(crate) fn put(
        &mut self,
        name: &'static str,
        path: &str,
        value: &Value,
        length_max: usize,
    ) -> Result<(), ApiError> {
        let text = value.to_string();
        if text.len() > length_max {
            return Err(too_long(path, text.len(), length_max));
        }
        self.0.insert(name, Text::truncated(&text));
        Ok(())
    }

    /// A number within its range, where there is one.
    pub(crate) fn number(
        &mut self,
        fields: &Fields<'_>,
        name: &'static str,
        low: f64,
        high: f64,
    ) -> Result<(), ApiError> {
        let Some(number) = fields.number(name)? else {
            return Ok(());
        };
        if !(low..=high).contains(&number) {
            let message = format!("'{name}' must be from {low} to {high}, found {number}");
            return Err(invalid(name, message));
        }
        self.set(name, name, fields.required(name)?)
    }

    /// Text at a field that dialects name otherwise.
    pub(crate) fn words(
        &mut self,
        fields: &Fields<'_>,
        field: &str,
        name: &'static str,
    ) -> Result<(), ApiError> {
        if fields.text(field)?.is_some() {
            self.set(name, &fields.path(field), fields.required(field)?)?;
        }
        Ok(())
    }

    /// Where an answer stops.
    pub(crate) fn stop(&mut self, fields: &Fields<'_>, field: &str) -> Result<(), ApiError> {
        match fields.get(field) {
            None => Ok(()),
            Some(value @ Value::String(_)) => self.set("stop", field, value),
            Some(value @ Value::Array(stops))
                if stops.len() <= STOPS_MAX && stops.iter().all(Value::is_string) =>
            {
                self.set("stop", field, value)
            }
            Some(other) => {
                let expected = format!("a string or up to {STOPS_MAX} strings");
                Err(wrong_type(field, &expected, other))
            }
        }
    }

    pub(crate) fn list(self) -> List<Setting, 16> {
        let settings = self.0.into_iter().map(|(name, value)| Setting {
            name: Text::truncated(name),
            value,
        });
        // There is room: fewer settings are known than fit.
        List::truncated(settings)
    }
}
