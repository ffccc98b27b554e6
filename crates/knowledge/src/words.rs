//! General English: words that say nothing of a question's subject, and words that mean the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::analysis;

/// Words too common in questions to look for, contractions without their apostrophe.
const STOP_WORDS: &str = include_str!("stop-words.txt");
/// Words of everyday speech, which count less.
const COMMON_WORDS: &str = include_str!("common-words.txt");
/// Words that name a subject of everyday life by themselves.
const SUBJECT_WORDS: &str = include_str!("subject-words.txt");
/// Groups of words that lay people use for one another, a group on each line.
const SYNONYMS: &str = include_str!("synonyms.txt");
/// More of them, lay words and technical ones of several subjects.
const SYNONYMS_OF_SUBJECTS: &str = include_str!("synonyms-of-subjects.txt");

/// Digest input of whatever depends on these lists.
pub(crate) const LISTS: [&str; 5] = [
    STOP_WORDS,
    COMMON_WORDS,
    SUBJECT_WORDS,
    SYNONYMS,
    SYNONYMS_OF_SUBJECTS,
];

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a folded word is in the list.
pub(crate) fn is_stop_word(word: &str) -> bool {
    static WORDS: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| lines(STOP_WORDS).flat_map(str::split_whitespace).collect());
    WORDS.contains(word)
}

/// Whether a term is of everyday speech, as numbers are.
pub(crate) fn is_common(term: &str) -> bool {
    static TERMS: LazyLock<BTreeSet<String>> = LazyLock::new(|| word_terms(COMMON_WORDS));
    TERMS.contains(term) || term.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a term names a subject of everyday life by itself.
pub(crate) fn is_subject(term: &str) -> bool {
    static TERMS: LazyLock<BTreeSet<String>> = LazyLock::new(|| word_terms(SUBJECT_WORDS));
    TERMS.contains(term)
}

fn word_terms(list: &'static str) -> BTreeSet<String> {
    let words = lines(list).flat_map(str::split_whitespace);
    words.filter_map(analysis::term).collect()
}

/// The terms that may stand for a term, in alphabetical order.
pub(crate) fn synonyms(term: &str) -> impl Iterator<Item = &'static str> {
    static GROUPS: LazyLock<BTreeMap<String, BTreeSet<String>>> = LazyLock::new(|| {
        let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in lines(SYNONYMS).chain(lines(SYNONYMS_OF_SUBJECTS)) {
            let terms: BTreeSet<_> = line.split(',').filter_map(analysis::term).collect();
            for term in &terms {
                let others = terms.iter().filter(|other| *other != term).cloned();
                groups.entry(term.clone()).or_default().extend(others);
            }
        }
        groups
    });
    GROUPS.get(term).into_iter().flatten().map(String::as_str)
}
