use super::*;
use crate::ingest::parse;

fn sections() -> Vec<Section> {
    let text = "---\ndomain: d\ntitle: D\nas_of: 2026-01-01\nlicence: MIT\n---\n\
## Owls\n\nOwls hunt mice at night.\n\nTerms: bird, predator\n\
## Mice\n\nMice eat grain and fear owls.\n\
## Grain\n\nGrain is dried in the sun.\n\nTerms: harvest\n";
    parse("d.md", text).unwrap().sections
}

fn places(index: &Lexical, question: &str) -> Vec<usize> {
    let hits = index.search(&Query::new(question), 10).unwrap();
    hits.iter().map(|hit| hit.place).collect()
}

#[test]
fn titles_texts_and_search_words_are_found() {
    let index = Lexical::in_memory(Weights::default()).unwrap();
    index.replace(&sections()).unwrap();
    assert_eq!(places(&index, "What is an OWL?"), [0, 1]);
    assert_eq!(places(&index, "harvesting"), [2]);
    assert_eq!(places(&index, "mouse"), [0_usize; 0]);
    index.replace(&sections()[2..]).unwrap();
    assert_eq!(places(&index, "owl"), [0_usize; 0]);
    assert_eq!(places(&index, "grain"), [0]);
}

#[test]
fn any_text_is_a_question() {
    let index = Lexical::in_memory(Weights::default()).unwrap();
    index.replace(&sections()).unwrap();
    for question in [
        "",
        "   ",
        "\"",
        "owl\" OR title:*",
        "NEAR(owl mice, 2)",
        "title : owl",
        "^owl*",
        "owl AND NOT -",
        "'; DROP TABLE passages; --",
        "\0owl\0",
        "😀 猫头鹰",
        "{owl} + (",
        "a\u{301}\u{200d}",
    ] {
        index.search(&Query::new(question), 10).unwrap();
    }
    assert_eq!(places(&index, "owl\" OR title:*")[0], 0);
    assert_eq!(places(&index, "'; DROP TABLE passages; -- owl")[0], 0);
    let hits = index.search(&Query::new("owl"), 1).unwrap();
    assert_eq!(hits.len(), 1);
}

#[test]
fn an_index_in_a_file_stays() {
    let path = std::env::temp_dir().join(format!("llmnet-lexical-{}.sqlite", std::process::id()));
    {
        let index = Lexical::open(&path, Weights::default()).unwrap();
        index.replace(&sections()).unwrap();
    }
    let index = Lexical::open(&path, Weights::default()).unwrap();
    assert_eq!(places(&index, "harvest"), [2]);
    drop(index);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
    }
}
