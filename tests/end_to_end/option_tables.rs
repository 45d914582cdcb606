//! The tables of options in docs/configuration.md, made from what the programs say of themselves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, CommandFactory};

const END: &str = "<!-- end of options -->";

/// Of the commands of akin-batch those whose options stand in a table, and which command's table says the rest of them.
const COMMANDS: [(&str, Option<&str>); 11] = [
    ("run", None),
    ("evaluate", Some("run")),
    ("tune", Some("run")),
    ("synth", None),
    ("versions", None),
    ("show", None),
    ("diff", None),
    ("rollback", None),
    ("gc", None),
    ("check", None),
    ("similarities", None),
];

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/configuration.md")
}

/// Whether it is one of every command.
fn is_usual(argument: &Arg) -> bool {
    use ArgAction::{Help, HelpLong, HelpShort, Version};
    let is_named_so = ["help", "version"].contains(&argument.get_id().as_str());
    // `show` has a `--version` of its own.
    is_named_so && !matches!(argument.get_action(), ArgAction::Set)
        || matches!(argument.get_action(), Help | HelpShort | HelpLong | Version)
}

/// How an option is written, and its variable.
fn name(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    let takes = argument.get_action().takes_values() && !values.is_empty();
    let again = matches!(argument.get_action(), ArgAction::Append) && argument.get_long().is_some();
    let several = if again && !values.ends_with("...") { "..." } else { "" };
    let optional = argument.get_num_args().is_some_and(|range| range.min_values() == 0);
    let value = match (takes, optional) {
        (true, true) => format!(" [{values}]"),
        (true, false) => format!(" <{values}>{several}"),
        _ => String::new(),
    };
    let mut names = match (argument.get_long(), argument.get_short()) {
        (Some(long), Some(short)) => format!("`-{short}`, `--{long}{value}`"),
        (Some(long), None) => format!("`--{long}{value}`"),
        _ => format!("`{}`", value.trim()),
    };
    if let Some(variable) = argument.get_env() {
        names += &format!(", `{}`", variable.to_str().unwrap());
    }
    names.replace('|', "\\|")
}

/// The default, and the rest of the help.
fn default_and_help(argument: &Arg) -> (String, String) {
    let help = argument.get_long_help().or(argument.get_help()).unwrap_or_default().to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (help, told) = match help.split_once("[default: ") {
        Some((before, after)) => {
            let (told, after) = after.split_once(']').unwrap();
            (format!("{}{after}", before.trim_end()), Some(told.to_owned()))
        }
        None => (help, None),
    };
    let takes_values = argument.get_action().takes_values();
    let values: Vec<&str> =
        argument.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    let default = match values[..] {
        _ if told.is_some() => told.unwrap(),
        [] if takes_values => String::new(),
        _ if takes_values => format!("`{}`", values.join(",")),
        _ => "off".to_owned(),
    };
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| takes_values)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let one_of = if possible.is_empty() {
        String::new()
    } else {
        format!(" One of {}.", possible.join(", "))
    };
    let ends = help.ends_with(['.', '!', '?']);
    let help = format!("{help}{}{one_of}", if ends { "" } else { "." });
    // Outside of code `<v>` would be a tag, which nobody sees.
    let parts = help.split('`').enumerate();
    let shown = parts.map(|(place, part)| match place % 2 {
        0 => part.replace('<', "\\<"),
        _ => part.to_owned(),
    });
    let help = shown.collect::<Vec<_>>().join("`");
    (default.replace('|', "\\|"), help.replace('|', "\\|"))
}

fn table(command: &Command, without: Option<&Command>) -> String {
    let left_out: BTreeSet<&str> =
        without.into_iter().flat_map(Command::get_arguments).filter_map(Arg::get_long).collect();
    let mut text = "| option | default | |\n|---|---|---|\n".to_owned();
    for argument in command.get_arguments().filter(|argument| !is_usual(argument)) {
        if argument.get_long().is_some_and(|long| left_out.contains(long)) || argument.is_hide_set()
        {
            continue;
        }
        let (default, help) = default_and_help(argument);
        text += &format!("| {} | {default} | {help} |\n", name(argument));
    }
    text
}

/// Every table by the program and command that it is of.
fn tables() -> Vec<(String, String)> {
    let batch = akin_batch::cli::command();
    let of = |name: &str| batch.find_subcommand(name).unwrap();
    let mut tables: Vec<(String, String)> = COMMANDS
        .iter()
        .map(|(name, without)| (format!("akin-batch {name}"), table(of(name), without.map(of))))
        .collect();
    let serve = akin_serve::options::Options::command();
    tables.push(("akin-serve".to_owned(), table(&serve, None)));
    tables
}

/// The page with its tables as they should be.
fn renewed(page: &str) -> String {
    let mut renewed = page.to_owned();
    for (of, table) in tables() {
        let begin = format!("<!-- options of {of} -->\n");
        let (before, rest) = renewed.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
        let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{of}: no {END}"));
        renewed = format!("{before}{begin}\n{table}\n{END}{after}");
    }
    renewed
}

/// `AKIN_BLESS=1` writes them, for `make bless`.
#[test]
fn the_tables_of_options_are_those_of_the_programs() {
    let written = std::fs::read_to_string(page()).unwrap();
    let expected = renewed(&written);
    if std::env::var_os("AKIN_BLESS").is_some() {
        std::fs::write(page(), &expected).unwrap();
    } else if let Some((is, should_be)) =
        written.lines().zip(expected.lines()).find(|(is, should_be)| is != should_be)
    {
        panic!("docs/configuration.md is out of date; run `make bless`\n{is}\n{should_be}");
    }
    assert!(std::env::var_os("AKIN_BLESS").is_some() || written == expected, "run `make bless`");
}

#[test]
fn every_option_stands_in_a_table_with_what_it_is_by_default() {
    let all: String = tables().into_iter().map(|(_, table)| table).collect();
    for expected in [
        "| `--top-k <N>` | `100` |",
        "| `--ratings <PATH\\|GLOB>...` |  |",
        "| `--guard [SHARE]` | 0.05 |",
        "| `--store <PATH>`, `AKIN_STORE` |  |",
        "| `--access-key <ID:SECRET>...`, `AKIN_ACCESS_KEYS` |  |",
        "| `--with-ledger` | off |",
        "| `--since <DATE>` |  |",
        "`sparse-ease`",
    ] {
        assert!(all.contains(expected), "{expected}\n{all}");
    }
    let batch = akin_batch::cli::command();
    let commands: BTreeSet<&str> = batch.get_subcommands().map(Command::get_name).collect();
    let page = std::fs::read_to_string(page().with_file_name("cli.md")).unwrap();
    for command in commands {
        assert!(page.contains(command), "docs/cli.md does not tell of {command}");
    }
    // Each option of the server is one of the environment, too, under its usual name or that in the table.
    let serve = akin_serve::options::Options::command();
    for argument in serve.get_arguments().filter(|argument| !is_usual(argument)) {
        assert!(argument.get_env().is_some() || argument.get_id() == "print_config", "{argument}");
    }
}
