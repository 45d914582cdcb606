//! Calls of the Step Functions door.

use akin_schemas::http::step_functions::{
    ALGORITHM, Authorization, Parameters, machine, machine_to_list, machine_to_start,
    named_execution, new_name,
};
use akin_schemas::http::{RatingBody, StateMachine};

use crate::texts;

/// A call's body, with every parameter that some operation reads.
pub(crate) fn call(bytes: &[u8]) -> bool {
    let Ok(parameters) = Parameters::parse(bytes) else { return false };
    let own = StateMachine::default();
    let is_machine = machine(&parameters, &own).is_ok();
    // What is refused to whoever looks is refused to whoever starts or lists.
    assert_eq!(machine_to_start(&parameters, &own).is_ok(), is_machine);
    assert!(is_machine || machine_to_list(&parameters, &own).is_err());
    if let Ok(Some(name)) = new_name(&parameters) {
        assert!((1..=80).contains(&name.chars().count()) && !name.contains([':', '/', ' ']));
    }
    let is_execution = match named_execution(&parameters, &own) {
        Ok((arn, name)) => {
            assert!(arn.ends_with(name) && !name.is_empty());
            true
        }
        Err(failure) => {
            assert!((400..500).contains(&failure.status()) && failure.body().is_object());
            false
        }
    };
    if let Ok(Some(input)) = parameters.input() {
        assert!(input.len() <= 262_144);
        let _: Result<RatingBody, _> = RatingBody::parse(input.as_bytes());
    }
    if let Ok(most) = parameters.max_results() {
        assert!((1..=1000).contains(&most));
    }
    for (member, longest) in
        [("statusFilter", 64), ("nextToken", 3096), ("error", 256), ("cause", 32_768)]
    {
        if let Ok(Some(text)) = parameters.text(member, longest) {
            assert!((1..=longest).contains(&text.chars().count()));
        }
        if let Ok(Some(text)) = parameters.any_text(member, longest) {
            assert!(text.chars().count() <= longest);
        }
    }
    let _: Result<bool, _> = parameters.switch("reverseOrder", false);
    is_machine || is_execution
}

pub(crate) fn call_seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"stateMachineArn":"arn:aws:states:local:000000000000:stateMachine:akin","name":"n-1",
            "input":"{\"movieID\":\"1234\",\"user\":\"abby\",\"rating\":6}"}"#,
        r#"{"stateMachineArn":"arn:aws:states:local:000000000000:stateMachine:akin","statusFilter":"RUNNING",
            "maxResults":7,"nextToken":"a"}"#,
        r#"{"stateMachineArn":"arn:aws:states:local:000000000000:stateMachine:akin",
            "mapRunArn":"arn:aws:states:local:000000000000:mapRun:akin/label:x"}"#,
        r#"{"executionArn":"arn:aws:states:local:000000000000:execution:akin:x","error":"E","cause":"c","maxResults":0,
            "reverseOrder":true,"includeExecutionData":false,"nextToken":"event-2"}"#,
    ])
}

/// The header `Authorization`.
pub(crate) fn authorization(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(read) = Authorization::parse(text) else { return false };
    let Authorization { key_id, date, region, service, signed_headers, signature } = &read;
    let written = format!(
        "{ALGORITHM} Credential={key_id}/{date}/{region}/{service}/aws4_request, SignedHeaders={signed_headers}, \
         Signature={signature}"
    );
    assert_eq!(Authorization::parse(&written), Ok(read.clone()));
    for header in signed_headers.split(';') {
        assert!(read.signs(header));
    }
    true
}

pub(crate) fn authorization_seeds() -> Vec<Vec<u8>> {
    let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    texts(&[
        &format!(
            "{ALGORITHM} Credential={scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0a1b2c"
        ),
        &format!("{ALGORITHM} Signature=f,SignedHeaders=host,Credential={scope}"),
    ])
}
