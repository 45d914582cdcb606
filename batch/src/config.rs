//! Options from a file: one JSON object, whose keys are the long names of a command's options.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value};

/// The arguments with those of the file that `--config` names, where the command has that option. What stands on the
/// command line goes before what stands in the file.
///
/// # Errors
/// When the file cannot be read, is no JSON object, or holds a key that is no option of the command.
pub fn with_config(arguments: Vec<OsString>, program: &Command) -> Result<Vec<OsString>, String> {
    let command = arguments.get(1).and_then(|name| program.find_subcommand(name));
    let Some(command) = command.filter(|command| option(command, "config").is_some()) else {
        return Ok(arguments);
    };
    let Some(file) = value_of(&arguments, "--config") else { return Ok(arguments) };
    let path = Path::new(&file);
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("{}: could not be read ({error}); check --config", path.display())
    })?;
    let from_file = options_of(&text, command, &arguments)
        .map_err(|problem| format!("{}: {problem}", path.display()))?;
    let (before, after) = arguments.split_at(2);
    let from_file = from_file.into_iter().map(OsString::from);
    Ok(before.iter().cloned().chain(from_file).chain(after.iter().cloned()).collect())
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| argument.get_long() == Some(name))
}

fn value_of(arguments: &[OsString], name: &str) -> Option<OsString> {
    let at = arguments.iter().position(|argument| is_option(argument, name))?;
    let text = arguments[at].to_str();
    match text.and_then(|text| text.split_once('=')) {
        Some((_, value)) => Some(value.into()),
        None => arguments.get(at + 1).cloned(),
    }
}

/// Whether an argument is `--name` or `--name=...`.
fn is_option(argument: &OsStr, name: &str) -> bool {
    let rest = argument.to_str().and_then(|text| text.strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The options of `command` that a JSON object holds, as arguments, but for those among `arguments`.
///
/// # Errors
/// When it is no JSON object, or holds a key that is no option of the command.
pub fn options_of(
    text: &str,
    command: &Command,
    arguments: &[OsString],
) -> Result<Vec<String>, String> {
    let object: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!("this is no JSON object of options ({error}); correct it"))?;
    let mut options = Vec::new();
    for (key, value) in &object {
        let known = option(command, key).filter(|_| !matches!(key.as_str(), "config" | "help"));
        let Some(known) = known else {
            let name = command.get_name();
            return Err(format!(
                "{key:?} is no option of {name}; remove it, or see akin-batch {name} --help"
            ));
        };
        if !arguments.iter().any(|argument| is_option(argument, &format!("--{key}"))) {
            let is_flag = matches!(known.get_action(), ArgAction::SetTrue);
            options.extend(written(key, value, is_flag)?);
        }
    }
    Ok(options)
}

fn written(key: &str, value: &Value, is_flag: bool) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(format!("--{key}={text}")),
        Value::Number(number) => Ok(format!("--{key}={number}")),
        _ => Err(format!("{key:?} cannot be {value}; give a text, a number or a list of them")),
    };
    match (value, is_flag) {
        (Value::Bool(is_on), true) => Ok(is_on.then(|| format!("--{key}")).into_iter().collect()),
        (_, true) => Err(format!("{key:?} cannot be {value}; it is true or false")),
        (Value::Array(values), false) => values.iter().map(one).collect(),
        (value, false) => Ok(vec![one(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{arg, value_parser};

    fn program() -> Command {
        let run = Command::new("run")
            .arg(arg!(--config <FILE>).value_parser(value_parser!(String)))
            .arg(arg!(--measure <NAME>))
            .arg(arg!(--ratings <PATH> ...))
            .arg(arg!(--json));
        Command::new("akin-batch").subcommand(run).subcommand(Command::new("check"))
    }

    fn with(config: &str, line: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join("c.json");
        std::fs::write(&path, config).map_err(|error| error.to_string())?;
        let line = line.replace("FILE", &path.display().to_string());
        let arguments = line.split_whitespace().map(OsString::from).collect();
        let found = with_config(arguments, &program())?;
        let found: Vec<_> = found.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        Ok(found.join(" ").replace(&path.display().to_string(), "FILE"))
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let config = r#"{"measure": "lift", "json": true, "ratings": ["a", "b"]}"#;
        let all = "p run --json --measure=lift --ratings=a --ratings=b --config FILE";
        assert_eq!(with(config, "p run --config FILE").as_deref(), Ok(all));
        let some = "p run --json --config=FILE --measure dice --ratings=c";
        assert_eq!(
            with(config, "p run --config=FILE --measure dice --ratings=c").as_deref(),
            Ok(some)
        );
        assert_eq!(
            with(r#"{"json": false}"#, "p run --config FILE").as_deref(),
            Ok("p run --config FILE")
        );
        assert_eq!(with("{}", "p check").as_deref(), Ok("p check"));
    }

    #[test]
    fn what_is_no_option_is_refused_by_name() {
        for (config, expected) in [
            (r#"{"mesure": "lift"}"#, "\"mesure\" is no option of run; remove it"),
            (r#"{"config": "x"}"#, "\"config\" is no option"),
            (r#"{"measure": null}"#, "\"measure\" cannot be null"),
            (r#"{"json": 1}"#, "it is true or false"),
            ("measure = 1", "no JSON object"),
        ] {
            let refused = with(config, "p run --config FILE");
            assert!(refused.as_ref().is_err_and(|text| text.contains(expected)), "{refused:?}");
        }
        let missing = with_config(
            ["p", "run", "--config", "/no/such"].map(OsString::from).into(),
            &program(),
        );
        assert!(missing.is_err_and(|text| text.contains("check --config")));
    }
}
