use llmnet_types::id::Salt;

use super::*;

/// A folder of this test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("llmnet-folder-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(fs::canonicalize(path).unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn defaults() -> Defaults {
    Defaults {
        licence: "MIT".to_owned(),
        as_of_day: 9,
    }
}

fn store() -> Store {
    Store::in_memory(&Salt([3; 32])).unwrap()
}

#[test]
fn a_walk_finds_what_can_be_read() {
    let folder = Folder::new("walk");
    for name in [
        "b/x.md",
        "a.txt",
        ".git/config.md",
        "b/.hidden.md",
        "c.exe",
        "b/c/d.csv",
    ] {
        folder.write(name, "text");
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(&folder.0, folder.0.join("b/circle")).unwrap();
    let found = files(&folder.0);
    let names: Vec<_> = found
        .iter()
        .map(|path| path.strip_prefix(&folder.0).unwrap())
        .collect();
    assert_eq!(names, ["a.txt", "b/c/d.csv", "b/x.md"].map(Path::new));
}

#[test]
fn broken_files_are_named_and_the_others_are_there() {
    let folder = Folder::new("broken");
    // Few here; the count is the same as in a folder of 1,000 with 20 broken ones.
    let count: usize = std::env::var("LLMNET_FILES").map_or(50, |count| count.parse().unwrap());
    let broken: [(&str, &[u8]); 5] = [
        ("broken.pdf", b"%PDF and nothing"),
        ("broken.docx", b"PK\x03\x04"),
        ("broken.jsonl", b"not json\n"),
        ("empty.txt", b""),
        ("binary.md", b"\0\0\0"),
    ];
    for number in 0..count {
        let text = format!("Owl {number} hunts mouse {number}.");
        match number % 5 {
            0 => folder.write(&format!("{number}.md"), format!("# Owl {number}\n\n{text}")),
            1 => folder.write(&format!("{number}.html"), format!("<p>{text}</p>")),
            2 => folder.write(
                &format!("{number}.csv"),
                format!("id,text\n{number},{text}\n"),
            ),
            3 => folder.write(
                &format!("{number}.jsonl"),
                format!("{{\"text\":\"{text}\"}}\n"),
            ),
            _ => folder.write(&format!("{number}.txt"), text),
        };
    }
    for copy in 0..count.div_ceil(250) {
        for (name, bytes) in broken {
            folder.write(&format!("{copy}/{name}"), bytes);
        }
    }
    let store = store();
    let (mut kept, mut named) = (0, 0);
    for path in files(&folder.0) {
        match add(&store, &path, &defaults()) {
            Ok(done) => {
                assert!(
                    matches!(done.added, Added::Kept { .. }),
                    "{path:?}: {done:?}"
                );
                kept += 1;
            }
            Err(AddError::File(_)) => named += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((kept, named), (count, 5 * count.div_ceil(250)));
    let status = store.status().unwrap();
    assert_eq!(status.origins, count as u64);
}

#[test]
fn a_changed_file_is_taken_anew_and_one_that_went_is_noticed() {
    let folder = Folder::new("changed");
    let path = folder.write(
        "owls.md",
        "---\nlicense: CC0-1.0\n---\n# Owls\n\nThey hunt.\n",
    );
    let copy = folder.write("b/copy.md", fs::read(&path).unwrap());
    let store = store();
    let first = add(&store, &path, &defaults()).unwrap();
    assert_eq!(
        first.added,
        Added::Kept {
            came: 1,
            stayed: 0,
            went: 0
        }
    );
    assert_eq!(add(&store, &path, &defaults()).unwrap().added, Added::Same);
    assert_eq!(
        add(&store, &copy, &defaults()).unwrap().added,
        Added::Duplicate
    );
    let held = &store.list("").unwrap()[0];
    assert_eq!((held.licence.as_str(), held.as_of_day), ("CC0-1.0", 9));
    fs::write(&path, "# Owls\n\nThey sleep.\n").unwrap();
    let second = add(&store, &path, &defaults()).unwrap();
    assert_eq!(
        second.added,
        Added::Kept {
            came: 1,
            stayed: 0,
            went: 0
        },
        "the copy keeps the other"
    );
    fs::remove_file(&copy).unwrap();
    assert_eq!(gone(&store, &folder.0).unwrap(), [origin(&copy)]);
    assert_eq!(store.remove(&origin(&copy)).unwrap().passages, 1);
    assert!(gone(&store, &folder.0).unwrap().is_empty());
}
