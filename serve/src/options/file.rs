//! Options from a file in TOML: each key is the long name of an option.

use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command};
use toml::de::{DeTable, DeValue};

/// What stands in a file does not name another one, nor asks for anything to be printed.
const NOT_IN_A_FILE: [&str; 4] = ["config", "print-config", "help", "version"];

/// The values of options in a file, by the options' ids.
#[derive(Debug, Default)]
pub(super) struct FromFile {
    pub(super) path: PathBuf,
    values: Vec<(clap::Id, Vec<String>)>,
}

impl FromFile {
    /// Reads a file, of which every key must be an option of the command, with a value that the option takes.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or a key or a value is not understood: the text names the file, the line and the
    /// key.
    pub(super) fn read(path: &Path, command: &Command) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}; check --config", path.display()))?;
        let place = |at: usize| {
            let line = text[..at].matches('\n').count() + 1;
            format!("{}, line {line}", path.display())
        };
        let table = DeTable::parse(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("{}: this is no TOML ({})", place(at), error.message())
        })?;
        let mut values = Vec::new();
        for (key, value) in table.get_ref() {
            let (at, name) = (place(key.span().start), key.get_ref().as_ref());
            let argument = option(command, name).ok_or_else(|| unknown(&at, name, command))?;
            let given = texts(value.get_ref(), argument)
                .map_err(|expected| format!("{at}: {name}: {expected}"))?;
            taken(argument, &given).map_err(|problem| format!("{at}: {problem}"))?;
            values.push((argument.get_id().clone(), given));
        }
        Ok(Self { path: path.to_owned(), values })
    }

    pub(super) fn has(&self, id: &clap::Id) -> bool {
        self.values.iter().any(|(known, _)| known == id)
    }

    /// The command, with the file's values as defaults: the command line and the environment go before them.
    pub(super) fn as_defaults(&self, command: Command) -> Command {
        self.values.iter().fold(command, |command, (id, values)| {
            let values = values.clone();
            command.mut_arg(id, |argument| argument.required(false).default_values(values))
        })
    }
}

/// The options that a file may hold, by their names.
pub(super) fn named(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let named = command.get_arguments().filter_map(|one| Some((one.get_long()?, one)));
    named.filter(|(name, _)| !NOT_IN_A_FILE.contains(name))
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    named(command).find_map(|(known, argument)| (known == name).then_some(argument))
}

fn unknown(place: &str, name: &str, command: &Command) -> String {
    let alike = |other: &str| strsim::jaro_winkler(&name.replace('_', "-").to_lowercase(), other);
    let mut known: Vec<&str> = named(command).map(|(name, _)| name).collect();
    known.sort_by(|one, other| alike(other).total_cmp(&alike(one)));
    let nearest = known.first().copied().unwrap_or_default();
    format!(
        "{place}: {name:?} is no option; the nearest that there is: {nearest:?}. Correct or remove it"
    )
}

/// A value as the command line would give it; what was expected, when it is of another kind.
fn texts(value: &DeValue, argument: &Arg) -> Result<Vec<String>, String> {
    let is_flag = matches!(argument.get_action(), ArgAction::SetTrue);
    let is_list = matches!(argument.get_action(), ArgAction::Append);
    match value {
        DeValue::Boolean(is_on) if is_flag => Ok(vec![is_on.to_string()]),
        _ if is_flag => Err("true or false is wanted".to_owned()),
        DeValue::String(text) => Ok(vec![text.to_string()]),
        DeValue::Integer(number) if number.radix() == 10 => Ok(vec![number.as_str().to_owned()]),
        DeValue::Float(number) => Ok(vec![number.as_str().to_owned()]),
        DeValue::Array(values) if is_list => {
            let each = values.iter().map(|value| match value.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                _ => Err("each of the list must be a text in quotes".to_owned()),
            });
            each.collect()
        }
        _ if is_list => Err("a list of texts in quotes is wanted".to_owned()),
        _ => Err("a text in quotes or a number is wanted".to_owned()),
    }
}

/// Whether the option takes these values, whatever else is given.
fn taken(argument: &Arg, values: &[String]) -> Result<(), String> {
    let alone = argument.clone().required(false).env(Resettable::Reset);
    let name = argument.get_long().unwrap_or_default();
    let is_flag = matches!(argument.get_action(), ArgAction::SetTrue);
    let given = values.iter().filter(|_| !is_flag).map(|value| format!("--{name}={value}"));
    let line = std::iter::once("file".to_owned()).chain(given);
    let parsed = Command::new("file").arg(alone).try_get_matches_from(line);
    parsed.map(drop).map_err(|error| {
        if argument.is_hide_env_values_set() {
            let form = argument.get_value_names().and_then(<[_]>::first).map_or("", |form| form);
            return format!("{name}: each must be {form}; what stands there is not shown");
        }
        let text = error.to_string();
        let said = text.lines().next().unwrap_or_default();
        said.trim_start_matches("error: ").to_owned()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory;

    use super::*;
    use crate::options::Options;

    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("akin.toml");
        std::fs::write(&path, text).unwrap();
        let problem = FromFile::read(&path, &Options::command()).unwrap_err();
        problem.replace(&path.display().to_string(), "akin.toml")
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_place_and_what_is_nearest() {
        for (text, expected) in [
            (
                "# a file\nstor = \"s\"",
                "akin.toml, line 2: \"stor\" is no option; the nearest that there is: \"store\"",
            ),
            (
                "data_dir = \"d\"",
                "\"data_dir\" is no option; the nearest that there is: \"data-dir\"",
            ),
            ("config = \"x\"", "\"config\" is no option"),
            ("print-config = true", "\"print-config\" is no option"),
            ("[server]\nstore = \"s\"", "line 1: \"server\" is no option"),
            ("queue = 0", "invalid value '0' for '--queue <N>'"),
            ("queue = true", "queue: a text in quotes or a number is wanted"),
            ("log-json = 1", "log-json: true or false is wanted"),
            ("poll-interval = \"soon\"", "invalid value 'soon' for '--poll-interval <DURATION>'"),
            ("allow-origin = [1]", "each of the list must be a text in quotes"),
            ("store = ", "line 1: this is no TOML"),
            ("store = \"a\"\nstore = \"b\"", "line 2: this is no TOML"),
        ] {
            let said = refused(text);
            assert!(
                said.starts_with("akin.toml, line ") && said.contains(expected),
                "{text}: {said}"
            );
        }
        let missing = FromFile::read(Path::new("/no/such"), &Options::command());
        assert!(missing.unwrap_err().ends_with("; check --config"));
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let said = refused("access-key = [\"verysecret\"]");
        assert!(
            !said.contains("verysecret") && said.contains("access-key: each must be ID:SECRET"),
            "{said}"
        );
    }
}
