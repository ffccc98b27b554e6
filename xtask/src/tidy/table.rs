//! Markdown tables, as far as our documents use them.

use crate::source::Source;

/// A row below the head of a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) line: usize,
    pub(super) cells: Vec<&'a str>,
}

/// The rows of the tables whose first columns are headed so; none where there is no such table.
pub(super) fn rows<'a>(source: &'a Source, head: &[&str]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for (line, text) in source.lines() {
        let Some(cells) = cells(text) else {
            inside = false;
            continue;
        };
        if !inside {
            inside = cells.len() >= head.len() && cells.iter().zip(head).all(|(a, b)| a == b);
            continue;
        }
        let is_rule = cells
            .iter()
            .all(|cell| !cell.is_empty() && cell.chars().all(|c| matches!(c, '-' | ':')));
        if !is_rule {
            rows.push(Row { line, cells });
        }
    }
    rows
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}
