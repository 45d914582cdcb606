//! What `--print-config` prints: every option as a line of a file for `--config`, and where its value comes from.

use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::file::{FromFile, named};

const HEAD: &str = "# What akin-serve would run with, each value with where it comes from. Of those that are given several times the
# command line goes before the environment, that before the file, and that before the default.
";

/// The effective configuration, without secrets. The command gives the order of the options.
pub(super) fn shown(command: &Command, matches: &ArgMatches, file: &FromFile) -> String {
    let mut text = HEAD.to_owned();
    for (name, argument) in named(command) {
        let id = argument.get_id();
        let source = match matches.value_source(id.as_str()) {
            Some(ValueSource::CommandLine) => "command line".to_owned(),
            Some(ValueSource::EnvVariable) => {
                let variable = argument.get_env().unwrap_or_default();
                format!("environment, {}", variable.display())
            }
            Some(_) if file.has(id) => format!("file, {}", file.path.display()),
            _ => "default".to_owned(),
        };
        let _ = writeln!(text, "{:<50} # {source}", line(name, argument, matches));
    }
    text
}

/// As a line of TOML; a comment where the option has no value, or where that is secret: a list without its secrets would
/// let everybody in.
fn line(name: &str, argument: &Arg, matches: &ArgMatches) -> String {
    let Some(raw) = matches.get_raw(argument.get_id().as_str()) else {
        return format!("# {name}: none");
    };
    let values: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
    if argument.is_hide_env_values_set() {
        return format!("# {name}: {}, not shown", values.len());
    }
    let is_number =
        |text: &str| text.parse::<u64>().is_ok_and(|number| number.to_string() == *text);
    let quoted = |text: &String| match text.as_str() {
        number if is_number(number) => number.to_owned(),
        text => basic_string(text),
    };
    let value = match argument.get_action() {
        ArgAction::SetTrue => matches.get_flag(argument.get_id().as_str()).to_string(),
        ArgAction::Append => {
            let all: Vec<String> = values.iter().map(|text| basic_string(text)).collect();
            format!("[{}]", all.join(", "))
        }
        _ => values.first().map(quoted).unwrap_or_default(),
    };
    format!("{name} = {value}")
}

/// A basic string of TOML.
fn basic_string(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
