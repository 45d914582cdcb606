#![allow(clippy::unwrap_used)]
use super::*;

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

#[test]
fn an_execution_of_the_first_format_is_read() {
    let fields = [vec![1], 7i64.to_le_bytes().to_vec(), text("abby"), text("1234"), text("{}")];
    let old = fields.concat();
    let record = read_execution(&old).unwrap();
    assert_eq!((record.started_at, &*record.user, &*record.item), (7, "abby", "1234"));
    assert_eq!((record.input.as_str(), record.rating, record.name), ("{}", None, None));
    for length in 0..old.len() {
        assert!(read_execution(&old[..length]).is_err(), "{length}");
    }
    let newer = read_execution(&[&[3], &old[1..]].concat()).unwrap_err().to_string();
    assert!(newer.contains("format 3 where 2 was expected"), "{newer}");
}

#[test]
fn an_output_that_an_older_program_packed_is_read() {
    let output = JsonText::of(&"recommendations é".repeat(50)).unwrap();
    let packed = lz4_flex::block::compress_with_dict(output.as_str().as_bytes(), USUAL_OUTPUT);
    let (stopped_at, length) = (9i64.to_le_bytes(), (output.as_str().len() as u64).to_le_bytes());
    let old = [&[1][..], &stopped_at, &[4], &length, &packed].concat();
    assert_eq!(read_end(&old), Ok((ExecutionStatus::Succeeded, 9)));
    assert_eq!(read_outcome(&old), Ok((Outcome::Succeeded(output.into()), 9)));
    for length in 0..old.len() {
        assert!(read_outcome(&old[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_length_beyond_the_record_and_a_status_and_a_change_that_nobody_wrote_are_errors() {
    let mut long = [&[1][..], &[0; 8], &[0], &text("{}")].concat();
    assert!(read_outcome(&long).is_ok());
    long[10..18].fill(0xff);
    assert!(read_outcome(&long).is_err());
    assert!(read_end(&[&[1][..], &[0; 8], &[9]].concat()).is_err());
    assert!(read_changes(&[3]).is_err());
}
