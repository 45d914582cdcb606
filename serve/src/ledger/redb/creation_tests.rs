#![allow(clippy::unwrap_used)]
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::tempdir;

use super::*;
use crate::ledger::Submission;

fn open(folder: &Path) -> Result<RedbLedger, LedgerError> {
    RedbLedger::open(folder, Opening::default())
}

/// The error of an opening that must not succeed.
fn refusal(folder: &Path) -> LedgerError {
    open(folder).err().unwrap()
}

#[test]
fn a_first_start_that_died_half_way_needs_no_hand() {
    let whole = tempdir().unwrap();
    drop(open(whole.path()).unwrap());
    let whole = fs::read(whole.path().join("ledger.redb")).unwrap();
    for length in [0, 1, 100, 512, 4096, whole.len() / 2, whole.len() - 1, whole.len()] {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("ledger.redb.new"), &whole[..length]).unwrap();
        let ledger = open(folder.path()).unwrap();
        assert!(ledger.origin().as_str().starts_with("ledger-"));
        assert!(!folder.path().join("ledger.redb.new").exists(), "{length}");
    }
}

#[test]
fn a_first_start_killed_at_any_moment_needs_no_hand() {
    const FOLDER: &str = "AKIN_TEST_CREATE_IN";
    if let Some(folder) = std::env::var_os(FOLDER) {
        // The program that is killed: this one, started again for this test alone.
        eprintln!("creating");
        drop(open(Path::new(&folder)));
        return;
    }
    let name = format!("{}::a_first_start_killed_at_any_moment_needs_no_hand", module_path!());
    let name = name.split_once("::").unwrap().1;
    let mut unfinished = 0;
    for round in 0..30 {
        let folder = tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        let child = child.args([name, "--exact", "--nocapture"]).env(FOLDER, folder.path());
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.map_while(Result::ok).any(|line| line == "creating"));
        thread::sleep(Duration::from_micros(round * round * 20));
        child.kill().unwrap();
        child.wait().unwrap();
        unfinished += usize::from(!folder.path().join("ledger.redb").exists());
        open(folder.path()).unwrap();
    }
    assert!(unfinished > 0, "never killed early enough");
}

#[test]
fn a_new_ledger_has_a_random_name_and_keeps_it() {
    let folder = tempdir().unwrap();
    let deep = folder.path().join("a/b");
    let origin = open(&deep).unwrap().origin();
    let name = origin.as_str().strip_prefix("ledger-").unwrap();
    assert_eq!(name.len(), 9);
    assert!(name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'2'..=b'7')), "{name}");
    assert_eq!(open(&deep).unwrap().origin(), origin);
    assert_ne!(open(folder.path()).unwrap().origin(), origin);
}

#[test]
fn a_second_server_is_refused_with_the_path_and_a_remedy() {
    let folder = tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let error = refusal(folder.path());
    let path = folder.path().join("ledger.redb").display().to_string();
    assert_eq!(error, LedgerError::Held { path: path.clone() });
    assert!(error.to_string().contains(&path) && error.to_string().contains("stop it"), "{error}");
    drop(first);
    let ledger = open(folder.path()).unwrap();
    // Even where somebody has removed the lock.
    fs::remove_file(folder.path().join("ledger.lock")).unwrap();
    assert_eq!(refusal(folder.path()), LedgerError::Held { path });
    drop(ledger);
    // And while it is still about to create its file.
    let folder = tempdir().unwrap();
    let lock = fs::File::create(folder.path().join("ledger.lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(refusal(folder.path()), LedgerError::Held { .. }));
}

#[test]
fn a_damaged_file_is_refused_and_not_replaced() {
    let whole = tempdir().unwrap();
    drop(open(whole.path()).unwrap());
    let whole = fs::read(whole.path().join("ledger.redb")).unwrap();
    let mut flipped = whole.clone();
    flipped.iter_mut().skip(100).for_each(|byte| *byte ^= 0x55);
    for bytes in [&b""[..], b"not a ledger", &whole[..whole.len() / 3], &flipped, &[0; 8192]] {
        let folder = tempdir().unwrap();
        let path = folder.path().join("ledger.redb");
        fs::write(&path, bytes).unwrap();
        let error = refusal(folder.path());
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
        assert_eq!(fs::read(&path).unwrap().len(), bytes.len());
    }
}

#[test]
fn any_flipped_page_of_a_ledger_is_found_when_verifying() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path()).unwrap();
    let (user, item) = (UserId::try_from("abby").unwrap(), ItemId::try_from("1").unwrap());
    let input = "needle".repeat(2000);
    ledger.accept(&[Submission { user, item, rating: None, input }], &[], 1).unwrap();
    drop(ledger);
    let path = folder.path().join("ledger.redb");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(12).position(|window| window == b"needleneedle").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = RedbLedger::open(folder.path(), Opening { verify: true, ..Opening::default() });
    let error = error.err().unwrap();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_closed_ledger_opens_again_though_a_child_still_has_its_files() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path()).unwrap();
    // What a fork leaves in the child until it runs another program.
    let in_the_child = ledger._lock.as_ref().unwrap().0.try_clone().unwrap();
    drop(ledger);
    open(folder.path()).unwrap();
    drop(in_the_child);
}

#[test]
fn a_newer_format_asks_for_an_upgrade() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path()).unwrap();
    let newer = |transaction: &WriteTransaction| {
        let mut counters = transaction.open_table(tables::COUNTERS)?;
        counters.insert(tables::FORMAT_COUNTER, tables::FORMAT + 1)?;
        Ok(())
    };
    ledger.write(newer).unwrap();
    drop(ledger);
    let error = refusal(folder.path());
    let is_newer = matches!(error, LedgerError::Format { found: 7, known: 6, .. });
    assert!(is_newer, "{error:?}");
    assert!(error.to_string().contains("upgrade"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = refusal(&path);
        assert!(matches!(error, LedgerError::Folder { .. }), "{error:?}");
        assert!(error.to_string().contains("file"), "{error}");
    }
    // Root may write anywhere else; a folder in the way of the file fails for everybody.
    fs::create_dir(folder.path().join("ledger.redb.new")).unwrap();
    assert!(matches!(refusal(folder.path()), LedgerError::Folder { .. }));
}
