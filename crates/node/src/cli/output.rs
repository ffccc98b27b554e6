//! What is printed where: results to standard output, progress and errors to standard error.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::failure;

/// Where a command prints.
#[derive(Debug, Clone)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result: text, or its JSON.
    ///
    /// A reader that went away is no failure of ours.
    pub(super) fn result(&self, text: &str, json: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            self.line(&serde_json::to_string_pretty(json)?)
        } else {
            self.line(text)
        }
    }

    /// Prints lines of result.
    pub(super) fn line(&self, text: &str) -> anyhow::Result<()> {
        self.bytes(format!("{}\n", harmless(text)).as_bytes())
    }

    /// Prints bytes as they are.
    pub(super) fn bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Tells of an error and what to do about it.
    pub(super) fn failure(&self, error: &anyhow::Error) {
        let hint = failure::hint(error);
        let text = if self.json {
            let error = format!("{error:#}");
            serde_json::json!({ "error": { "message": error, "hint": hint } }).to_string()
        } else {
            match hint {
                Some(hint) => format!("error: {error:#}\nhint: {hint}"),
                None => format!("error: {error:#}"),
            }
        };
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// A note beside the result.
    pub(super) fn note(&self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Shows that something is going on: a spinner on a terminal, a line each step elsewhere.
    pub(super) fn progress(&self) -> Progress {
        let bar = (!self.json && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Progress {
            bar,
            output: self.clone(),
        }
    }

    /// Shows how far a long task of known length is: a bar on a terminal, a line elsewhere.
    pub(super) fn bar(&self, text: &str, length: u64) -> Progress {
        let bar = (!self.json && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(length);
            let template = "{msg} {wide_bar} {human_pos} of {human_len}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(text.to_owned());
            bar
        });
        if bar.is_none() {
            self.note(&format!("· {text}"));
        }
        Progress {
            bar,
            output: self.clone(),
        }
    }
}

/// A task that takes a while.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    output: Output,
}

impl Progress {
    pub(super) fn step(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => self.output.note(&format!("· {text}")),
        }
    }

    /// How far it is.
    pub(super) fn at(&self, position: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        }
    }

    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done();
    }
}

/// A text without what a terminal would obey: strangers wrote much of what is shown.
fn harmless(text: &str) -> String {
    text.replace(
        |character: char| character.is_control() && !matches!(character, '\n' | '\t'),
        "\u{FFFD}",
    )
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn no_text_moves_the_cursor() {
        let text = "Titan.\r\u{1b}[2J\u{9b}31m\u{7}\n\tRhea, Größe ½.";
        assert_eq!(harmless(text), "Titan.��[2J�31m�\n\tRhea, Größe ½.");
    }
}
