use super::*;

const GOOD: &str = "---\ndomain: Space Flight\ntitle: Rockets\nas_of: 2024-02-29\nlicence: CC0-1.0\nextra: x\n---\n\n\
## Fuel\n\nA rocket burns fuel.\nIt is loud.\n\nTerms: engine, thrust\n\n## Stages\n\nStages drop off.\n";

#[test]
fn a_document_is_read_whole() {
    let document = parse("a.md", GOOD).unwrap();
    assert_eq!(document.domain.as_str(), "space-flight");
    assert_eq!(document.as_of_day, 19_782);
    assert_eq!(document.licence, "CC0-1.0");
    let [fuel, stages] = &document.sections[..] else {
        panic!("two passages")
    };
    assert_eq!(fuel.passage.document.as_str(), "Rockets");
    assert_eq!(
        fuel.passage.text.as_str(),
        "A rocket burns fuel.\nIt is loud."
    );
    assert_eq!(fuel.terms, "engine, thrust");
    assert_eq!(stages.terms, "");
}

#[test]
fn faults_name_file_and_line() {
    let long = format!("## {}\n\nText.\n", "t".repeat(129));
    for (from, to, expected) in [
        (
            "---\ndomain",
            "domain",
            "a.md:1: expected front matter between two lines `---`",
        ),
        (
            "domain: Space Flight",
            "domain: !",
            "a.md:2: `domain` is not a domain of a-z, 0-9 and -",
        ),
        (
            "title: Rockets\n",
            "",
            "a.md:6: the front matter has no `title`",
        ),
        (
            "2024-02-29",
            "2023-02-29",
            "a.md:4: `as_of` is not a day as 2026-11-01",
        ),
        (
            "2024-02-29",
            "1969-12-31",
            "a.md:4: `as_of` is not a day as 2026-11-01",
        ),
        ("extra: x", "extra", "a.md:6: expected `key: value`"),
        (
            "## Fuel\n",
            "",
            "a.md:10: text before the first `## ` heading",
        ),
        (
            "## Stages",
            "## Fuel",
            "a.md:16: a second passage with this title",
        ),
        ("Stages drop off.\n", "", "a.md:16: the passage has no text"),
        ("thrust\n", "thrust\nmore\n", "a.md:15: text after `Terms:`"),
        (
            "## Stages\n\nStages drop off.\n",
            &long,
            "a.md:16: a title of 129 bytes where at most 128 are allowed",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = parse("a.md", &GOOD.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert!(parse("a.md", "---\ntitle: x").is_err());
    assert!(parse("a.md", "").is_err());
}
