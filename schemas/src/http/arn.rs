//! Execution handles, in the form that Step Functions gives them.

use thiserror::Error;

/// The name of the one machine that a server is, in the words of the Step Functions protocol.
pub const STATE_MACHINE_NAME: &str = "akin";
/// Its ARN.
pub const STATE_MACHINE_ARN: &str = "arn:aws:states:local:000000000000:stateMachine:akin";
const PREFIX: &str = "arn:aws:states:local:000000000000:execution:akin:";

/// The text is not the handle of an execution of this server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an executionArn starts with {PREFIX}")]
pub struct ArnError;

/// The handle of the execution with this name.
pub fn execution_arn(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// The name in a handle.
///
/// # Errors
/// When the text is not a handle of this server.
pub fn execution_name(arn: &str) -> Result<&str, ArnError> {
    arn.strip_prefix(PREFIX).filter(|name| !name.is_empty()).ok_or(ArnError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_gives_back_its_name() {
        assert_eq!(execution_name(&execution_arn("0199-a")), Ok("0199-a"));
        for text in ["", "0199-a", PREFIX, "arn:aws:states:local:000000000000:execution:other:x"] {
            assert_eq!(execution_name(text), Err(ArnError), "{text}");
        }
    }
}
