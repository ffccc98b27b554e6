//! The experts in the box: five domains, each known in full by one and in part by two others, so that
//! every question finds three seats that know different things.

use std::sync::Arc;

use llmnet_knowledge::{
    classify::Classifier,
    corpus::{Corpus, part},
    ingest::{Document, parse},
    retrieve::Shelf,
    sample::Sample,
};
use llmnet_model::backend::extractive::{Extractive, Options};
use llmnet_types::{codec::encode, domain::Domain, id::Digest, registration, units::Amount};

use crate::keys::Keys;

/// The documents, in the order of the ring in which experts know their neighbours' domains.
const DOCUMENTS: [(&str, &str); 5] = [
    (
        "experts/llm-net.md",
        include_str!("../../../experts/llm-net.md"),
    ),
    (
        "experts/computing.md",
        include_str!("../../../experts/computing.md"),
    ),
    (
        "experts/astronomy.md",
        include_str!("../../../experts/astronomy.md"),
    ),
    (
        "experts/climate.md",
        include_str!("../../../experts/climate.md"),
    ),
    (
        "experts/medicine.md",
        include_str!("../../../experts/medicine.md"),
    ),
];

/// What the experts are called, each after the domain it knows in full.
pub const RESPONDENTS: [&str; 5] = ["llm-net", "computing", "astronomy", "climate", "medicine"];

/// A short name for the documents and prices of this program: what experts registered with another
/// edition have announced, these cannot answer for.
pub fn edition() -> String {
    let texts: Vec<&[u8]> = DOCUMENTS.iter().map(|(_, text)| text.as_bytes()).collect();
    let documents = Digest::tagged("llmnet/edition/1", &texts);
    let priced = Digest::tagged("llmnet/edition/1", &[&documents.0, &encode(&PRICE)]);
    priced.to_string().chars().take(8).collect()
}

/// An expert, ready to be registered and asked.
#[derive(Debug)]
pub struct Expert {
    /// Its name in this directory.
    pub name: &'static str,
    /// What it is registered for, best first.
    pub domains: Vec<Domain>,
    /// Its documents as announced.
    pub corpus: registration::Corpus,
    /// What answers.
    pub answerer: Extractive,
}

/// All of them, and the public classifier over their documents.
#[derive(Debug)]
pub struct Experts {
    /// In the order of [`RESPONDENTS`].
    pub experts: Vec<Expert>,
    /// Tells what a question is about.
    pub classifier: Arc<Classifier>,
    /// What the classifier knows.
    pub samples: Vec<(Domain, String)>,
    /// What evidence is measured by.
    pub sample: Arc<Sample>,
}

/// What an expert asks: fair change for a lookup.
pub const PRICE: registration::Price = registration::Price {
    call: Amount(1_000),
    input_kilo: Amount(100),
    output_kilo: Amount(2_000),
};

impl Experts {
    /// Reads the documents and builds every expert's index.
    ///
    /// # Errors
    /// A document or index fails; the documents in the box do not.
    pub fn new(keys: &Keys) -> anyhow::Result<Self> {
        let documents = documents()?;
        let classifier = classifier_of(&documents);
        let sample = Arc::new(Sample::new(&documents));
        let experts = RESPONDENTS
            .iter()
            .enumerate()
            .map(|(place, name)| expert(keys, name, place, &documents, &sample))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            experts,
            classifier,
            samples: samples(&documents),
            sample,
        })
    }
}

fn documents() -> anyhow::Result<Vec<Document>> {
    let documents = DOCUMENTS.iter().map(|(file, text)| parse(file, text));
    Ok(documents.collect::<Result<_, _>>()?)
}

fn classifier_of(documents: &[Document]) -> Arc<Classifier> {
    Arc::new(Classifier::new(&samples(documents)))
}

fn samples(documents: &[Document]) -> Vec<(Domain, String)> {
    documents.iter().flat_map(Document::samples).collect()
}

/// The public classifier over the experts' documents, for a coordinator that has no experts of its own.
///
/// # Errors
/// A document fails; those in the box do not.
pub fn classifier() -> anyhow::Result<Arc<Classifier>> {
    Ok(classifier_of(&documents()?))
}

/// What evidence is measured by, for respondents with documents of their own.
///
/// # Errors
/// A document fails; those in the box do not.
pub fn sample() -> anyhow::Result<Arc<Sample>> {
    Ok(Arc::new(Sample::new(&documents()?)))
}

/// The domains of the experts in the box, each first by the expert that knows it in full.
///
/// # Errors
/// A document fails; those in the box do not.
pub fn domains() -> anyhow::Result<Vec<Domain>> {
    let documents = documents()?.into_iter();
    Ok(documents.map(|document| document.domain).collect())
}

/// One expert, by its name.
///
/// # Errors
/// There is none of that name, or its index fails.
pub fn named(keys: &Keys, name: &str) -> anyhow::Result<Expert> {
    let place = RESPONDENTS.iter().position(|known| *known == name);
    let place = place.ok_or_else(|| {
        anyhow::anyhow!(
            "there is no expert {name:?}; there are {}",
            RESPONDENTS.join(", ")
        )
    })?;
    let documents = documents()?;
    let sample = Arc::new(Sample::new(&documents));
    expert(keys, RESPONDENTS[place], place, &documents, &sample)
}

fn expert(
    keys: &Keys,
    name: &'static str,
    place: usize,
    documents: &[Document],
    sample: &Arc<Sample>,
) -> anyhow::Result<Expert> {
    let known: Vec<&Document> = documents.iter().cycle().skip(place).take(3).collect();
    let sections = known
        .iter()
        .enumerate()
        .flat_map(|(distance, document)| match distance {
            0 => document.sections.clone(),
            _ => part(document, name),
        })
        .collect();
    let as_of_day = known.iter().map(|document| document.as_of_day).max();
    let corpus = Corpus::new(sections, &keys.corpus(name), as_of_day.unwrap_or(0))?;
    let announced = corpus.registration();
    let shelf = Shelf::new(corpus, Arc::clone(sample))?;
    Ok(Expert {
        name,
        domains: known
            .iter()
            .map(|document| document.domain.clone())
            .collect(),
        corpus: announced,
        answerer: Extractive::new(Arc::new(shelf), Options::default()),
    })
}
