//! Names and ARNs.

use crate::http::StateMachine;

use super::failure::Failure;
use super::input::Parameters;

const LONGEST_ARN: usize = 256;
const LONGEST_NAME: usize = 80;

/// Checks that `stateMachineArn` is this server's machine.
///
/// # Errors
/// When it is absent, no ARN of a state machine, or of another one.
pub fn machine(parameters: &Parameters, own: &StateMachine) -> Result<(), Failure> {
    let arn = parameters.required("stateMachineArn", LONGEST_ARN)?;
    if arn == own.arn() {
        return Ok(());
    }
    Err(if is_arn(arn, "stateMachine", 7) {
        Failure::no_machine(arn)
    } else {
        Failure::invalid_arn(arn)
    })
}

/// `executionArn`, and the name of one of this machine's executions in it.
///
/// # Errors
/// When it is absent, no ARN of an execution, or of another machine's.
pub fn named_execution<'a>(
    parameters: &'a Parameters,
    own: &StateMachine,
) -> Result<(&'a str, &'a str), Failure> {
    let arn = parameters.required("executionArn", LONGEST_ARN)?;
    match own.execution_name(arn) {
        Ok(name) => Ok((arn, name)),
        Err(_) if is_arn(arn, "execution", 8) => Err(Failure::no_execution(arn)),
        Err(_) => Err(Failure::invalid_arn(arn)),
    }
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
