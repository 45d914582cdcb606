//! Starts the programs in folders of their own, and cleans up after them.

mod batch;
mod http;
mod server;

pub use batch::{BatchRun, batch, batch_command};
pub use http::{Response, get, post_rating, post_raw};
pub use server::{Server, wait_for};

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A folder with input files, a store and room for a server's data. Removed at the end.
pub struct Workplace {
    folder: tempfile::TempDir,
}

/// Three users who agree on 1 and 2, and one who likes 3 and 4.
pub const RATINGS: &str = "\
userId,movieId,rating,timestamp
ann,1,5,1000
ann,2,4.5,1001
bob,1,4,1002
bob,2,5,1003
bob,3,1,1004
cat,1,4.5,1005
cat,2,4,1006
dan,3,5,1007
dan,4,5,1008
";

pub const ITEMS: &str = "\
movieId,title,genres
1,\"Harbour Lights, The (1999)\",Drama|Romance
2,Second Wind (2001),Drama
3,Iron Comet (1984),Sci-Fi
4,Quiet Orbit (1992),Sci-Fi|Thriller
5,Never Rated (2020),(no genres listed)
";

impl Workplace {
    /// With the small ratings and catalogue above.
    pub fn new() -> Self {
        let workplace = Self { folder: tempfile::tempdir().unwrap() };
        workplace.write("ratings.csv", RATINGS);
        workplace.write("movies.csv", ITEMS);
        workplace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.text(name)
    }

    /// A path as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn store(&self) -> String {
        self.text("store")
    }

    /// Publishes the small ratings, with further arguments.
    pub fn publish(&self, more: &[&str]) -> BatchRun {
        let (ratings, items, store) =
            (self.text("ratings.csv"), self.text("movies.csv"), self.store());
        let arguments =
            ["run", "--ratings", &ratings, "--items", &items, "--store", &store, "--json"];
        batch(&[&arguments, more].concat())
    }

    /// The manifest's body that `current.json` shows.
    pub fn current(&self) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path("store/current.json")).unwrap()).unwrap()
    }
}

/// The path of a program, built from the sources as they are now.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// Builds both programs in the profile that this test has, and says where they are. Does nothing when they are fresh.
/// With `--tests`, because features that tests alone ask for would otherwise make it build every dependency twice.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().to_owned();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--workspace", "--bins", "--tests", "--locked", "--quiet"]);
    build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    if folder.file_name().unwrap() == "release" {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the programs do not build");
    folder
}
