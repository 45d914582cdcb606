//! Where a comparison of versions starts.

use akin_schemas::Manifest;
use chrono::{DateTime, NaiveDate, Utc};

use super::history::History;
use crate::failure::Failure;

/// The version that a comparison starts from.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// By its name or number; the current one where none is given.
    Version(Option<&'a str>),
    /// The newest of those whose runs had started by then.
    Since(DateTime<Utc>),
}

impl<'a> Start<'a> {
    /// The one or the other, as the command line allows.
    pub fn given(version: Option<&'a str>, since: Option<DateTime<Utc>>) -> Self {
        since.map_or(Self::Version(version), Self::Since)
    }

    /// The manifest of the version.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(self, history: &History) -> Result<&Manifest, Failure> {
        let since = match self {
            Self::Version(version) => return history.find(version),
            Self::Since(since) => since,
        };
        history.manifests().find(|manifest| manifest.started_at <= since).ok_or_else(|| {
            let oldest = history.manifests().last().map_or_else(String::new, |oldest| {
                format!("; the oldest version is {} of {}", oldest.version, oldest.started_at)
            });
            Failure::Usage(format!("there was no version yet at {since}{oldest}"))
        })
    }
}

impl<'a> From<&'a String> for Start<'a> {
    fn from(version: &'a String) -> Self {
        Self::Version(Some(version))
    }
}

/// A date, which is its first moment in UTC, or a time as RFC 3339 writes it, as an argument.
///
/// # Errors
/// When it is neither.
pub fn since(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let date: Option<NaiveDate> = text.parse().ok();
    let midnight = date.and_then(|date| date.and_hms_opt(0, 0, 0));
    midnight
        .map(|time| time.and_utc())
        .ok_or_else(|| "a date is written 2026-11-24, and a time 2026-11-24T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_first_moment_in_utc() {
        let written = |text| since(text).map(|time| time.to_rfc3339());
        assert_eq!(written("2026-11-24").as_deref(), Ok("2026-11-24T00:00:00+00:00"));
        assert_eq!(
            written("2026-11-24T08:00:00+01:00").as_deref(),
            Ok("2026-11-24T07:00:00+00:00")
        );
        for text in ["", "yesterday", "24.11.2026", "2026-11-31", "2026-11-24 08:00"] {
            assert!(
                written(text).is_err_and(|said| said.contains("2026-11-24T08:00:00Z")),
                "{text}"
            );
        }
    }
}
