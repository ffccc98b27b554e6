//! HTML by way of Markdown, without scripts, styles and what stands around the text.

use htmd::HtmlToMarkdown;

use super::{LoadError, Loaded, NESTING_MAX, markdown};

/// Elements whose content is not the document's.
const SKIPPED: [&str; 9] = [
    "script", "style", "noscript", "template", "nav", "footer", "svg", "form", "head",
];
/// Elements that never hold others, or that the next one of their kind ends.
const FLAT: [&str; 27] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option",
    "optgroup", "colgroup",
];

/// Elements whose content is no markup.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

pub(super) fn load(html: &str) -> Result<Loaded, LoadError> {
    // The converter walks the tree by recursion, so a deep one is refused before it is built.
    if nesting(html) > NESTING_MAX {
        return Err(LoadError::TooLarge {
            what: "an element",
            limit: NESTING_MAX,
            unit: "elements around it",
        });
    }
    let convert = |html: &str, skipped: &[&str]| {
        let mut converter = HtmlToMarkdown::builder();
        // The builder panics at an empty list.
        if !skipped.is_empty() {
            converter = converter.skip_tags(skipped.to_vec());
        }
        let markdown = converter.build().convert(html);
        markdown.map_err(|error| LoadError::Damaged(error.to_string()))
    };
    let mut loaded = markdown::load(&convert(html, &SKIPPED)?);
    if let Some(title) = title(html) {
        let title = convert(title, &[])?;
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if !title.is_empty() {
            loaded.title = Some(title);
        }
    }
    Ok(loaded)
}

/// What stands between `<title>` and `</title>`.
fn title(html: &str) -> Option<&str> {
    let lower = html.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let from = open + lower[open..].find('>')? + 1;
    let length = lower[from..].find("</title")?;
    Some(&html[from..from + length])
}

/// An upper bound on how deep elements stand in one another, without building the tree.
fn nesting(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut raw: Option<String> = None;
    for tag in html.split('<').skip(1) {
        let (closes, tag) = match tag.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, tag),
        };
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric());
        let name = tag[..end.unwrap_or(tag.len())].to_ascii_lowercase();
        if let Some(open) = &raw {
            // What a script compares is no element.
            if closes && name == *open {
                raw = None;
            }
        } else if name.is_empty() || FLAT.contains(&name.as_str()) {
            continue;
        } else if RAW.contains(&name.as_str()) {
            raw = (!closes).then_some(name);
        } else if closes {
            depth = depth.saturating_sub(1);
        } else {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}
