//! Names and ARNs.

use crate::http::StateMachine;

use super::failure::Failure;
use super::input::Parameters;

const MACHINE_ARN: &str = "stateMachineArn";
const LONGEST_ARN: usize = 256;
const LONGEST_MAP_RUN_ARN: usize = 2000;
const LONGEST_NAME: usize = 80;

/// Checks that `stateMachineArn` is this server's machine.
///
/// # Errors
/// When it is absent, no ARN of a state machine, or of another one: versions, aliases and labels of Map states are others,
/// and this machine has none.
pub fn machine(parameters: &Parameters, own: &StateMachine) -> Result<(), Failure> {
    let arn = parameters.required(MACHINE_ARN, LONGEST_ARN)?;
    if arn == own.arn() {
        return Ok(());
    }
    Err(match Resource::of(arn) {
        Some(Resource { kind: "stateMachine", name_parts: 1..=2 }) => Failure::no_machine(arn),
        Some(Resource { kind, .. }) if kind != "stateMachine" => Failure::wrong_resource(arn, kind),
        _ => Failure::invalid_arn(arn),
    })
}

/// The same of a machine that is to be started: a Map state, which a label names, cannot be.
///
/// # Errors
/// As [`machine`], and when the ARN ends with a label.
pub fn machine_to_start(parameters: &Parameters, own: &StateMachine) -> Result<(), Failure> {
    let arn = parameters.required(MACHINE_ARN, LONGEST_ARN)?;
    if let Some(Resource { kind: "stateMachine", name_parts: 1..=2 }) = Resource::of(arn)
        && arn.contains('/')
    {
        let constraint = "Member must not name a Map state by its label";
        return Err(Failure::constraint(&format!("'{arn}'"), MACHINE_ARN, constraint));
    }
    machine(parameters, own)
}

/// Checks what executions are to be listed: `stateMachineArn` must be there and this server's machine, and `mapRunArn` must
/// not.
///
/// # Errors
/// When both are there or neither is; as [`machine`]; and for any Map Run, of which this machine has none.
pub fn machine_to_list(parameters: &Parameters, own: &StateMachine) -> Result<(), Failure> {
    let machine_arn = parameters.text(MACHINE_ARN, LONGEST_ARN)?;
    let map_run = parameters.text("mapRunArn", LONGEST_MAP_RUN_ARN)?;
    match (machine_arn, map_run) {
        (Some(_), None) => machine(parameters, own),
        (None, Some(arn)) => Err(match Resource::of(arn) {
            Some(Resource { kind: "mapRun", .. }) => Failure::no_resource(arn),
            Some(Resource { kind, .. }) => Failure::wrong_resource(arn, kind),
            None => Failure::invalid_arn(arn),
        }),
        (Some(_), Some(_)) | (None, None) => Err(Failure::either(MACHINE_ARN, "mapRunArn")),
    }
}

/// `executionArn`, and the name of one of this machine's executions in it.
///
/// # Errors
/// When it is absent, no ARN of an execution, or of another machine's. Those of express machines and Map Runs are others.
pub fn named_execution<'a>(
    parameters: &'a Parameters,
    own: &StateMachine,
) -> Result<(&'a str, &'a str), Failure> {
    let arn = parameters.required("executionArn", LONGEST_ARN)?;
    match (own.execution_name(arn), Resource::of(arn)) {
        (Ok(name), Some(Resource { kind: "execution", name_parts: 2 })) => Ok((arn, name)),
        (_, Some(Resource { kind: "execution", name_parts: 2 })) => Err(Failure::no_execution(arn)),
        (_, Some(Resource { kind, .. })) if kind != "execution" => {
            Err(Failure::wrong_resource(arn, kind))
        }
        _ => Err(Failure::invalid_arn(arn)),
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

/// What an ARN of Step Functions names: `arn:<partition>:states:<region>:<12 digits>:<kind>:<name>`, where a name may have
/// several parts.
#[derive(Debug, PartialEq)]
struct Resource<'a> {
    kind: &'a str,
    /// A machine's name has one part, or two with a version or an alias; an execution's has two.
    name_parts: usize,
}

impl<'a> Resource<'a> {
    fn of(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "states", _, account, kind, name @ ..] = parts.as_slice() else {
            return None;
        };
        let is_account = account.len() == 12 && account.bytes().all(|c| c.is_ascii_digit());
        let is_whole = !name.is_empty() && parts.iter().all(|part| !part.is_empty());
        (is_account && is_whole).then_some(Self { kind: *kind, name_parts: name.len() })
    }
}

fn is_forbidden(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c)
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let of = |arn| Resource::of(arn).map(|Resource { kind, name_parts }| (kind, name_parts));
        for (arn, kind, parts) in [
            ("arn:aws:states:us-east-1:123456789012:stateMachine:x", "stateMachine", 1),
            ("arn:aws:states:us-east-1:123456789012:stateMachine:x:1", "stateMachine", 2),
            ("arn:aws-cn:states:cn-north-1:123456789012:execution:x:y", "execution", 2),
            ("arn:aws:states:us-east-1:123456789012:express:x:y:z", "express", 3),
        ] {
            assert_eq!(of(arn), Some((kind, parts)), "{arn}");
        }
        for arn in [
            "arn",
            "arn:aws:states:us-east-1:12345678901:stateMachine:x",
            "arn:aws:states:us-east-1:12345678901x:stateMachine:x",
            "arn:aws:states:us-east-1:123456789012:stateMachine:",
            "arn:aws:states:us-east-1:123456789012:stateMachine",
            "arn:aws:states::123456789012:stateMachine:x",
            "arn:aws:s3:us-east-1:123456789012:stateMachine:x",
        ] {
            assert_eq!(of(arn), None, "{arn}");
        }
    }

    #[test]
    fn what_is_no_plain_machine_or_execution_is_refused_as_aws_does() {
        let own = StateMachine::default();
        let refused = |check: &dyn Fn(&Parameters) -> Result<(), Failure>, members: Value| {
            let parameters = Parameters::parse(members.to_string().as_bytes());
            parameters.and_then(|parameters| check(&parameters)).err().map(|error| error.name())
        };
        let machine_of = |ending: &str| format!("{}{ending}", own.arn());
        let (absent, label, invalid) =
            ("StateMachineDoesNotExist", "ValidationException", "InvalidArn");
        let execution = own.execution_arn("x");
        // The ARN, what starting it gives, and what looking at it does.
        for (arn, started, looked_at) in [
            (machine_of(""), None, None),
            (machine_of(":1"), Some(absent), Some(absent)),
            (machine_of(":PROD"), Some(absent), Some(absent)),
            (machine_of("x"), Some(absent), Some(absent)),
            (machine_of("/label"), Some(label), Some(absent)),
            (machine_of("/label:1"), Some(label), Some(absent)),
            (machine_of(":1:2"), Some(invalid), Some(invalid)),
            (machine_of(":"), Some(invalid), Some(invalid)),
            (execution.clone(), Some(invalid), Some(invalid)),
            ("nonsense".to_owned(), Some(invalid), Some(invalid)),
        ] {
            let members = || json!({"stateMachineArn": arn});
            assert_eq!(
                refused(&|given| machine_to_start(given, &own), members()),
                started,
                "{arn}"
            );
            assert_eq!(refused(&|given| machine(given, &own), members()), looked_at, "{arn}");
            assert_eq!(
                refused(&|given| machine_to_list(given, &own), members()),
                looked_at,
                "{arn}"
            );
        }
        let map_run = "arn:aws:states:local:000000000000:mapRun:akin/label:0199";
        for (members, expected) in [
            (json!({"stateMachineArn": own.arn(), "mapRunArn": map_run}), label),
            (json!({}), label),
            (json!({"mapRunArn": map_run}), "ResourceNotFound"),
            (json!({"mapRunArn": own.arn()}), invalid),
            (json!({"mapRunArn": "nonsense"}), invalid),
        ] {
            let found = refused(&|given| machine_to_list(given, &own), members.clone());
            assert_eq!(found, Some(expected), "{members}");
        }
        let express = execution.replace("execution", "express");
        for (arn, expected) in [
            (execution.clone(), None),
            (execution.replace("akin", "other"), Some("ExecutionDoesNotExist")),
            // A child of a Map Run.
            (execution.replace("akin", "akin/label"), Some("ExecutionDoesNotExist")),
            (format!("{execution}:1"), Some(invalid)),
            (express.clone(), Some(invalid)),
            (format!("{express}:0199"), Some(invalid)),
            (own.arn(), Some(invalid)),
            ("nonsense".to_owned(), Some(invalid)),
        ] {
            let members = json!({"executionArn": arn});
            let named = |given: &Parameters| named_execution(given, &own).map(drop);
            assert_eq!(refused(&named, members), expected, "{arn}");
        }
    }
}
