//! Starts the programs in folders of their own, and cleans up after them.

mod batch;
mod http;
#[path = "../../ministack/mod.rs"]
mod ministack;
mod s3;
mod server;

pub use batch::{BatchRun, batch, batch_command};
pub use http::{Response, agent, get, metrics, post_rating, post_raw, send, send_raw};
pub use s3::environment as of_s3;
pub use s3::server as emulator;
pub use server::{Server, spoiled, wait_for};

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A folder with input files, a store and room for a server's data. Removed at the end. The store may be in a bucket.
pub struct Workplace {
    folder: tempfile::TempDir,
    bucket: Option<String>,
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
        let workplace = Self { folder: tempfile::tempdir().unwrap(), bucket: None };
        workplace.write("ratings.csv", RATINGS);
        workplace.write("movies.csv", ITEMS);
        workplace
    }

    /// The same, with its store below a prefix of a new bucket.
    pub fn on_s3() -> Self {
        Self { bucket: Some(s3::server().new_bucket()), ..Self::new() }
    }

    /// Puts an object into the bucket and says where it is.
    pub fn put(&self, key: &str, bytes: impl AsRef<[u8]>) -> String {
        let bucket = self.bucket.as_ref().unwrap();
        s3::server().put(bucket, key, bytes.as_ref());
        format!("s3://{bucket}/{key}")
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
        match &self.bucket {
            Some(bucket) => format!("s3://{bucket}/a/store"),
            None => self.text("store"),
        }
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
        let text = match &self.bucket {
            Some(bucket) => s3::text(bucket, "a/store/current.json"),
            None => std::fs::read_to_string(self.path("store/current.json")).unwrap(),
        };
        serde_json::from_str(&text).unwrap()
    }
}

/// A program that hears nothing but its arguments, and where S3 is if a test has asked for one.
fn command(program_name: &str) -> Command {
    isolated(Command::new(program(program_name)))
}

fn isolated(mut command: Command) -> Command {
    command.stdin(Stdio::null()).env_remove("AKIN_STORE").envs(s3::environment());
    command
}

/// The path of a program, built from the sources as they are now.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// Builds both programs in the profile that this test has, and says where they are. Does nothing when they are fresh.
/// With this test, because features that tests alone ask for would otherwise make it build every dependency twice; without the
/// other crates' tests, which nobody runs here.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().to_owned();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--workspace", "--bins", "--test", "end_to_end", "--locked", "--quiet"]);
    build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    if folder.file_name().unwrap() == "release" {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the programs do not build");
    folder
}
