//! Parameters of a call, checked as the service model says. Unknown ones are passed over, as AWS does.

use serde_json::{Map, Value};

use super::failure::Failure;

/// UTF-8 bytes of an execution's input, and of its output, at most.
pub const LONGEST_DATA: usize = 262_144;

/// Characters of a value that is one of some; more are none of them.
const LONGEST_VALUE: usize = 64;

/// The members of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters(Map<String, Value>);

impl Parameters {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        let members = serde_json::from_slice(body);
        members.map(Self).map_err(|error| Failure::serialization(format!("the body: {error}")))
    }

    /// A text of at most `longest` characters, and at least one; none when it is absent.
    ///
    /// # Errors
    /// When it is no text, or too short or long.
    pub fn text(&self, member: &str, longest: usize) -> Result<Option<&str>, Failure> {
        let text = self.any_text(member, longest)?;
        if text == Some("") {
            let constraint = "Member must have length greater than or equal to 1";
            return Err(Failure::constraint("''", member, constraint));
        }
        Ok(text)
    }

    /// The same, and it may be empty.
    ///
    /// # Errors
    /// When it is no text, or too long.
    pub fn any_text(&self, member: &str, longest: usize) -> Result<Option<&str>, Failure> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= longest => Ok(Some(text)),
            Some(Value::String(text)) => Err(too_long(text, member, longest)),
            Some(_) => Err(Failure::serialization(format!("`{member}` is not a string"))),
        }
    }

    /// `input`: at most [`LONGEST_DATA`], and maybe empty.
    ///
    /// # Errors
    /// When it is no text, or too long.
    pub fn input(&self) -> Result<Option<&str>, Failure> {
        const MEMBER: &str = "input";
        match self.any_text(MEMBER, LONGEST_DATA)? {
            Some(text) if text.len() > LONGEST_DATA => Err(too_long(text, MEMBER, LONGEST_DATA)),
            text => Ok(text),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is absent, or as for [`Parameters::text`].
    pub fn required(&self, member: &str, longest: usize) -> Result<&str, Failure> {
        let absent = || Failure::constraint("null", member, "Member must not be null");
        self.text(member, longest)?.ok_or_else(absent)
    }

    /// `maxResults`: 100 when it is 0 or absent.
    ///
    /// # Errors
    /// When it is not from 0 to 1000.
    pub fn max_results(&self) -> Result<usize, Failure> {
        const MEMBER: &str = "maxResults";
        let number = match self.0.get(MEMBER) {
            None | Some(Value::Null) => return Ok(100),
            Some(Value::Number(number)) => number.as_i64(),
            Some(_) => None,
        };
        match number {
            None => Err(Failure::serialization(format!("`{MEMBER}` is not an integer"))),
            Some(0) => Ok(100),
            Some(number) => usize::try_from(number).ok().filter(|n| *n <= 1000).ok_or_else(|| {
                let bound = if number < 0 {
                    "greater than or equal to 0"
                } else {
                    "less than or equal to 1000"
                };
                Failure::constraint(
                    &number.to_string(),
                    MEMBER,
                    &format!("Member must have value {bound}"),
                )
            }),
        }
    }

    /// One of some values; none when it is absent.
    ///
    /// # Errors
    /// When it is no text, or another one.
    pub fn one_of<T: Copy>(
        &self,
        member: &str,
        values: &[(&str, T)],
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.any_text(member, LONGEST_VALUE)? else { return Ok(None) };
        if let Some((_, value)) = values.iter().find(|(name, _)| *name == text) {
            return Ok(Some(*value));
        }
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let constraint = format!("Member must satisfy enum value set: [{}]", names.join(", "));
        Err(Failure::constraint(&format!("'{text}'"), member, &constraint))
    }

    /// `includedData`: whether inputs, outputs and definitions are asked for, and not what is about them alone.
    ///
    /// # Errors
    /// When it is neither `ALL_DATA` nor `METADATA_ONLY`.
    pub fn with_data(&self) -> Result<bool, Failure> {
        let values = [("ALL_DATA", true), ("METADATA_ONLY", false)];
        Ok(self.one_of("includedData", &values)?.unwrap_or(true))
    }

    /// A switch; `default` when it is absent.
    ///
    /// # Errors
    /// When it is no boolean.
    pub fn switch(&self, member: &str, default: bool) -> Result<bool, Failure> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Bool(on)) => Ok(*on),
            Some(_) => Err(Failure::serialization(format!("`{member}` is not a boolean"))),
        }
    }
}

fn too_long(text: &str, member: &str, longest: usize) -> Failure {
    let shown: String = text.chars().take(200).collect();
    let constraint = format!("Member must have length less than or equal to {longest}");
    Failure::constraint(&format!("'{shown}'"), member, &constraint)
}
