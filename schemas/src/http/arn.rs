//! Execution handles, in the form that Step Functions gives them.

use std::fmt;

use thiserror::Error;

const LONGEST_REGION: usize = 32;
const LONGEST_NAME: usize = 80;

/// The one machine that a server is, in the words of the Step Functions protocol. All handles begin with its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateMachine {
    region: String,
    account: String,
    name: String,
}

/// A part of an ARN that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StateMachineError {
    /// The region.
    #[error("a region has 1 to {LONGEST_REGION} characters of a-z, 0-9 and -, unlike {0:?}")]
    Region(String),
    /// The account.
    #[error("an account has 12 digits, unlike {0:?}")]
    Account(String),
    /// The machine's name.
    #[error(
        "a state machine's name has 1 to {LONGEST_NAME} characters of A-Z, a-z, 0-9, - and _, unlike {0:?}"
    )]
    Name(String),
}

/// The text is not the handle of an execution of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an executionArn of this server starts with {0}")]
pub struct ArnError(String);

impl Default for StateMachine {
    /// A machine that is not at AWS.
    fn default() -> Self {
        let [region, account, name] =
            [Self::DEFAULT_REGION, Self::DEFAULT_ACCOUNT, Self::DEFAULT_NAME].map(str::to_owned);
        Self { region, account, name }
    }
}

impl StateMachine {
    /// Where nobody says it: the region.
    pub const DEFAULT_REGION: &str = "local";
    /// Where nobody says it: the account.
    pub const DEFAULT_ACCOUNT: &str = "000000000000";
    /// Where nobody says it: the name.
    pub const DEFAULT_NAME: &str = "akin";

    /// A machine with these parts of its ARN. With the longest ones a handle has 232 characters at most; the protocol
    /// allows 256.
    ///
    /// # Errors
    /// Names the part that cannot be one, and its form.
    pub fn new(region: &str, account: &str, name: &str) -> Result<Self, StateMachineError> {
        let region = checked_region(region)?;
        let account = checked_account(account)?;
        Ok(Self { region, account, name: checked_name(name)? })
    }

    /// The account.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The machine's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The machine's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:states:{}:{}:stateMachine:{}", self.region, self.account, self.name)
    }

    /// The handle of the execution with this name.
    pub fn execution_arn(&self, execution: &str) -> String {
        format!("{self}{execution}")
    }

    /// The name in a handle.
    ///
    /// # Errors
    /// When the text is not a handle of this machine.
    pub fn execution_name<'a>(&self, arn: &'a str) -> Result<&'a str, ArnError> {
        let prefix = self.to_string();
        let name = arn.strip_prefix(prefix.as_str()).filter(|name| !name.is_empty());
        name.ok_or(ArnError(prefix))
    }
}

impl fmt::Display for StateMachine {
    /// What all handles begin with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:states:{}:{}:execution:{}:", self.region, self.account, self.name)
    }
}

/// A region.
///
/// # Errors
/// When the text is none.
pub fn checked_region(text: &str) -> Result<String, StateMachineError> {
    let is_one = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if (1..=LONGEST_REGION).contains(&text.len()) && text.bytes().all(is_one) {
        Ok(text.to_owned())
    } else {
        Err(StateMachineError::Region(text.to_owned()))
    }
}

/// An account.
///
/// # Errors
/// When the text is none.
pub fn checked_account(text: &str) -> Result<String, StateMachineError> {
    if text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err(StateMachineError::Account(text.to_owned()))
    }
}

/// A machine's name: what AWS itself allows in names that go to its logs, and what needs no escape in a path.
///
/// # Errors
/// When the text is none.
pub fn checked_name(text: &str) -> Result<String, StateMachineError> {
    let is_one = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_one) {
        Ok(text.to_owned())
    } else {
        Err(StateMachineError::Name(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_gives_back_its_name_to_its_machine_alone() -> Result<(), StateMachineError> {
        let (akin, other) = (
            StateMachine::default(),
            StateMachine::new("eu-central-1", "123456789012", "Films_2-x")?,
        );
        assert_eq!(akin.arn(), "arn:aws:states:local:000000000000:stateMachine:akin");
        assert_eq!(other.arn(), "arn:aws:states:eu-central-1:123456789012:stateMachine:Films_2-x");
        let handle = "arn:aws:states:eu-central-1:123456789012:execution:Films_2-x:0199-a";
        assert_eq!(other.execution_arn("0199-a"), handle);
        assert_eq!(other.execution_name(handle), Ok("0199-a"));
        assert_eq!(akin.execution_name(&akin.execution_arn("0199-a")), Ok("0199-a"));
        for text in ["", "0199-a", &akin.execution_arn(""), &other.arn(), handle] {
            let refused = akin.execution_name(text).map_err(|error| error.to_string());
            let said = "an executionArn of this server starts with \
                        arn:aws:states:local:000000000000:execution:akin:";
            assert_eq!(refused, Err(said.to_owned()), "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_no_arn_holds_is_refused_by_its_part() {
        for (region, account, name) in [
            ("", "000000000000", "akin"),
            ("Local", "000000000000", "akin"),
            ("eu central", "000000000000", "akin"),
            ("a:b", "000000000000", "akin"),
            (&"a".repeat(33), "000000000000", "akin"),
        ] {
            let region_of = StateMachineError::Region(region.to_owned());
            assert_eq!(StateMachine::new(region, account, name), Err(region_of));
        }
        for account in ["", "00000000000", "0000000000000", "00000000000x", "٠٠٠٠٠٠"] {
            let refused = StateMachineError::Account(account.to_owned());
            assert_eq!(StateMachine::new("local", account, "akin"), Err(refused));
        }
        for name in ["", "a b", "a:b", "a/b", "é", "a.b", &"a".repeat(81)] {
            let refused = StateMachineError::Name(name.to_owned());
            assert_eq!(StateMachine::new("local", "000000000000", name), Err(refused));
        }
    }

    #[test]
    fn the_longest_handle_keeps_to_the_protocol() -> Result<(), StateMachineError> {
        let longest = StateMachine::new(&"a".repeat(32), "000000000000", &"a".repeat(80))?;
        assert_eq!(longest.execution_arn(&"x".repeat(80)).len(), 232);
        Ok(())
    }
}
