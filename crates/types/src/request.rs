//! What is asked, and what one hears while it is answered.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, Text, encode},
    contract::Strategy,
    domain::Domain,
    id::{Digest, Salt},
    units::{Score, Tokens},
};

/// The most messages of one conversation.
pub const MESSAGES_MAX: usize = 256;
/// The most bytes of one message.
pub const MESSAGE_LENGTH_MAX: usize = 60_000;
/// The most bytes of a whole request, encoded.
pub const REQUEST_LENGTH_MAX: usize = 256 * 1024;

/// Who speaks in a conversation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// Instructions for the whole conversation.
    System = 0,
    /// Who asks.
    User = 1,
    /// Who answered before.
    Assistant = 2,
    /// Who answered before, and called tools: the content is a [`Said`](crate::tool::Said) in its spelling.
    Calls = 3,
    /// A tool, called before: the content is a [`Returned`](crate::tool::Returned) in its spelling.
    Tool = 4,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatMessage {
    /// Whose turn.
    pub role: Role,
    /// What was said.
    pub content: Text<MESSAGE_LENGTH_MAX>,
}

/// The most bytes of a setting's value: room for the tools of a coding agent.
pub const SETTING_LENGTH_MAX: usize = 60_000;
/// The setting that offers tools, as OpenAI spells them.
pub const TOOLS: &str = "tools";
/// The setting that says which form the answer must have, as OpenAI spells it.
pub const RESPONSE_FORMAT: &str = "response_format";

/// A setting passed to models as it came, for example `temperature` and `0.2`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// OpenAI's name for it.
    pub name: Text<64>,
    /// Its value as JSON.
    pub value: Text<SETTING_LENGTH_MAX>,
}

/// A question, as a coordinator takes it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The conversation; the last turn is the user's, or a tool's.
    pub messages: List<ChatMessage, MESSAGES_MAX>,
    /// How the panel is to work.
    pub strategy: Strategy,
    /// The domain, where the requester names it.
    pub domain: Option<Domain>,
    /// The most tokens of each seat's answer; the terms' cap where absent.
    pub output_tokens_max: Option<Tokens>,
    /// Further settings for models, sorted by name.
    pub settings: List<Setting, 16>,
}

impl Request {
    /// The last thing the user said: what retrieval and classification look at.
    pub fn question(&self) -> &str {
        self.messages
            .iter()
            .rev()
            .find(|message| message.role == Role::User)
            .map_or("", |message| message.content.as_str())
    }

    /// A setting's value as JSON, where it is set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let mut settings = self.settings.iter();
        let setting = settings.find(|setting| setting.name.as_str() == name)?;
        Some(setting.value.as_str())
    }

    /// Whether it offers tools: its answer is then a [`Said`](crate::tool::Said) in its spelling (DEB-12).
    pub fn offers_tools(&self) -> bool {
        self.setting(TOOLS).is_some()
    }

    /// Whether it says which form its answer must have.
    pub fn wants_form(&self) -> bool {
        self.setting(RESPONSE_FORMAT).is_some()
    }

    /// Whether only a language model can answer it, and one alone: it is about tools, or says which form the
    /// answer must have (DEB-12).
    pub fn needs_model(&self) -> bool {
        let of_tools = |message: &ChatMessage| matches!(message.role, Role::Calls | Role::Tool);
        self.offers_tools() || self.wants_form() || self.messages.iter().any(of_tools)
    }

    /// All of it that a model reads, as it is billed: the conversation, the tools, the form of the answer.
    pub fn read(&self) -> impl Iterator<Item = &str> {
        let turns = self.messages.iter().map(|message| message.content.as_str());
        let rules = [TOOLS, RESPONSE_FORMAT].into_iter();
        turns.chain(rules.filter_map(|name| self.setting(name)))
    }

    /// What contracts say instead of the text: a digest under the field's sub-salt (ENC-5).
    pub fn digest(&self, sub_salt: &Salt) -> Digest {
        salted(&self.content(), sub_salt)
    }

    /// SHA-256 of its canonical bytes: what audits commit to (AUD-1). Never shown before the contract is
    /// over, since text can be guessed.
    pub fn content(&self) -> Digest {
        Digest::of(&encode(self))
    }
}

/// The salted digest of a request with this content (ENC-5).
pub fn salted(content: &Digest, sub_salt: &Salt) -> Digest {
    sub_salt.digest(&content.0)
}

/// What happens to a request on its way, for whoever waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Progress {
    /// The domains were named, best first.
    Classified {
        /// Domains with the classifier's confidence.
        domains: Vec<(Domain, Score)>,
    },
    /// Seats were asked.
    Selected {
        /// How many seats sit on the panel.
        seats: u8,
    },
    /// A seat's answer is bound.
    Answered {
        /// Answers so far.
        answers: u8,
        /// Answers wanted.
        seats: u8,
    },
    /// Answers differ, the panel debates.
    Debating {
        /// The round, from 1.
        round: u8,
        /// The most rounds there will be.
        rounds: u8,
    },
    /// Seats judge each other's answers.
    Rating,
    /// The answer stands.
    Concluded,
}
