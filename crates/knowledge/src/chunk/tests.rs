use llmnet_types::passage::PASSAGE_LENGTH_MAX;

use super::*;

fn loaded(markdown: bool, parts: Vec<Piece>) -> Loaded {
    Loaded {
        markdown,
        parts,
        ..Loaded::default()
    }
}

fn part(title: &str, text: &str) -> Piece {
    Piece {
        title: title.to_owned(),
        text: text.to_owned(),
        ..Piece::default()
    }
}

#[test]
fn a_short_section_is_one_passage_under_its_headings() {
    let sections = passages(&loaded(true, vec![part("A > B", "Owls hunt.")]), "owls.md");
    let passage = &sections[0].passage;
    assert_eq!(sections.len(), 1);
    assert_eq!(passage.document.as_str(), "owls.md");
    assert_eq!(passage.title.as_str(), "A > B");
    assert_eq!(passage.text.as_str(), "Owls hunt.");
}

#[test]
fn long_text_is_cut_at_sentences_and_nothing_is_lost() {
    let sentence = "The owl hunts mice at midnight, and the mice hide from it. ";
    for markdown in [true, false] {
        let text = sentence.repeat(200);
        let sections = passages(&loaded(markdown, vec![part("", &text)]), "owls");
        assert!(sections.len() >= text.len() / CHUNK_LENGTH_MAX);
        for section in &sections {
            let text = section.passage.text.as_str();
            assert!(text.len() <= CHUNK_LENGTH_MAX);
            assert!(
                text.starts_with("The owl") && text.ends_with("it."),
                "{text}"
            );
        }
        let sentences: usize = sections
            .iter()
            .map(|section| section.passage.text.matches("hide from it.").count())
            .sum();
        assert_eq!(sentences, 200);
    }
}

#[test]
fn any_script_stays_within_the_bounds_of_a_passage() {
    let text = "貓頭鷹在半夜獵食老鼠".repeat(2_000);
    let sections = passages(
        &loaded(false, vec![part("貓".repeat(200).as_str(), &text)]),
        "貓",
    );
    let length: usize = sections
        .iter()
        .map(|section| section.passage.text.len())
        .sum();
    assert_eq!(length, text.len());
    let fits = |section: &Section| section.passage.text.len() < PASSAGE_LENGTH_MAX;
    assert!(sections.iter().all(fits));
}

#[test]
fn a_record_is_a_document_of_its_own_and_chatter_of_signs_is_none() {
    let mut record = part("", "Owls hunt.");
    record.key = Some("owl-1".to_owned());
    let rule = part("", "--- *** ---");
    let sections = passages(&loaded(false, vec![record, rule]), &"d".repeat(200));
    assert_eq!(sections.len(), 1);
    let passage = &sections[0].passage;
    assert!(
        passage.document.ends_with("d/owl-1"),
        "{}",
        passage.document
    );
    assert_eq!(passage.title.as_str(), "Owls hunt.");
}
