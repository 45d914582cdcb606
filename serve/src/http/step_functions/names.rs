//! Names and ARNs.

use std::time::Duration;

use akin_schemas::http::{STATE_MACHINE_ARN, execution_name};

use crate::ledger::{ExecutionId, ExecutionRecord};

use super::failure::Failure;
use super::input::Parameters;
use crate::http::state::State;

const LONGEST_ARN: usize = 256;
const LONGEST_NAME: usize = 80;

/// The execution that a call is about.
pub struct Named {
    /// Its ARN as the client gave it.
    pub arn: String,
    /// Its key.
    pub id: ExecutionId,
    /// As it stands.
    pub record: ExecutionRecord,
}

/// Checks that `stateMachineArn` is this server's machine.
///
/// # Errors
/// When it is absent, no ARN of a state machine, or of another one.
pub fn machine(parameters: &Parameters) -> Result<(), Failure> {
    let arn = parameters.required("stateMachineArn", LONGEST_ARN)?;
    if arn == STATE_MACHINE_ARN {
        return Ok(());
    }
    Err(if is_arn(arn, "stateMachine", 7) {
        Failure::no_machine(arn)
    } else {
        Failure::invalid_arn(arn)
    })
}

/// The execution that `executionArn` names.
///
/// # Errors
/// When it is absent, no ARN of an execution, or of one that is not known (any more).
pub async fn execution(parameters: &Parameters, state: &State) -> Result<Named, Failure> {
    let arn = parameters.required("executionArn", LONGEST_ARN)?;
    let Ok(name) = execution_name(arn) else {
        let is_other = is_arn(arn, "execution", 8);
        return Err(if is_other { Failure::no_execution(arn) } else { Failure::invalid_arn(arn) });
    };
    let found = state.find(name, Duration::ZERO).await?;
    let (id, record) = found.ok_or_else(|| Failure::no_execution(arn))?;
    Ok(Named { arn: arn.to_owned(), id, record })
}

/// The name that a new execution shall have.
///
/// # Errors
/// When it is too long or holds what no name holds.
pub fn new_name(parameters: &Parameters) -> Result<Option<&str>, Failure> {
    let name = parameters.text("name", LONGEST_NAME)?;
    match name {
        Some(name) if name.chars().any(is_forbidden) => Err(Failure::invalid_name(name)),
        name => Ok(name),
    }
}

/// `arn:<partition>:states:<region>:<12 digits>:<kind>:<name>` with so many parts.
fn is_arn(arn: &str, kind: &str, parts: usize) -> bool {
    let found: Vec<&str> = arn.split(':').collect();
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit());
    found.len() == parts
        && (found[0], found[2], found[5]) == ("arn", "states", kind)
        && is_account(found[4])
        && found.iter().all(|part| !part.is_empty())
}

fn is_forbidden(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c)
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_what_the_service_allows() {
        for c in
            " \t\n<>{}[]?*\"#%\\^|~`$&,;:/\u{0}\u{1f}\u{7f}\u{9f}\u{fffe}\u{ffff}\u{3000}".chars()
        {
            assert!(is_forbidden(c), "{c:?}");
        }
        assert!("abcXYZ019-_.!()+=@'é日".chars().all(|c| !is_forbidden(c)));
    }

    #[test]
    fn arns_have_their_form() {
        assert!(is_arn("arn:aws:states:us-east-1:123456789012:stateMachine:x", "stateMachine", 7));
        assert!(is_arn("arn:aws-cn:states:cn-north-1:123456789012:execution:x:y", "execution", 8));
        for arn in [
            "arn",
            "arn:aws:states:us-east-1:12345678901:stateMachine:x",
            "arn:aws:states:us-east-1:123456789012:stateMachine:",
            "arn:aws:s3:us-east-1:123456789012:stateMachine:x",
            "arn:aws:states:us-east-1:123456789012:stateMachine:x:1",
            "arn:aws:states:us-east-1:123456789012:execution:x",
        ] {
            assert!(!is_arn(arn, "stateMachine", 7), "{arn}");
        }
    }
}
