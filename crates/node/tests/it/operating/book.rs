//! The commands of docs/OPERATING.md.

use std::{collections::VecDeque, ops::RangeInclusive};

/// A line of a block of commands, and where it is run.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) hosts: RangeInclusive<usize>,
    pub(crate) command: String,
}

/// What is still to be run, section by section.
pub(crate) struct Book(VecDeque<(String, Vec<Line>)>);

const TEXT: &str = include_str!("../../../../../docs/OPERATING.md");

impl Book {
    pub(crate) fn read() -> Self {
        let mut sections: VecDeque<(String, Vec<Line>)> = VecDeque::new();
        let mut hosts = None;
        let mut is_inside = false;
        for line in TEXT.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                sections.push_back((title.to_owned(), Vec::new()));
            } else if line == "```sh" {
                (is_inside, hosts) = (true, None);
            } else if line == "```" {
                is_inside = false;
            } else if is_inside {
                if let Some(place) = line.strip_prefix("# on ") {
                    hosts = Some(range(place));
                    continue;
                }
                let hosts = hosts.clone().expect("a block says where it is run");
                let (_, lines) = sections.back_mut().expect("commands stand in sections");
                lines.push(Line {
                    hosts,
                    command: line.to_owned(),
                });
            }
        }
        sections.retain(|(_, lines)| !lines.is_empty());
        Self(sections)
    }

    /// The commands of the next section, which must be this one.
    pub(crate) fn section(&mut self, title: &str) -> Vec<Line> {
        let (found, lines) = self.0.pop_front().expect("there are more sections");
        assert_eq!(found, title, "sections are run in their order");
        lines
    }

    /// The settings of who follows a network elsewhere.
    #[expect(clippy::unused_self, reason = "it is the book that says so")]
    pub(crate) fn nodes(&self) -> String {
        let (_, after) = TEXT.split_once("```toml\n").expect("there are settings");
        after.split_once("```").unwrap().0.to_owned()
    }

    /// Nothing was left out.
    pub(crate) fn is_read(&self) {
        assert!(self.0.is_empty(), "not run: {:?}", self.0);
    }
}

/// `host 3`, or `hosts 1 to 4: …`.
fn range(place: &str) -> RangeInclusive<usize> {
    let numbers: Vec<usize> = place
        .split(':')
        .next()
        .unwrap()
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers[..] {
        [one] => one..=one,
        [first, last] => first..=last,
        _ => panic!("where is {place:?}?"),
    }
}
