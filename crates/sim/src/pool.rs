//! Pools: which models play, on which questions, as committed lists.

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The sets its questions come from.
    pub benchmarks: Vec<String>,
    /// Whether a policy is told the questions' own domains, or only their set.
    pub own_domains: bool,
    /// How many questions a run takes unless told otherwise; all without.
    pub queries: Option<usize>,
    /// Its models, by the names in the recordings.
    pub models: Vec<String>,
}

/// What is wrong with a list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// A line.
    #[error("{name}, line {line}: {what}")]
    Line {
        /// The list's name.
        name: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Something is missing.
    #[error("the pool {name} names no {what}")]
    Missing {
        /// The list's name.
        name: String,
        /// What.
        what: &'static str,
    },
    /// No such list.
    #[error("there is no pool {0:?}; there are {known}, or a file with a list", known = names().join(", "))]
    Unknown(String),
}

const COMMITTED: [(&str, &str); 9] = [
    ("P4", include_str!("../pools/P4.txt")),
    ("P8", include_str!("../pools/P8.txt")),
    ("Z39", include_str!("../pools/Z39.txt")),
    ("Z41", include_str!("../pools/Z41.txt")),
    ("M12", include_str!("../pools/M12.txt")),
    ("M29", include_str!("../pools/M29.txt")),
    ("M13+", include_str!("../pools/M13+.txt")),
    ("G43", include_str!("../pools/G43.txt")),
    ("BFCL", include_str!("../pools/BFCL.txt")),
];

/// The names of the committed pools.
pub fn names() -> Vec<&'static str> {
    COMMITTED.iter().map(|(name, _)| *name).collect()
}

impl Pool {
    /// A committed pool.
    ///
    /// # Errors
    /// [`PoolError::Unknown`]; a committed list has no others.
    pub fn committed(name: &str) -> Result<Self, PoolError> {
        let found = COMMITTED.iter().find(|(known, _)| *known == name);
        let (name, text) = found.ok_or_else(|| PoolError::Unknown(name.to_owned()))?;
        Self::parse(name, text)
    }

    /// Reads a list: `key: value` lines, then a model on each line; `#` begins a comment.
    ///
    /// # Errors
    /// A line that makes no sense, a model that stands twice, or what is missing.
    pub fn parse(name: &str, text: &str) -> Result<Self, PoolError> {
        let mut pool = Self {
            name: name.to_owned(),
            benchmarks: Vec::new(),
            own_domains: true,
            queries: None,
            models: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            let failure = |what: String| PoolError::Line {
                name: name.to_owned(),
                line: number,
                what,
            };
            let line = line.split('#').next().unwrap_or_default().trim();
            match line.split_once(": ") {
                _ if line.is_empty() => {}
                Some(("benchmarks", value)) => {
                    pool.benchmarks = value.split_whitespace().map(str::to_owned).collect();
                }
                Some(("domains", "own")) => pool.own_domains = true,
                Some(("domains", "benchmark")) => pool.own_domains = false,
                Some(("queries", value)) => {
                    let queries = value
                        .parse()
                        .map_err(|_| failure(format!("{value:?} is no count")))?;
                    pool.queries = Some(queries);
                }
                Some((key, value)) => {
                    return Err(failure(format!("{key}: {value} is not known here")));
                }
                None if pool.models.iter().any(|model| model == line) => {
                    return Err(failure(format!("{line:?} stands twice")));
                }
                None => pool.models.push(line.to_owned()),
            }
        }
        let missing = |what| PoolError::Missing {
            name: name.to_owned(),
            what,
        };
        match () {
            () if pool.benchmarks.is_empty() => Err(missing("benchmarks")),
            () if pool.models.is_empty() => Err(missing("models")),
            () => Ok(pool),
        }
    }
}
