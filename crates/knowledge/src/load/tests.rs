use super::*;

mod files;

fn texts(loaded: &Loaded) -> Vec<(&str, &str)> {
    let parts = loaded.parts.iter();
    parts
        .map(|part| (part.title.as_str(), part.text.as_str()))
        .collect()
}

fn read(kind: Kind, text: &str) -> Loaded {
    load(kind, text.as_bytes().to_vec()).unwrap()
}

#[test]
fn kinds_go_by_the_end_of_a_name() {
    let kind = |name: &str| Kind::of(Path::new(name));
    assert_eq!(kind("a/b.MD"), Some(Kind::Markdown));
    assert_eq!(kind("a.tar.pdf"), Some(Kind::Pdf));
    assert_eq!(kind("a.tsv"), Some(Kind::Csv));
    assert_eq!(kind("md"), None);
    assert_eq!(kind("a.exe"), None);
}

#[test]
fn markdown_is_a_part_for_each_heading() {
    let loaded = read(
        Kind::Markdown,
        "---\ntitle: Owls\ndate: 2026-11-01\nlicense: MIT\nother: x\n---\nBefore.\n\n# All of `it`\n\
         ## Food\n\nMice.\n\n### When\nAt night.\n```\n# no heading\n```\n## Foes\n\nFew.\n## Empty\n",
    );
    assert_eq!(loaded.title.as_deref(), Some("Owls"));
    assert_eq!(loaded.as_of_day, Some(20_758));
    assert_eq!(loaded.licence.as_deref(), Some("MIT"));
    assert_eq!(
        texts(&loaded),
        [
            ("", "Before."),
            ("All of it > Food", "Mice."),
            (
                "All of it > Food > When",
                "At night.\n```\n# no heading\n```"
            ),
            ("All of it > Foes", "Few."),
        ]
    );
    let plain = read(Kind::Markdown, "# Title\n\n---\nnot: matter\n---\nText.");
    assert_eq!(plain.title.as_deref(), Some("Title"));
}

#[cfg(feature = "html")]
#[test]
fn html_is_its_text_without_scripts_and_menus() {
    let loaded = read(
        Kind::Html,
        "<html><head><title>Owls &amp; mice</title><style>p{}</style></head><body><nav>Home</nav>\
         <h2>Food</h2><p>Owls <b>hunt</b> mice.<script>alert(1)</script></p><footer>(c)</footer></body></html>",
    );
    assert_eq!(loaded.title.as_deref(), Some("Owls & mice"));
    assert_eq!(texts(&loaded), [("Food", "Owls **hunt** mice.")]);
}

#[cfg(feature = "html")]
#[test]
fn deep_html_is_refused_and_long_lists_are_not() {
    let deep = "<div>".repeat(100_000);
    let refused = load(Kind::Html, deep.into_bytes());
    assert!(
        matches!(
            refused,
            Err(LoadError::TooLarge {
                limit: NESTING_MAX,
                ..
            })
        ),
        "{refused:?}"
    );
    // Items that nobody closed stand beside one another.
    let list = format!("<ul>{}</ul>", "<li>owl<p>mouse".repeat(5_000));
    assert!(read(Kind::Html, &list).parts[0].text.contains("mouse"));
    let script = format!("<p>owl</p><script>{}</script>", "if(a<b){}".repeat(5_000));
    assert_eq!(read(Kind::Html, &script).parts[0].text, "owl");
    let allowed = format!("{}owl", "<div>".repeat(NESTING_MAX));
    assert_eq!(read(Kind::Html, &allowed).parts[0].text, "owl");
}

#[test]
fn text_may_be_in_older_codes() {
    assert_eq!(read(Kind::Text, "Eule").parts[0].text, "Eule");
    let latin = load(Kind::Text, b"K\xe4uze".to_vec()).unwrap();
    assert_eq!(latin.parts[0].text, "Käuze");
    let wide = load(Kind::Text, b"\xff\xfeE\0u\0l\0e\0".to_vec()).unwrap();
    assert_eq!(wide.parts[0].text, "Eule");
    let binary = load(Kind::Text, b"\x7fELF\0\0\x01".to_vec());
    assert!(matches!(binary, Err(LoadError::Damaged(_))), "{binary:?}");
    assert_eq!(load(Kind::Text, b" \n\t--".to_vec()), Err(LoadError::Empty));
}

#[test]
fn rows_are_records_under_their_names() {
    let loaded = read(
        Kind::Csv,
        "id,title,hunts\n7,Owl,\"mice, voles\"\n8,Heron,fish\n",
    );
    assert_eq!(
        texts(&loaded)[0],
        ("Owl", "id: 7\ntitle: Owl\nhunts: mice, voles")
    );
    assert_eq!(loaded.parts[1].key.as_deref(), Some("8"));
    let tabs = read(Kind::Csv, "name\ttext\nOwl\tIt hunts.\n");
    assert_eq!(texts(&tabs), [("Owl", "It hunts.")]);
    assert_eq!(tabs.parts[0].key.as_deref(), Some("1"), "by its number");
}

#[test]
fn lines_that_are_no_json_are_counted_and_passed_over() {
    let loaded = read(
        Kind::JsonLines,
        "{\"id\":\"a\",\"title\":\"Owl\",\"text\":\"It hunts.\"}\n[1]\n\n{\"k\": 3}\nnonsense\n",
    );
    assert_eq!(texts(&loaded), [("Owl", "It hunts."), ("", "k: 3")]);
    assert_eq!(loaded.unread, 2);
    let none = load(Kind::JsonLines, b"nonsense".to_vec());
    assert!(matches!(none, Err(LoadError::Damaged(_))));
    // JSON that is deep is refused by its parser before any stack is short of room.
    let deep = format!("{{\"a\":{}", "[".repeat(200_000));
    assert!(load(Kind::JsonLines, deep.into_bytes()).is_err());
}

#[cfg(feature = "docx")]
#[test]
fn word_files_keep_their_headings() {
    let paragraph = |style: &str, text: &str| {
        format!(
            "<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
        )
    };
    let body = [
        paragraph("Title", "Owls"),
        paragraph("Heading2", "Food &amp; drink"),
        "<w:p><w:r><w:t>Mice</w:t><w:tab/><w:t xml:space=\"preserve\"> and &#x76;oles.</w:t></w:r></w:p>".to_owned(),
    ];
    let loaded = load(Kind::Docx, files::docx(&body.concat())).unwrap();
    assert_eq!(loaded.title.as_deref(), Some("Owls"));
    assert_eq!(texts(&loaded), [("Food & drink", "Mice\t and voles.")]);
}

#[cfg(feature = "docx")]
#[test]
fn a_bomb_in_an_archive_is_refused_by_what_comes_out_of_it() {
    let bomb = files::bomb(TEXT_LENGTH_MAX + 1);
    assert!(bomb.len() < 1_000_000, "{}", bomb.len());
    let refused = load(Kind::Docx, bomb);
    assert!(
        matches!(
            refused,
            Err(LoadError::TooLarge {
                limit: TEXT_LENGTH_MAX,
                ..
            })
        ),
        "{refused:?}"
    );
    let damaged = load(Kind::Docx, b"PK\x03\x04 and no more".to_vec());
    assert!(matches!(damaged, Err(LoadError::Damaged(_))));
}

#[cfg(feature = "pdf")]
#[test]
fn a_pdf_is_a_part_for_each_page() {
    let pages: Vec<String> = (1..=200)
        .map(|page| format!("Owls of page {page} hunt mice"))
        .collect();
    let loaded = load(Kind::Pdf, files::pdf(&pages)).unwrap();
    assert_eq!(loaded.parts.len(), 200);
    assert_eq!(loaded.parts[199].title, "page 200");
    assert!(
        loaded.parts[199].text.contains("Owls of page 200"),
        "{:?}",
        loaded.parts[199]
    );
}

#[cfg(feature = "pdf")]
#[test]
fn damaged_pdfs_are_named_whatever_their_reader_does() {
    let whole = files::pdf(&["Owls hunt mice".to_owned()]);
    let mut generator = 1_u64;
    for _ in 0..40 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            generator = generator
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let place = (generator >> 33) as usize % bytes.len();
            bytes[place] = (generator >> 24) as u8;
        }
        // Whatever comes of it, we are still here.
        let _ = load(Kind::Pdf, bytes);
    }
    let cut = load(Kind::Pdf, whole[..whole.len() / 2].to_vec());
    assert!(cut.is_err(), "{cut:?}");
}

#[test]
fn a_panic_of_a_reader_is_an_error_that_says_so() {
    let caught = guard::run(|| panic!("owls in the wires"));
    assert_eq!(
        caught,
        Err(LoadError::Panicked("owls in the wires".to_owned()))
    );
}

#[test]
fn a_file_over_its_bound_is_not_read() {
    let refused = load(Kind::Text, vec![b'a'; FILE_LENGTH_MAX as usize + 1]);
    assert!(matches!(refused, Err(LoadError::TooLarge { .. })));
    let missing = load_file(Path::new("/nowhere/owls.md"));
    assert!(matches!(missing, Err(LoadError::Io(_))));
    assert_eq!(
        load_file(Path::new("/nowhere/owls.exe")),
        Err(LoadError::Kind)
    );
}
