//! How text becomes terms: one analysis for index, evidence score and classifier alike.
//!
//! A term is a word folded to ASCII where it can be, in American spelling, stemmed. The index stores terms
//! rather than words, so no second stemmer can disagree with this one.

use std::collections::{BTreeMap, BTreeSet};

use rust_stemmers::{Algorithm, Stemmer};

use crate::words;

/// The most bytes of a question that are looked at.
pub const QUERY_LENGTH_MAX: usize = 4_000;
/// The most different terms of a query.
pub const QUERY_TERMS_MAX: usize = 48;
/// The most characters of a word; longer ones are cut.
const WORD_LENGTH_MAX: usize = 40;

/// The terms of a text, in order, stop words left out.
pub fn terms(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    tokens(text)
        .into_iter()
        .filter(|word| !words::is_stop_word(word))
        .map(|word| stemmer.stem(&american(word)).into_owned())
        .collect()
}

/// The different terms of a text.
pub fn term_set(text: &str) -> BTreeSet<String> {
    terms(text).into_iter().collect()
}

/// The single term of a word, also of a stop word; `None` where there is no word.
pub(crate) fn term(word: &str) -> Option<String> {
    let word = tokens(word).into_iter().next()?;
    Some(
        Stemmer::create(Algorithm::English)
            .stem(&american(word))
            .into_owned(),
    )
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The question's own terms, in order, none twice.
    pub terms: Vec<String>,
    /// For some of them, other terms that may stand for the same.
    pub related: BTreeMap<String, Vec<String>>,
}

impl Query {
    /// The query of any text whatsoever.
    pub fn new(question: &str) -> Self {
        let question = &question[..question.floor_char_boundary(QUERY_LENGTH_MAX)];
        let mut seen = BTreeSet::new();
        let terms: Vec<_> = terms(question)
            .into_iter()
            .filter(|term| seen.insert(term.clone()))
            .take(QUERY_TERMS_MAX)
            .collect();
        let related = terms
            .iter()
            .filter_map(|term| {
                let others: Vec<_> = words::synonyms(term)
                    .filter(|other| !seen.contains(*other))
                    .map(str::to_owned)
                    .collect();
                (!others.is_empty()).then(|| (term.clone(), others))
            })
            .collect();
        Self { terms, related }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// All related terms, none twice.
    pub fn related_terms(&self) -> BTreeSet<&str> {
        self.related
            .values()
            .flatten()
            .map(String::as_str)
            .collect()
    }
}

/// Words in lower case without accents; letters and digits only.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            _ if character.is_alphanumeric() => {
                if word.chars().count() < WORD_LENGTH_MAX {
                    fold(character, &mut word);
                }
            }
            // A possessive or a contraction: what is left of it is the word, "n't" and all joined to it.
            '\'' | '\u{2019}' if characters.peek().is_some_and(|next| next.is_alphabetic()) => {
                if characters.peek() == Some(&'s') {
                    characters.next();
                }
            }
            _ if word.is_empty() => {}
            _ => tokens.push(std::mem::take(&mut word)),
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

fn fold(character: char, word: &mut String) {
    let folded = match character {
        'à'..='å' | 'À'..='Å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' | 'Æ' => "ae",
        'ç' | 'Ç' | 'ć' | 'č' => "c",
        'è'..='ë' | 'È'..='Ë' | 'ē' | 'ę' | 'ě' => "e",
        'ì'..='ï' | 'Ì'..='Ï' | 'ī' => "i",
        'ñ' | 'Ñ' | 'ń' | 'ň' => "n",
        'ò'..='ö' | 'Ò'..='Ö' | 'ø' | 'Ø' | 'ō' | 'ő' => "o",
        'œ' | 'Œ' => "oe",
        'ß' => "ss",
        'ś' | 'š' => "s",
        'ù'..='ü' | 'Ù'..='Ü' | 'ū' | 'ű' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => {
            word.extend(character.to_lowercase());
            return;
        }
    };
    word.push_str(folded);
}

/// British into American spelling, by endings. It may garble a word; it garbles it everywhere alike.
fn american(mut word: String) -> String {
    if !word.is_ascii() || word.len() < 4 {
        return word;
    }
    for (british, american) in [
        ("ae", "e"),
        ("oe", "e"),
        ("sulph", "sulf"),
        ("isation", "ization"),
    ] {
        // "shoe" and "goes" are no Greek: only longer words are.
        if word.len() > 6 && word.contains(british) {
            word = word.replace(british, american);
        }
    }
    if word.len() < 5 {
        if word == "grey" {
            word = "gray".to_owned();
        }
        return word;
    }
    const ENDINGS: [(&str, &str); 24] = [
        ("yse", "yze"),
        ("ysed", "yzed"),
        ("yses", "yzes"),
        ("ysing", "yzing"),
        ("ise", "ize"),
        ("ised", "ized"),
        ("ises", "izes"),
        ("ising", "izing"),
        ("our", "or"),
        ("ours", "ors"),
        ("oured", "ored"),
        ("ouring", "oring"),
        ("bre", "ber"),
        ("bres", "bers"),
        ("tre", "ter"),
        ("tres", "ters"),
        ("ogue", "og"),
        ("ogues", "ogs"),
        ("fence", "fense"),
        ("cence", "cense"),
        ("elling", "eling"),
        ("elled", "eled"),
        ("gramme", "gram"),
        ("inium", "inum"),
    ];
    let ending = ENDINGS
        .iter()
        .filter(|(british, _)| word.len() >= british.len() + 2 && word.ends_with(british))
        .max_by_key(|(british, _)| british.len());
    if let Some((british, american)) = ending {
        word.truncate(word.len() - british.len());
        word.push_str(american);
    }
    word
}

#[cfg(test)]
mod tests;
