//! Small files of kinds that are no text.

/// A PDF of these pages, uncompressed, in one of the fonts that every reader has.
#[cfg(feature = "pdf")]
pub(super) fn pdf(pages: &[String]) -> Vec<u8> {
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        String::new(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
    ];
    let mut kids = Vec::new();
    for text in pages {
        let stream = format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET");
        let page = objects.len() + 1;
        kids.push(format!("{page} 0 R"));
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>",
            page + 1
        ));
        objects.push(format!(
            "<< /Length {} >>\nstream\n{stream}\nendstream",
            stream.len()
        ));
    }
    objects[1] = format!(
        "<< /Type /Pages /Kids [{}] /Count {} >>",
        kids.join(" "),
        kids.len()
    );
    let mut file = ["%PDF", "1.4\n"].join("-");
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let table = file.len();
    file.push_str(&format!(
        "xref\n0 {}\n0000000000 65535 f \n",
        objects.len() + 1
    ));
    for place in places {
        file.push_str(&format!("{place:010} 00000 n \n"));
    }
    file.push_str(&format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    ));
    file.into_bytes()
}

#[cfg(feature = "docx")]
fn archive(name: &str, write: impl FnOnce(&mut dyn std::io::Write)) -> Vec<u8> {
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    writer.start_file(name, options).unwrap();
    write(&mut writer);
    writer.finish().unwrap().into_inner()
}

/// A Word file with this body.
#[cfg(feature = "docx")]
pub(super) fn docx(body: &str) -> Vec<u8> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document xmlns:w=\"urn:w\"><w:body>{body}</w:body></w:document>"
    );
    archive("word/document.xml", |writer| {
        writer.write_all(xml.as_bytes()).unwrap()
    })
}

/// A small archive with so many bytes in it.
#[cfg(feature = "docx")]
pub(super) fn bomb(length: usize) -> Vec<u8> {
    archive("word/document.xml", |writer| {
        let block = vec![b'a'; 1024 * 1024];
        let mut left = length;
        while left > 0 {
            let count = left.min(block.len());
            writer.write_all(&block[..count]).unwrap();
            left -= count;
        }
    })
}
