//! What the disk takes for the least that a durable commit can do.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::failure::Failure;
use crate::latencies::{Latencies, Percentiles};

const ROUNDS: usize = 500;
const PAGE: usize = 4096;
/// Pages are overwritten in place, as a database does, so that the file's size is not written each time.
const PAGES: usize = 64;

/// How long the disk takes.
#[derive(Debug, Serialize)]
pub struct Report {
    kind: &'static str,
    folder: String,
    /// 4 KiB written in place and fdatasync, in microseconds.
    fdatasync: Percentiles,
}

/// Measures the disk below a folder.
///
/// # Errors
/// When it cannot be written.
pub fn measure(folder: &Path) -> Result<Report, Failure> {
    let name = folder.display().to_string();
    let path = folder.join("akin-load.disk");
    let measured = rounds(&path);
    let removed = std::fs::remove_file(&path);
    match measured.and_then(|latencies| removed.map(|()| latencies)) {
        Ok(latencies) => {
            Ok(Report { kind: "disk", folder: name, fdatasync: latencies.percentiles() })
        }
        Err(source) => Err(Failure::Disk { folder: name, source }),
    }
}

fn rounds(path: &Path) -> std::io::Result<Latencies> {
    let mut file = File::create(path)?;
    file.write_all(&vec![1; PAGE * PAGES])?;
    file.sync_all()?;
    let mut latencies = Latencies::default();
    for round in 0..ROUNDS {
        let before = Instant::now();
        file.seek(SeekFrom::Start((round % PAGES * PAGE) as u64))?;
        file.write_all(&vec![round as u8; PAGE])?;
        file.sync_data()?;
        latencies.push(before.elapsed());
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_measured_and_left_as_it_was() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert_eq!(measure(folder.path())?.fdatasync.count, ROUNDS);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        assert!(measure(&folder.path().join("nowhere")).is_err());
        Ok(())
    }
}
