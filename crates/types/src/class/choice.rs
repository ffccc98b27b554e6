//! What an answer comes down to: an option, yes or no, a number, or the words it names as its last.

use super::{CHOICE_LENGTH_MAX, normalised};

/// The most options of a question; they are lettered.
const OPTIONS_MAX: usize = 26;
/// The most digits of a number that is read as one.
const DIGITS_MAX: usize = 40;

/// What a question leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    /// One of these, by letter from A; each with its words.
    Options(Vec<String>),
    /// Two words, as asked for.
    Words([&'static str; 2]),
    /// How many.
    Number,
    /// Anything.
    Open,
}

/// The choice of an answer to a question, in one spelling; `None` where it is not beyond doubt.
///
/// Read are, in this order: what the answer marks as its last word (`\boxed{…}`, `#### …`, a line
/// `Answer: …`, "the answer is …"), all of it where it is no more than a choice, then what it names and
/// nothing else besides: one option, one of the two words in front, one number where a number is asked.
pub fn choice(question: &str, text: &str) -> Option<String> {
    let question = Question::of(question);
    if let Some(marked) = marked(text) {
        return question.reads(marked).or_else(|| short(marked));
    }
    question
        .reads(text)
        .or_else(|| whole_number(text))
        .or_else(|| question.mentioned(text))
}

impl Question {
    fn of(text: &str) -> Self {
        if let Some(options) = options(text) {
            return Self::Options(options);
        }
        let plain = format!(" {} ", normalised(&text.replace('/', " or ")));
        for words in [["yes", "no"], ["true", "false"]] {
            if plain.contains(&format!(" {} or {} ", words[0], words[1])) {
                return Self::Words(words);
            }
        }
        if plain.contains(" how many ") {
            return Self::Number;
        }
        Self::Open
    }

    /// A text that is a choice and nothing else.
    fn reads(&self, text: &str) -> Option<String> {
        let plain = normalised(text);
        match self {
            Self::Options(options) => {
                let by_words = || {
                    let same = |option: &&String| normalised(option) == plain && !plain.is_empty();
                    // Two options with the same words are told apart by their letters only.
                    let mut found = options
                        .iter()
                        .enumerate()
                        .filter(|(_, option)| same(option));
                    let (place, _) = found.next()?;
                    found.next().is_none().then(|| letter(place))
                };
                lettered(text, options.len()).map(letter).or_else(by_words)
            }
            Self::Words(words) => {
                // `No: it is lighter`, but not `No one knows`.
                let first = text.split_whitespace().next()?;
                let alone = plain.split(' ').count() == 1;
                let stands = alone || first.ends_with(|c: char| c.is_ascii_punctuation());
                let first = normalised(first);
                (stands && words.contains(&first.as_str())).then_some(first)
            }
            Self::Number => whole_number(text),
            Self::Open => None,
        }
    }

    /// The one choice that a longer text names.
    fn mentioned(&self, text: &str) -> Option<String> {
        match self {
            Self::Options(options) => {
                let named = (0..options.len()).filter(|place| {
                    let letter = char::from(b'A' + *place as u8);
                    text.contains(&format!("({letter})"))
                });
                one(named.map(letter))
            }
            Self::Number => one(text.split_whitespace().filter_map(number)),
            Self::Words(_) | Self::Open => None,
        }
    }
}

/// The one thing that is said, however often.
fn one(mut said: impl Iterator<Item = String>) -> Option<String> {
    let first = said.next()?;
    said.all(|other| other == first).then_some(first)
}

fn letter(place: usize) -> String {
    char::from(b'a' + u8::try_from(place).unwrap_or(25).min(25)).to_string()
}

/// The options of a question: `A) …`, `(A) …`, `A. …` or `A: …`, each at the beginning of a line, from A
/// on without a gap, two at least; or `(A) … (B) …` within lines.
fn options(question: &str) -> Option<Vec<String>> {
    let by_line = question.lines().filter_map(option_line);
    let mut options: Vec<String> = Vec::new();
    for (place, words) in by_line {
        if place == options.len() {
            options.push(words.to_owned());
        }
    }
    if options.len() < 2 {
        options.clear();
        let mut rest = question;
        while options.len() < OPTIONS_MAX {
            let sign = format!("({})", char::from(b'A' + options.len() as u8));
            let Some((before, after)) = rest.split_once(&sign) else {
                break;
            };
            if let Some(last) = options.last_mut() {
                *last = before.trim().to_owned();
            }
            options.push(String::new());
            rest = after;
        }
        if let Some(last) = options.last_mut() {
            *last = rest.lines().next().unwrap_or_default().trim().to_owned();
        }
    }
    (options.len() >= 2).then_some(options)
}

fn option_line(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '-' || c == '*');
    let line = line.strip_prefix('(').unwrap_or(line);
    let mut characters = line.chars();
    let letter = characters.next().filter(char::is_ascii_uppercase)?;
    let sign = characters.next().filter(|sign| ").:".contains(*sign))?;
    let words = line[letter.len_utf8() + sign.len_utf8()..].trim();
    (!words.is_empty()).then_some((usize::from(letter as u8 - b'A'), words))
}

/// The place of the letter that a text begins with, where it stands as one: alone, or with a sign. An
/// article is none.
fn lettered(text: &str, options: usize) -> Option<usize> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || "*_`\"'".contains(c));
    let (text, open) = match text.strip_prefix('(').or_else(|| text.strip_prefix('[')) {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let mut characters = text.chars();
    let letter = characters.next()?;
    let place = usize::from(
        u8::try_from(letter.to_ascii_uppercase())
            .ok()?
            .checked_sub(b'A')?,
    );
    if place >= options {
        return None;
    }
    let stands = match characters.next() {
        None => true,
        Some(sign) if open => ")]".contains(sign),
        // `A.` but not `A.M.`, `B:` but not `b: x`.
        Some(sign) => {
            let apart = characters
                .next()
                .is_none_or(|next| next.is_whitespace() || next == '*');
            letter.is_ascii_uppercase() && ").:*".contains(sign) && apart
        }
    };
    stands.then_some(place)
}

/// What an answer marks as its last word, the last such mark.
fn marked(text: &str) -> Option<&str> {
    boxed(text)
        .or_else(|| after_mark(text))
        .or_else(|| after_words(text))
}

/// The contents of the last `\boxed{…}`, its own braces counted.
fn boxed(text: &str) -> Option<&str> {
    const BOX: &str = "\\boxed{";
    let inside = &text[text.rfind(BOX)? + BOX.len()..];
    let mut depth = 1_u32;
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inside[..at]);
        }
    }
    None
}

/// The last line `#### …`, `Answer: …` or `Final answer: …`.
fn after_mark(text: &str) -> Option<&str> {
    text.lines().rev().find_map(|line| {
        let line = line.trim().trim_matches('*').trim();
        if let Some(rest) = line.strip_prefix("#### ") {
            return some(rest);
        }
        ["final answer:", "answer:"].iter().find_map(|mark| {
            let head = line.get(..mark.len())?;
            head.eq_ignore_ascii_case(mark).then_some(())?;
            some(line[mark.len()..].trim_matches(['*', ' ']))
        })
    })
}

/// What follows the last "answer is", up to the end of its sentence.
fn after_words(text: &str) -> Option<&str> {
    const WORDS: &str = "answer is";
    let at = (0..text.len()).rev().find(|at| {
        text.get(*at..at + WORDS.len())
            .is_some_and(|words| words.eq_ignore_ascii_case(WORDS))
    })?;
    let rest = text[at + WORDS.len()..].trim_start_matches([':', ' ', '*']);
    let rest = rest.lines().next()?;
    let ends = rest.match_indices(['.', '!', ';']).find(|(at, sign)| {
        let after = rest[at + sign.len()..].chars().next();
        after.is_none_or(|after| after.is_whitespace() || after == '*')
    });
    some(&rest[..ends.map_or(rest.len(), |(at, _)| at)])
}

fn some(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

/// A marked word as it stands, in one spelling.
fn short(marked: &str) -> Option<String> {
    let words = whole_number(marked).unwrap_or_else(|| normalised(marked));
    (!words.is_empty() && words.len() <= CHOICE_LENGTH_MAX).then_some(words)
}

/// A text that is a number, but for signs of money, share and prose around it.
fn whole_number(text: &str) -> Option<String> {
    number(text.trim())
}

/// A number in one spelling: `1,234.50` is `1234.5`, `+3` is `3`, `-0` is `0`.
fn number(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| "*_`\"'()[]$€£%!?,;:".contains(c));
    let word = word.trim_end_matches('.');
    let (negative, word) = match word
        .strip_prefix('-')
        .or_else(|| word.strip_prefix('\u{2212}'))
    {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let word = word.trim_start_matches(['$', '€', '£']);
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped = groups.len() == 1
        || (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3);
    let digits: String = groups.concat();
    let plain = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    let is_number = !digits.is_empty() && grouped && plain(&digits) && plain(fraction);
    if !is_number || digits.len() + fraction.len() > DIGITS_MAX {
        return None;
    }
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    let sign = if negative && (digits, fraction) != ("0", "") {
        "-"
    } else {
        ""
    };
    Some(format!("{sign}{digits}{dot}{fraction}"))
}

#[cfg(test)]
mod tests;
