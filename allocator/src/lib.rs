//! The memory of both programs: their allocator, and giving back what was freed.
//!
//! A room of its own because it calls C itself, which takes `unsafe`: nothing else here does.

pub use mimalloc::MiMalloc;

/// Gives the system back what this thread and those that have ended let go of, at once and on this thread's time. Without it
/// the allocator does so a tenth of a second later, on the time of whichever thread frees or asks for something then: for a
/// version that is no longer needed it held up the ledger for 11 ms. What ended threads left would stay for long.
pub fn give_back() {
    // SAFETY: it takes no pointer and may be called on any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, io, thread};

    use super::*;

    #[global_allocator]
    static ALLOCATOR: MiMalloc = MiMalloc;

    /// Bytes that this process has in memory; pages are of 4 KiB or more.
    fn resident_bytes() -> io::Result<u64> {
        let pages = fs::read_to_string("/proc/self/statm")?;
        let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.map(|pages| pages * 4096).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    #[test]
    fn what_an_ended_thread_left_and_this_one_frees_is_given_back() -> io::Result<()> {
        const MIB: usize = 1 << 20;
        let taken = thread::spawn(|| (0..64).map(|_| vec![1_u8; MIB]).collect::<Vec<_>>()).join();
        let before = resident_bytes()?;
        drop(taken);
        give_back();
        let after = resident_bytes()?;
        assert!(after + 60 * MIB as u64 <= before, "{before} bytes, then {after}");
        Ok(())
    }
}
