//! What `AKIN_LOG` may say: a typing error must not silence a program.

use std::ffi::OsString;

use thiserror::Error;

/// What is logged when nothing is said.
const DEFAULT: &str = "info";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A part of `AKIN_LOG` that says no level.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "AKIN_LOG: {0:?} is no level: error, warn, info, debug, trace or off; or levels of parts, such as \
     info,akin_serve::request=debug"
)]
pub struct LogLevelsError(String);

/// The value of `AKIN_LOG`, checked: levels, or `<module>=<level>`, separated by commas. `info` for what is not named.
///
/// # Errors
/// Names the first part that says no level.
pub fn log_levels(given: Option<OsString>) -> Result<String, LogLevelsError> {
    let given = given.unwrap_or_default();
    let text =
        given.to_str().ok_or_else(|| LogLevelsError(given.to_string_lossy().into_owned()))?;
    let is_level = |part: &str| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known))
    };
    // Without blanks: with one, the log would take a level for a module.
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    match parts.iter().find(|part| !is_level(part)) {
        Some(part) => Err(LogLevelsError((*part).to_owned())),
        // Of all that is not named, too: else a module's name that is mistyped would silence everything.
        None if parts.iter().all(|part| part.contains('=')) => {
            Ok([&[DEFAULT][..], &parts].concat().join(","))
        }
        None => Ok(parts.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_and_what_is_none_is_named() {
        let said = |text: &str| log_levels(Some(text.into())).map_err(|error| error.0);
        for good in ["warn", "INFO", "info,akin_serve::request=debug"] {
            assert_eq!(said(good), Ok(good.to_owned()));
        }
        assert_eq!(said("akin_srve=debug"), Ok("info,akin_srve=debug".to_owned()));
        assert_eq!(said(" info , akin_serve=off,"), Ok("info,akin_serve=off".to_owned()));
        for nothing in ["", " ", ","] {
            assert_eq!(said(nothing), Ok(DEFAULT.to_owned()), "{nothing:?}");
        }
        assert_eq!(log_levels(None), Ok(DEFAULT.to_owned()));
        for (bad, named) in [
            ("inf0", "inf0"),
            ("info,akin_serve", "akin_serve"),
            ("akin_serve=loud", "akin_serve=loud"),
            ("akin_serve= off", "akin_serve= off"),
        ] {
            assert_eq!(said(bad), Err(named.to_owned()));
        }
    }
}
