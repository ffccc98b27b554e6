//! PDF: a part for each page that has text.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{Document, PlainTextOutput, output_doc_page};

use super::{LoadError, Loaded, PAGES_MAX, Piece, TEXT_LENGTH_MAX};

pub(super) fn load(bytes: &[u8]) -> Result<Loaded, LoadError> {
    let damaged = |error: &dyn std::fmt::Display| LoadError::Damaged(error.to_string());
    let mut document = Document::load_mem(bytes).map_err(|error| damaged(&error))?;
    if document.is_encrypted() {
        // Many files have an empty password, which only says what a reader may do with them.
        document
            .decrypt("")
            .map_err(|_| LoadError::Damaged("it is encrypted with a password".to_owned()))?;
    }
    let pages = document.get_pages();
    if pages.len() > PAGES_MAX {
        return Err(LoadError::TooLarge {
            what: "the document",
            limit: PAGES_MAX,
            unit: "pages",
        });
    }
    let mut loaded = Loaded::default();
    let mut length = 0;
    for page in pages.into_keys() {
        let mut text = String::new();
        // One page with a font the library cannot read must not cost the others.
        let read = catch_unwind(AssertUnwindSafe(|| {
            output_doc_page(&document, &mut PlainTextOutput::new(&mut text), page).is_ok()
        }));
        if !read.unwrap_or(false) {
            loaded.unread += 1;
            continue;
        }
        length += text.len();
        if length > TEXT_LENGTH_MAX {
            return Err(LoadError::TooLarge {
                what: "its text",
                limit: TEXT_LENGTH_MAX,
                unit: "bytes",
            });
        }
        let text = text.trim();
        if !text.is_empty() {
            loaded.parts.push(Piece {
                title: format!("page {page}"),
                text: text.to_owned(),
                ..Piece::default()
            });
        }
    }
    if loaded.parts.is_empty() && loaded.unread > 0 {
        return Err(LoadError::Damaged(
            "none of its pages can be read".to_owned(),
        ));
    }
    Ok(loaded)
}
