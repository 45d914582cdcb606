//! `s3://bucket/path`, taken apart.

use crate::error::{ErrorKind, StoreError};

/// A bucket, and a path in it: without a slash at its beginning, as given at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Location {
    pub bucket: String,
    pub path: String,
}

impl S3Location {
    /// Takes a location apart.
    ///
    /// # Errors
    /// When it is not `s3://`, a bucket's name and a path without empty steps.
    pub fn parse(location: &str) -> Result<Self, StoreError> {
        let refuse = |cause: &str| {
            let cause = format!("{cause}; write s3://bucket/path");
            Err(StoreError::new(ErrorKind::Failed, "open", location, cause))
        };
        let Some(rest) = location.strip_prefix("s3://") else {
            return refuse("this is no S3 location");
        };
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-".contains(&c);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(allowed) {
            return refuse(
                "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens",
            );
        }
        let steps = path.strip_suffix('/').unwrap_or(path);
        // Clients and proxies tidy such paths up, each in its own way.
        if !path.is_empty() && steps.split('/').any(|step| ["", ".", ".."].contains(&step)) {
            return refuse("the path has an empty step, `.` or `..`");
        }
        Ok(Self { bucket: bucket.to_owned(), path: path.to_owned() })
    }

    /// The path as a folder: empty, or with a slash at its end.
    pub fn folder(&self) -> String {
        match self.path.as_str() {
            "" => String::new(),
            path => format!("{}/", path.strip_suffix('/').unwrap_or(path)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_bucket_and_a_path() {
        for (location, bucket, path, folder) in [
            ("s3://my-bucket", "my-bucket", "", ""),
            ("s3://my-bucket/", "my-bucket", "", ""),
            ("s3://my.bucket/a/b", "my.bucket", "a/b", "a/b/"),
            ("s3://my-bucket/a/b c/", "my-bucket", "a/b c/", "a/b c/"),
        ] {
            let parsed = S3Location::parse(location).unwrap();
            assert_eq!((&*parsed.bucket, &*parsed.path), (bucket, path));
            assert_eq!(parsed.folder(), folder);
        }
    }

    #[test]
    fn what_is_no_location_is_refused_with_the_remedy() {
        for location in [
            "s3://",
            "s3:///a",
            "s3://My_Bucket/a",
            "s3://ab",
            "s3://bucket//",
            "s3://bucket/a//b",
            "s3://bucket/a/../b",
            "gs://bucket/a",
        ] {
            let error = S3Location::parse(location).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.ends_with("write s3://bucket/path"), "{location}: {cause}");
        }
    }
}
