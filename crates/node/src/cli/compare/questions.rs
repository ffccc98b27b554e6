//! A user's questions, out of a file.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// The most bytes of a file of questions.
const FILE_LENGTH_MAX: u64 = 16 * 1024 * 1024;
/// The most questions of a file: each is asked some ten times.
const QUESTIONS_MAX: usize = 10_000;

/// A question, and what is right where that is known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// What is asked.
    pub(super) question: String,
    /// A right answer, as short as an answer can be: a letter, a number, a name.
    pub(super) gold: Option<String>,
}

/// Why a file holds no questions.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum QuestionsError {
    /// The file system says no.
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// Too much.
    #[error("{} has more than {most} {of}", path.display())]
    TooMuch {
        path: PathBuf,
        most: u64,
        of: &'static str,
    },
    /// Not a question.
    #[error("line {line} of {} is no question: {source}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    /// A question of nothing but white space.
    #[error("line {line} of {} asks nothing", path.display())]
    Blank { path: PathBuf, line: usize },
    /// Nothing in it.
    #[error("{} has no questions", path.display())]
    Empty { path: PathBuf },
}

/// All questions of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Question>, QuestionsError> {
    let unreadable = |source| QuestionsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_LENGTH_MAX + 1).read_to_string(&mut text))
        .map_err(unreadable)?;
    if text.len() as u64 > FILE_LENGTH_MAX {
        return Err(QuestionsError::TooMuch {
            path: path.to_owned(),
            most: FILE_LENGTH_MAX,
            of: "bytes",
        });
    }
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Vec<Question>, QuestionsError> {
    let mut questions = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() {
            continue;
        }
        let question: Question =
            serde_json::from_str(content).map_err(|source| QuestionsError::Line {
                path: path.to_owned(),
                line,
                source,
            })?;
        if question.question.trim().is_empty() {
            let path = path.to_owned();
            return Err(QuestionsError::Blank { path, line });
        }
        if questions.len() == QUESTIONS_MAX {
            return Err(QuestionsError::TooMuch {
                path: path.to_owned(),
                most: QUESTIONS_MAX as u64,
                of: "questions",
            });
        }
        questions.push(question);
    }
    if questions.is_empty() {
        let path = path.to_owned();
        return Err(QuestionsError::Empty { path });
    }
    Ok(questions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, Path::new("q.jsonl")).unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_a_question_and_what_is_none_is_named() {
        let text = "{\"question\": \"2 + 2?\", \"gold\": \"4\"}\n\n{\"question\": \"Why?\"}\n";
        let questions = parse(text, Path::new("q.jsonl")).unwrap();
        assert_eq!(questions.len(), 2);
        assert_eq!(questions[0].gold.as_deref(), Some("4"));
        assert_eq!(questions[1].gold, None);
        assert_eq!(error("\n \n"), "q.jsonl has no questions");
        assert_eq!(
            error("{\"question\": \" \"}"),
            "line 1 of q.jsonl asks nothing"
        );
        let unknown = error("{\"question\": \"Why?\"}\n{\"question\": \"2?\", \"answer\": \"4\"}");
        assert!(
            unknown.starts_with("line 2 of q.jsonl is no question: unknown field"),
            "{unknown}"
        );
    }
}
