//! The protocol's errors, with the names and texts of the real service.

use serde_json::{Value, json};

/// An error on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    name: &'static str,
    message: String,
    status: u16,
    retry_after: Option<u32>,
}

impl Failure {
    fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), status: 400, retry_after: None }
    }

    /// The text is not an ARN of its kind.
    pub fn invalid_arn(arn: &str) -> Self {
        Self::new("InvalidArn", format!("Invalid Arn: 'Invalid ARN prefix: {arn}'"))
    }

    /// An ARN, but of a resource that the operation does not take, such as an execution of an express machine.
    pub fn wrong_resource(arn: &str, kind: &str) -> Self {
        let message =
            format!("Invalid Arn: 'Resource type not valid in this context: {kind}: {arn}'");
        Self::new("InvalidArn", message)
    }

    /// An ARN of something that this server has none of.
    pub fn no_resource(arn: &str) -> Self {
        Self::new("ResourceNotFound", format!("Resource Not Found: '{arn}'"))
    }

    /// Exactly one of two parameters must be there.
    pub fn either(one: &str, other: &str) -> Self {
        let message =
            format!("1 validation error detected: give either '{one}' or '{other}', and not both");
        Self::new("ValidationException", message)
    }

    /// An ARN, but not of this server's machine.
    pub fn no_machine(arn: &str) -> Self {
        let message = format!("State Machine Does Not Exist: '{arn}'");
        Self::new("StateMachineDoesNotExist", message)
    }

    /// An ARN, but not of a kept execution.
    pub fn no_execution(arn: &str) -> Self {
        Self::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    /// The name stands for a closed execution, or for another input.
    pub fn execution_exists(arn: &str) -> Self {
        Self::new("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
    }

    /// The input is no rating, or none that this store takes.
    pub fn invalid_input(reason: &str) -> Self {
        let message = format!("Invalid State Machine Execution Input: '{reason}'");
        Self::new("InvalidExecutionInput", message)
    }

    /// A name with characters that no name has.
    pub fn invalid_name(name: &str) -> Self {
        Self::new("InvalidName", format!("Invalid Name: '{name}'"))
    }

    /// A token that is none, or too old.
    pub fn invalid_token(token: &str) -> Self {
        Self::new("InvalidToken", format!("Invalid Token: '{token}'"))
    }

    /// What only express machines can do.
    pub fn wrong_machine_type() -> Self {
        let message = "This operation is not supported by this type of state machine";
        Self::new("StateMachineTypeNotSupported", message)
    }

    /// A parameter breaks a constraint of the service model.
    pub fn constraint(value: &str, member: &str, constraint: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
        );
        Self::new("ValidationException", message)
    }

    /// The body cannot be read.
    pub fn serialization(message: String) -> Self {
        Self::new("SerializationException", message)
    }

    /// There is no such operation here.
    pub fn unknown_operation(target: &str) -> Self {
        Self::new(
            "UnknownOperationException",
            format!("the X-Amz-Target {target:?} names no operation that is here"),
        )
    }

    /// 403: who asks is not known, or is not who it says.
    pub fn denied(name: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(name, message, 403, None)
    }

    /// With another status than 400, and maybe a time to try again after, in seconds.
    pub fn with_status(
        name: &'static str,
        message: impl Into<String>,
        status: u16,
        retry_after: Option<u32>,
    ) -> Self {
        Self { status, retry_after, ..Self::new(name, message) }
    }

    /// The error's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// After how many seconds to try again.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// The body.
    pub fn body(&self) -> Value {
        json!({"__type": self.name, "message": self.message})
    }
}
