use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(terms(text).join(" "), expected, "{text}");
}

#[test]
fn words_are_folded_and_stemmed() {
    check("Crashing, crashed; CRASHES!", "crash crash crash");
    check("El Niño’s oceans", "el nino ocean");
    check("won't isn't the dog's", "dog");
    check("", "");
    check("¿…? 😀", "");
}

#[test]
fn spellings_meet() {
    for (british, american) in [
        ("colours", "colors"),
        ("tokenisation", "tokenization"),
        ("anaemia", "anemia"),
        ("diarrhoea", "diarrhea"),
        ("fibre", "fiber"),
        ("analysing", "analyzing"),
        ("travelling", "traveling"),
        ("grey", "gray"),
        ("sulphur", "sulfur"),
    ] {
        assert_eq!(terms(british), terms(american), "{british}");
    }
}

#[test]
fn a_query_is_bounded() {
    let long: String = (0..100_000).map(|i| format!("w{i} ")).collect();
    assert_eq!(Query::new(&long).terms.len(), QUERY_TERMS_MAX);
    assert!(Query::new(&"x".repeat(1_000_000)).terms[0].len() <= WORD_LENGTH_MAX);
    assert!(Query::new("what is it?").is_empty());
}
