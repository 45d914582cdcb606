//! Files that are neither text nor Parquet, told by their first bytes, so that a person hears what was given and what to do.

/// How many of a file's first bytes tell what it is.
pub(super) const HEAD: usize = 512;

/// What a file is that cannot be read, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) problem: &'static str,
    pub(super) remedy: &'static str,
}

const UNPACK: &str = "unpack it, or compress the text with gzip";
const UNPACK_ARCHIVE: &str = "unpack it, and name the files in it";
const SAVE_SHEET: &str = "save the sheet as CSV (UTF-8)";
const AS_PARQUET: &str = "write it as Parquet, CSV or JSON lines";
const EXPORT: &str = "export the table as Parquet or CSV";
const AS_UTF_8: &str = "convert it to UTF-8, for example with iconv";
const DOWNLOAD: &str = "this is what a server said instead: download the file itself";

/// First bytes, and what begins with them. What is longer goes before what it begins with.
const SIGNATURES: &[(&[u8], &str, &str)] = &[
    (b"\x28\xb5\x2f\xfd", "this is compressed with zstd", UNPACK),
    (b"\x04\x22\x4d\x18", "this is compressed with LZ4", UNPACK),
    (b"\xfd7zXZ\0", "this is compressed with xz", UNPACK),
    (b"\xff\x06\0\0sNaPpY", "this is compressed with Snappy", UNPACK),
    (b"\x1f\x9d", "this is compressed with compress (.Z)", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "this is a 7z archive", UNPACK_ARCHIVE),
    (b"Rar!\x1a\x07", "this is a RAR archive", UNPACK_ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is an old Excel workbook (xls)", SAVE_SHEET),
    (b"ARROW1", "this is an Arrow file (Feather)", AS_PARQUET),
    (b"FEA1", "this is a Feather file", AS_PARQUET),
    (b"\xff\xff\xff\xff", "this is an Arrow stream", AS_PARQUET),
    (b"PARE", "this is Parquet with an encrypted footer", "write it without encryption"),
    (b"Obj\x01", "this is an Avro file", AS_PARQUET),
    (b"SEQ\x06", "this is a Hadoop sequence file", AS_PARQUET),
    (b"SQLite format 3\0", "this is a SQLite database", EXPORT),
    (b"\x89HDF\r\n\x1a\n", "this is an HDF5 file", AS_PARQUET),
    (b"\x93NUMPY", "this is a NumPy array (npy)", AS_PARQUET),
    (b"\x80\x02", "this is a Python pickle", AS_PARQUET),
    (b"\x80\x03", "this is a Python pickle", AS_PARQUET),
    (b"\x80\x04", "this is a Python pickle", AS_PARQUET),
    (b"\x80\x05", "this is a Python pickle", AS_PARQUET),
    (b"RDX2\n", "this is an R workspace", AS_PARQUET),
    (b"RDX3\n", "this is an R workspace", AS_PARQUET),
    (b"\xff\xfe\0\0", "this is UTF-32 text", AS_UTF_8),
    (b"\0\0\xfe\xff", "this is UTF-32 text", AS_UTF_8),
    (b"\xff\xfe", "this is UTF-16 text", AS_UTF_8),
    (b"\xfe\xff", "this is UTF-16 text", AS_UTF_8),
    (b"%PDF-", "this is a PDF document", "give the table as CSV"),
    (b"version https://git-lfs.", "this is a Git LFS pointer, not the file", "run git lfs pull"),
];

/// What a file is that begins with `head`; none where it may be text, gzip or Parquet.
pub(super) fn known(head: &[u8]) -> Option<Known> {
    let of = |problem, remedy| Some(Known { problem, remedy });
    if let Some((_, problem, remedy)) =
        SIGNATURES.iter().find(|(first, ..)| head.starts_with(first))
    {
        return of(problem, remedy);
    }
    let has = |part: &[u8]| head.windows(part.len()).any(|window| window == part);
    let at =
        |place: usize, part: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(part));
    let is_binary = head.iter().any(|byte| matches!(byte, 0..=8 | 14..=31));
    if [&b"PK\x03\x04"[..], b"PK\x05\x06", b"PK\x07\x08"]
        .iter()
        .any(|first| head.starts_with(first))
    {
        return if has(b"[Content_Types].xml") || has(b"xl/") {
            of("this is an Excel workbook (xlsx)", SAVE_SHEET)
        } else if has(b"opendocument.spreadsheet") {
            of("this is an OpenDocument spreadsheet (ods)", SAVE_SHEET)
        } else if has(b".npy") {
            of("this is a NumPy archive (npz)", AS_PARQUET)
        } else {
            of("this is a zip archive", UNPACK_ARCHIVE)
        };
    }
    // Text may begin with these letters.
    if at(4, b"1AY&SY") && head.starts_with(b"BZh") {
        return of("this is compressed with bzip2", UNPACK);
    }
    if head.starts_with(b"ORC") && is_binary {
        return of("this is an ORC file", AS_PARQUET);
    }
    if at(8, b"DUCK") && is_binary {
        return of("this is a DuckDB database", EXPORT);
    }
    if at(257, b"ustar") {
        return of("this is a tar archive", UNPACK_ARCHIVE);
    }
    if is_wide(head) {
        return of("this is UTF-16 text", AS_UTF_8);
    }
    let start = head.trim_ascii_start().to_ascii_lowercase();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        return of("this is a web page (HTML)", DOWNLOAD);
    }
    if start.starts_with(b"<?xml") || start.starts_with(b"<error>") {
        return of("this is XML", DOWNLOAD);
    }
    None
}

/// Whether this is text of two bytes a character without a mark: names of columns are letters of ASCII.
fn is_wide(head: &[u8]) -> bool {
    let zeros =
        |from: usize| head.iter().skip(from).step_by(2).take(8).filter(|byte| **byte == 0).count();
    head.len() >= 16 && matches!((zeros(0), zeros(1)), (8, 0) | (0, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &[u8]) -> Option<&'static str> {
        known(head).map(|known| known.problem)
    }

    #[test]
    fn what_is_neither_text_nor_parquet_is_called_what_it_is() {
        let wide = |text: &str, big: bool| -> Vec<u8> {
            let units = text.encode_utf16();
            units
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()
        };
        let zip =
            |name: &str| [b"PK\x03\x04\x14\0\0\0\x08\0", &[0; 20][..], name.as_bytes()].concat();
        let mut tar = b"ratings.csv".to_vec();
        tar.resize(257, 0);
        tar.extend_from_slice(b"ustar\x0000");
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (zip("ratings.csv"), "zip archive"),
            (b"PK\x05\x06\0\0".to_vec(), "zip archive"),
            (zip("[Content_Types].xml"), "Excel workbook (xlsx)"),
            (zip("xl/workbook.xml"), "Excel workbook (xlsx)"),
            (
                zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
                "OpenDocument spreadsheet",
            ),
            (zip("users.npy"), "NumPy archive"),
            (b"BZh91AY&SY\0".to_vec(), "bzip2"),
            (b"ORC\x0a\x03\0\0\x12".to_vec(), "ORC"),
            ([&[1; 8][..], b"DUCK"].concat(), "DuckDB"),
            (tar, "tar archive"),
            (wide("userId,movieId", false), "UTF-16"),
            (wide("userId,movieId", true), "UTF-16"),
            (wide("\u{feff}userId", false), "UTF-16"),
            (wide("\u{feff}userId", true), "UTF-16"),
            (b"\xff\xfe\0\0u\0\0\0".to_vec(), "UTF-32"),
            (b"\n<!DOCTYPE HTML>".to_vec(), "web page"),
            (b"<?xml version=\"1.0\"?><Error>".to_vec(), "XML"),
        ];
        for (head, expected) in cases {
            let said = told(&head);
            assert!(said.is_some_and(|said| said.contains(expected)), "{expected}: {said:?}");
        }
        for (first, problem, _) in SIGNATURES {
            assert_eq!(told(&[first, &b"rest"[..]].concat()), Some(*problem));
        }
    }

    #[test]
    fn text_is_nothing_else_whatever_it_begins_with() {
        let cases: [&[u8]; 10] = [
            b"",
            b"u",
            b"userId,movieId,rating,timestamp\n",
            "\u{feff}userId,movieId,rating,timestamp\n".as_bytes(),
            b"PK,user,item\n",
            b"ORC,user,item\n",
            b"BZh9,user,item\n",
            b"a,b,c,d,DUCK,user\n",
            b"user,item,rating,timestamp\na\0,\0b,3,7\n",
            b"{\"user\":\"<html\"}\n",
        ];
        for text in cases {
            assert_eq!(told(text), None, "{}", String::from_utf8_lossy(text));
        }
    }
}
