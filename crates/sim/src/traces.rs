//! Recordings, as they stand in files: JSON lines, a question or a response each.
//!
//! Readers take bytes, so that whoever opens files unpacks them. Fields that are not named here are passed over:
//! other sets may record more.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The longest line, in bytes. A longer one is no record of ours.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// The most lines of one file.
pub const LINES_MAX: usize = 4_000_000;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The set it comes from.
    pub benchmark: String,
    /// What it is about.
    pub domain: String,
    /// Its right answer, where answers can be compared with one.
    pub gold: Option<String>,
}

/// What a model gave to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its answer; `None` where none was recorded or could be read.
    pub answer: Option<String>,
    /// Whether the record says that it was right.
    pub right: Option<bool>,
    /// How long it took, in milliseconds, where that was measured.
    pub latency_ms: Option<u32>,
}

/// Questions by id; responses by model and question.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// By id.
    pub questions: BTreeMap<String, Question>,
    /// By model, then by the question's id.
    pub responses: BTreeMap<String, BTreeMap<String, Response>>,
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TracesError {
    /// Not a record.
    #[error("{file}, line {line}: {what}")]
    Line {
        /// Its name.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// No records at all.
    #[error("{file}, line 1: the file is empty; it should hold a JSON object on each line")]
    Empty {
        /// Its name.
        file: String,
    },
}

#[derive(Deserialize)]
struct QuestionLine {
    qid: String,
    benchmark: String,
    domain: String,
    gold: Option<String>,
}

#[derive(Deserialize)]
struct ResponseLine {
    qid: String,
    model: String,
    answer: Option<String>,
    correct: Option<u8>,
    domain: Option<String>,
    latency_s: Option<f64>,
}

impl Traces {
    /// Adds the questions of a file, by its name.
    ///
    /// # Errors
    /// The first line that is no question, or a question that stands twice.
    pub fn read_questions(&mut self, file: &str, bytes: &[u8]) -> Result<(), TracesError> {
        each(file, bytes, |line: QuestionLine| {
            let question = Question {
                benchmark: line.benchmark,
                domain: line.domain,
                gold: line.gold,
            };
            match self.questions.insert(line.qid.clone(), question) {
                Some(_) => Err(format!("the question {:?} stands twice", line.qid)),
                None => Ok(()),
            }
        })
    }

    /// Adds the responses of a file, by its name. A response that names its domain brings its question along,
    /// where no file of questions had it: recordings whose questions may not be passed on.
    ///
    /// # Errors
    /// The first line that is no response, or that answers for a model twice.
    pub fn read_responses(&mut self, file: &str, bytes: &[u8]) -> Result<(), TracesError> {
        each(file, bytes, |line: ResponseLine| {
            let right = match line.correct {
                None => None,
                Some(0) => Some(false),
                Some(1) => Some(true),
                Some(other) => return Err(format!("correct is {other}; it should be 0 or 1")),
            };
            let latency_ms = match line.latency_s {
                None => None,
                // An hour is longer than any record's patience.
                Some(seconds) if (0.0..=3_600.0).contains(&seconds) => {
                    Some((seconds * 1_000.0).round() as u32)
                }
                Some(other) => {
                    return Err(format!(
                        "latency_s is {other}; it should be 0 to 3600 seconds"
                    ));
                }
            };
            if !self.questions.contains_key(&line.qid) {
                let Some(domain) = line.domain else {
                    return Err(format!(
                        "answers the question {:?}, which no file of questions has",
                        line.qid
                    ));
                };
                let benchmark = line.qid.split(':').next().unwrap_or_default().to_owned();
                let question = Question {
                    benchmark,
                    domain,
                    gold: None,
                };
                self.questions.insert(line.qid.clone(), question);
            }
            let gold = self
                .questions
                .get(&line.qid)
                .and_then(|question| question.gold.as_ref());
            if right.is_none() && gold.is_none() {
                return Err(
                    "says neither whether it is correct, nor does its question have gold"
                        .to_owned(),
                );
            }
            let response = Response {
                answer: line.answer,
                right,
                latency_ms,
            };
            let responses = self.responses.entry(line.model.clone()).or_default();
            match responses.insert(line.qid.clone(), response) {
                Some(_) => Err(format!(
                    "{:?} answered {:?} in an earlier line already",
                    line.model, line.qid
                )),
                None => Ok(()),
            }
        })
    }

    /// Whether a response is right: as recorded, else by the question's gold. No answer is wrong.
    pub fn is_right(&self, qid: &str, response: &Response) -> bool {
        response.right.unwrap_or_else(|| {
            let gold = self
                .questions
                .get(qid)
                .and_then(|question| question.gold.as_ref());
            response.answer.is_some() && response.answer.as_ref() == gold
        })
    }
}

fn each<'a, L: Deserialize<'a>>(
    file: &str,
    bytes: &'a [u8],
    mut take: impl FnMut(L) -> Result<(), String>,
) -> Result<(), TracesError> {
    let failure = |line: usize, what: String| TracesError::Line {
        file: file.to_owned(),
        line,
        what,
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(TracesError::Empty {
            file: file.to_owned(),
        });
    }
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if number > LINES_MAX {
            return Err(failure(number, format!("has more than {LINES_MAX} lines")));
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(failure(
                number,
                format!("has more than {LINE_BYTES_MAX} bytes"),
            ));
        }
        let record = serde_json::from_slice(line).map_err(|error| {
            let what = match error.classify() {
                serde_json::error::Category::Eof => {
                    "ends in the middle of a record; was the file cut off?".to_owned()
                }
                // Its own count of lines is of this line alone.
                _ => format!(
                    "is no record: {}",
                    error
                        .to_string()
                        .split(" at line ")
                        .next()
                        .unwrap_or_default()
                ),
            };
            failure(number, what)
        })?;
        take(record).map_err(|what| failure(number, what))?;
    }
    Ok(())
}
