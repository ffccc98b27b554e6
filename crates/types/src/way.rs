//! The way of a request: coordinators that it came through, where what answers for a seat is a gateway again.
//!
//! Whoever asks a gateway for a respondent says which coordinators the request came through, and a gateway adds what it
//! was told to the request, for its own respondents to say on. So a coordinator sees a request that it conducts
//! already, and does not pay for it again and again.

use std::fmt;

use crate::{
    codec::{List, Text},
    request::{Request, Setting},
    signature::PublicKey,
};

/// The header of HTTP that tells it, and the setting of a request.
pub const VIA: &str = "x-llmnet-via";
/// The most coordinators that one request may come through.
pub const WAY_MAX: usize = 8;

/// Coordinators that a request came through, first to last; as text, their keys with commas between.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Way(List<PublicKey, WAY_MAX>);

/// Text that is no way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WayError {
    /// Something else than keys with commas between.
    #[error("it is no list of coordinators' keys, with commas between")]
    Malformed,
    /// More than a request may come through.
    #[error("a request comes through {WAY_MAX} coordinators at most")]
    Long,
}

impl Way {
    /// Reads what a header tells.
    ///
    /// # Errors
    /// See [`WayError`].
    pub fn parse(text: &str) -> Result<Self, WayError> {
        let mut way = Self::default();
        // Looked at one by one, so that a long text costs no more than a long way.
        for key in text.split(',') {
            let key = key.trim().parse().map_err(|_| WayError::Malformed)?;
            way = way.and(key).ok_or(WayError::Long)?;
        }
        Ok(way)
    }

    /// The way of a request as its coordinator was told it; nothing where it was told none.
    pub fn of(request: &Request) -> Self {
        let mut settings = request.settings.iter();
        let told = settings.find(|setting| setting.name.as_str() == VIA);
        let text = told.map_or("", |setting| setting.value.trim_matches('"'));
        Self::parse(text).unwrap_or_default()
    }

    /// Adds it to a request, in place of what stood there; nothing where it is none.
    pub fn tell(&self, request: &mut Request) {
        let others = request.settings.iter();
        let others = others.filter(|setting| setting.name.as_str() != VIA);
        let mut settings: Vec<Setting> = others.cloned().collect();
        if !self.0.is_empty() {
            settings.push(Setting {
                name: Text::truncated(VIA),
                value: Text::truncated(&format!("\"{self}\"")),
            });
            settings.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        }
        request.settings = List::truncated(settings);
    }

    /// Whether a request came through this coordinator.
    pub fn has(&self, node: &PublicKey) -> bool {
        self.0.contains(node)
    }

    /// Whether it came through nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One coordinator further; `None` where there are as many as may be.
    #[must_use]
    pub fn and(mut self, node: PublicKey) -> Option<Self> {
        self.0.push(node).then_some(self)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, node) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{node}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Strategy;

    fn key(number: u8) -> PublicKey {
        PublicKey([number; 32])
    }

    fn request() -> Request {
        let setting = |name: &str, value: &str| Setting {
            name: Text::truncated(name),
            value: Text::truncated(value),
        };
        Request {
            messages: List::new(),
            strategy: Strategy::Single,
            domain: None,
            output_tokens_max: None,
            settings: List::truncated([setting("seed", "7"), setting("zeal", "1")]),
        }
    }

    #[test]
    fn a_way_is_read_as_it_is_told() {
        let way = Way::default().and(key(1)).unwrap().and(key(2)).unwrap();
        assert_eq!(Way::parse(&way.to_string()), Ok(way.clone()));
        assert_eq!(Way::parse(&format!(" {} , {} ", key(1), key(2))), Ok(way));
        for text in ["", ",", "me", "00", &format!("{},", key(1))] {
            assert_eq!(Way::parse(text), Err(WayError::Malformed), "{text:?}");
        }
        let many = |count| vec![key(3).to_string(); count].join(",");
        assert!(Way::parse(&many(WAY_MAX)).is_ok());
        assert_eq!(Way::parse(&many(WAY_MAX + 1)), Err(WayError::Long));
    }

    #[test]
    fn a_request_is_told_its_way_and_keeps_the_order_of_its_settings() {
        let mut request = request();
        assert!(Way::of(&request).is_empty());
        let way = Way::default().and(key(1)).unwrap();
        way.tell(&mut request);
        assert_eq!(Way::of(&request), way);
        assert!(way.has(&key(1)) && !way.has(&key(2)));
        let further = way.and(key(2)).unwrap();
        further.tell(&mut request);
        assert_eq!(Way::of(&request), further);
        let names: Vec<&str> = request
            .settings
            .iter()
            .map(|setting| setting.name.as_str())
            .collect();
        assert_eq!(names, ["seed", VIA, "zeal"]);
        Way::default().tell(&mut request);
        assert_eq!(request.settings, self::request().settings);
    }
}
