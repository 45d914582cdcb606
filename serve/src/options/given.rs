//! What the program is asked for: to serve, or to print something and end.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory, FromArgMatches, value_parser};
use clap_complete::Shell;

use super::Options;
use super::file::FromFile;
use super::shown::shown;

/// What the command line, the environment and a file ask for.
#[derive(Debug)]
pub enum Given {
    /// To serve.
    Options(Box<Options>),
    /// To print this, and end.
    Text(String),
}

/// Understands arguments, of which the first names the program. What they do not say comes from the environment, then from
/// the file of `--config`, then from the defaults.
///
/// # Errors
/// When something is not understood; clap's own way to end for `--help` and `--version`, too.
pub fn given(arguments: Vec<OsString>) -> Result<Given, clap::Error> {
    let plain = command();
    let (mut command, mut file) = (plain.clone(), FromFile::default());
    if let Some(path) = file_in(&plain, &arguments) {
        file = FromFile::read(&path, &plain)
            .map_err(|problem| command.error(ErrorKind::InvalidValue, problem))?;
        command = file.as_defaults(command);
    }
    let matches = command.clone().try_get_matches_from(arguments)?;
    if let Some((name, asked)) = matches.subcommand() {
        let text = match asked.try_get_one::<Shell>("shell").ok().flatten() {
            Some(shell) if name == COMPLETIONS => completions(*shell),
            _ => manual().map_err(|error| command.error(ErrorKind::Io, error))?,
        };
        return Ok(Given::Text(text));
    }
    let options = Options::from_arg_matches(&matches)?;
    if options.print_config {
        return Ok(Given::Text(shown(&plain, &matches, &file)));
    }
    Ok(Given::Options(Box::new(options)))
}

const COMPLETIONS: &str = "completions";

/// The options, and beside them what is printed for shells and for `man`.
fn command() -> Command {
    let shell = Arg::new("shell").required(true).value_parser(value_parser!(Shell));
    let completions = Command::new(COMPLETIONS)
        .about("Print what a shell completes options by: akin-serve completions bash")
        .arg(shell);
    let manual = Command::new("man").about("Print the manual page: akin-serve man > akin-serve.1");
    Options::command()
        .subcommand_negates_reqs(true)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommands([completions, manual])
}

/// The file that `--config` or its variable names, whatever else is wrong.
fn file_in(command: &Command, arguments: &[OsString]) -> Option<PathBuf> {
    let lenient = command.clone().ignore_errors(true).mut_args(|argument| argument.required(false));
    let matches = lenient.try_get_matches_from(arguments).ok()?;
    matches.try_get_one::<PathBuf>("config").ok().flatten().cloned()
}

fn completions(shell: Shell) -> String {
    let mut written = Vec::new();
    clap_complete::generate(shell, &mut command(), "akin-serve", &mut written);
    String::from_utf8_lossy(&written).into_owned()
}

fn manual() -> std::io::Result<String> {
    let mut written = Vec::new();
    clap_mangen::Man::new(command()).render(&mut written)?;
    Ok(String::from_utf8_lossy(&written).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(line: &str) -> Result<Given, clap::Error> {
        given(line.split(' ').map(OsString::from).collect())
    }

    fn printed(line: &str) -> String {
        match asked(line).unwrap() {
            Given::Text(text) => text,
            Given::Options(options) => panic!("{options:?}"),
        }
    }

    #[test]
    fn the_command_line_goes_before_a_file_and_that_before_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("akin.toml");
        let text = "store = \"s3://bucket/prefix\"\ndata-dir = \"d\"\nqueue = 7\nlog-json = true\n\
                    poll-interval = \"7s\"\naccess-key = [\"ID:SECRET\"]\nallow-origin = [\"https://a.example\"]\n";
        std::fs::write(&path, text).unwrap();
        let line = format!("akin-serve --config {} --queue 8", path.display());
        let Given::Options(options) = asked(&line).unwrap() else { panic!("{line}") };
        assert_eq!((options.store.as_str(), options.queue), ("s3://bucket/prefix", 8));
        assert!(options.log_json && options.access_keys.len() == 1);
        assert_eq!(options.poll_interval.as_secs(), 7);
        let shown = printed(&format!("{line} --print-config"));
        assert!(
            !shown.contains("SECRET") && shown.contains("# access-key: 1, not shown"),
            "{shown}"
        );
        let from = |name: &str| {
            let line = shown.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
            line.rsplit_once("# ").unwrap().1.split(',').next().unwrap().to_owned()
        };
        assert_eq!(
            ["store", "queue", "recommendations", "log-json", "allow-origin"].map(from),
            ["file", "command line", "default", "file", "file"]
        );
        // It can be read again, but for secrets.
        std::fs::write(&path, &shown).unwrap();
        let again = printed(&format!("akin-serve --config {} --print-config", path.display()));
        let values = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| line.split(" # ").next().unwrap().trim().to_owned()).collect()
        };
        assert_eq!(values(&again), values(&shown));
    }

    #[test]
    fn shells_and_man_are_told_of_every_option() {
        let options = Options::command();
        let names: Vec<&str> = options.get_arguments().filter_map(Arg::get_long).collect();
        assert!(names.len() > 25, "{names:?}");
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let text = printed(&format!("akin-serve completions {shell}"));
            for name in &names {
                assert!(text.contains(name), "{shell}: {name}");
            }
        }
        let manual = printed("akin-serve man");
        for name in &names {
            assert!(manual.contains(&name.replace('-', "\\-")), "{name}");
        }
        assert!(asked("akin-serve completions csh").is_err() && asked("akin-serve").is_err());
    }
}
