//! Running akin-batch.

use std::process::{Command, Output};

use super::command;

/// A finished run.
#[derive(Debug)]
pub struct BatchRun {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl BatchRun {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// The JSON summary of a run that published.
    #[track_caller]
    pub fn summary(&self) -> serde_json::Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The last line on standard error: the one error.
    pub fn error(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// A command that is ready to be spawned.
pub fn batch_command(arguments: &[&str]) -> Command {
    let mut command = command("akin-batch");
    command.args(arguments);
    command
}

/// Runs akin-batch to its end.
pub fn batch(arguments: &[&str]) -> BatchRun {
    BatchRun::of(batch_command(arguments).output().unwrap())
}
