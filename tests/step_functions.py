"""The contract of the Step Functions door, as AWS's own client sees it: boto3, pointed here and otherwise unchanged.

Usage: step_functions.py <endpoint> <stage>, with the stages in order: `open` (anybody may call), `restarted` (the same
ledger after a restart), `signed` (calls must be signed with the key below).
"""

import json
import re
import sys
import threading
import time

import boto3
import botocore.endpoint
from botocore.config import Config
from botocore.exceptions import ClientError

KEY, SECRET = "AKIATEST", "a secret/with+signs="
MACHINE = "arn:aws:states:local:000000000000:stateMachine:akin"
EXECUTION = MACHINE.replace("stateMachine", "execution")
RATING = {"movieID": "1234", "user": "abby", "rating": 6}
# What was started before the restart, kept in its name.
NAMED = "first-one"


def client(endpoint, key=KEY, secret=SECRET, retries={"max_attempts": 1}):
    return boto3.client(
        "stepfunctions",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        # `sync-` before the host would need a name to resolve.
        config=Config(inject_host_prefix=False, retries=retries),
    )


def refused(error_name, call, /, **parameters):
    """Asserts the error's name and returns its message."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == error_name, (error_name, error)
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status in (400, 403), status
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"no {error_name}: {answer}")


def finished(sfn, arn):
    for _ in range(2000):
        execution = sfn.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
    raise AssertionError(f"{arn} does not end")


def start(sfn, rating=RATING, **more):
    return sfn.start_execution(stateMachineArn=MACHINE, input=json.dumps(rating), **more)


def check_execution(sfn):
    started = start(sfn)
    arn = started["executionArn"]
    assert re.fullmatch(re.escape(EXECUTION) + ":[0-9a-f-]{49}", arn), arn
    execution = finished(sfn, arn)
    assert execution["status"] == "SUCCEEDED"
    assert execution["executionArn"] == arn
    assert execution["stateMachineArn"] == MACHINE
    assert execution["name"] == arn.rsplit(":", 1)[1]
    assert execution["startDate"] == started["startDate"] <= execution["stopDate"]
    assert execution["startDate"].utcoffset() is not None
    assert execution["input"] == json.dumps(RATING)
    assert execution["inputDetails"] == execution["outputDetails"] == {"included": True}
    output = json.loads(execution["output"])
    assert output["user"] == "abby" and output["rated"]["itemId"] == "1234", output
    assert len(output["recommendations"]) > 0
    assert execution["redriveCount"] == 0 and execution["redriveStatus"] == "NOT_REDRIVABLE"
    for absent in ("error", "cause", "redriveDate", "mapRunArn", "traceHeader"):
        assert absent not in execution, execution
    bare = sfn.describe_execution(executionArn=arn, includedData="METADATA_ONLY")
    assert bare["inputDetails"] == bare["outputDetails"] == {"included": False}
    absent = {"input", "output", "inputDetails", "outputDetails", "ResponseMetadata"}
    assert set(execution) - set(bare) == {"input", "output"}, bare
    assert all(bare[name] == execution[name] for name in set(execution) - absent)
    refused("ValidationException", sfn.describe_execution, executionArn=arn, includedData="SOME")
    return arn


def check_names(sfn):
    first = start(sfn, name=NAMED)
    assert first["executionArn"] == f"{EXECUTION}:{NAMED}"
    execution = finished(sfn, first["executionArn"])
    assert execution["name"] == NAMED
    # Closed: the name is used up, whatever the input.
    message = refused("ExecutionAlreadyExists", start, sfn=sfn, name=NAMED)
    assert message == f"Execution Already Exists: '{EXECUTION}:{NAMED}'", message
    refused("ExecutionAlreadyExists", start, sfn=sfn, name=NAMED, rating={**RATING, "rating": 5})
    # So whoever lost the first answer is told that the rating was accepted, and knows its ARN by the name.
    again = sfn.describe_execution(executionArn=f"{EXECUTION}:{NAMED}")
    assert json.loads(again["input"]) == RATING and again["status"] == "SUCCEEDED", again
    assert again["startDate"] == first["startDate"]
    # Longest and strangest.
    name = "é-_.!()+=@" * 8
    assert len(name) == 80
    assert finished(sfn, start(sfn, name=name)["executionArn"])["name"] == name
    for bad in ("a b", "a/b", "a:b", "a*", 'a"', "a#", "a,b", "a;b", "a\u007f", "a\t"):
        assert refused("InvalidName", start, sfn=sfn, name=bad) == f"Invalid Name: '{bad}'"
    message = refused("ValidationException", start, sfn=sfn, name="x" * 81)
    expected = (
        "at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"
    )
    assert message.startswith("1 validation error detected: Value 'xxx") and message.endswith(expected)
    # What could be an execution's key is taken as a name when it is one, and a name like any other when it is none.
    key = start(sfn)["executionArn"].rsplit(":", 1)[1]
    refused("ExecutionAlreadyExists", start, sfn=sfn, name=key)
    name = key[:-1] + ("1" if key.endswith("0") else "0")
    execution = finished(sfn, start(sfn, name=name)["executionArn"])
    assert execution["name"] == name
    refused("ExecutionAlreadyExists", start, sfn=sfn, name=name)


def check_inputs(sfn):
    for text in (
        "{",
        "{}",
        "[]",
        '{"movieID":"1","user":"a","rating":99}',
        '{"movieID":"1","user":"a","rating":0}',
        '{"movieID":1.0,"user":"a","rating":5}',
        "",
    ):
        message = refused(
            "InvalidExecutionInput", sfn.start_execution, stateMachineArn=MACHINE, input=text
        )
        assert message.startswith("Invalid State Machine Execution Input: '"), message
    refused("InvalidExecutionInput", sfn.start_execution, stateMachineArn=MACHINE)
    padding = " " * (262_144 - len(json.dumps(RATING)))
    sfn.start_execution(stateMachineArn=MACHINE, input=json.dumps(RATING) + padding)
    refused(
        "ValidationException",
        sfn.start_execution,
        stateMachineArn=MACHINE,
        input=json.dumps(RATING) + padding + " ",
    )


def check_arns(sfn):
    other = MACHINE.replace("akin", "other")
    for call in (sfn.start_execution, sfn.describe_state_machine, sfn.list_executions):
        message = refused("StateMachineDoesNotExist", call, stateMachineArn=other)
        assert message == f"State Machine Does Not Exist: '{other}'", message
        message = refused("InvalidArn", call, stateMachineArn="nonsense")
        assert message == "Invalid Arn: 'Invalid ARN prefix: nonsense'", message
        refused("ValidationException", call, stateMachineArn="x" * 257)
        # Of versions and aliases there are none.
        for qualified in (f"{MACHINE}:1", f"{MACHINE}:PROD"):
            message = refused("StateMachineDoesNotExist", call, stateMachineArn=qualified)
            assert message == f"State Machine Does Not Exist: '{qualified}'", message
    # A label names a Map state, which cannot be started, and of which this machine has none.
    label = f"{MACHINE}/label"
    refused("ValidationException", sfn.start_execution, stateMachineArn=label)
    refused("ValidationException", sfn.start_sync_execution, stateMachineArn=label)
    refused("StateMachineDoesNotExist", sfn.describe_state_machine, stateMachineArn=label)
    refused("StateMachineDoesNotExist", sfn.list_executions, stateMachineArn=label)
    map_run = MACHINE.replace("stateMachine", "mapRun") + "/label:0199"
    refused("ValidationException", sfn.list_executions, stateMachineArn=MACHINE, mapRunArn=map_run)
    refused("ValidationException", sfn.list_executions)
    refused("ResourceNotFound", sfn.list_executions, mapRunArn=map_run)
    missing = f"{EXECUTION}:missing"
    for call in (sfn.describe_execution, sfn.stop_execution, sfn.get_execution_history):
        message = refused("ExecutionDoesNotExist", call, executionArn=missing)
        assert message == f"Execution Does Not Exist: '{missing}'", message
        refused("ExecutionDoesNotExist", call, executionArn=missing.replace("akin", "other"))
        refused("ExecutionDoesNotExist", call, executionArn=missing.replace("akin", "akin/label"))
        refused("InvalidArn", call, executionArn=MACHINE)
        refused("InvalidArn", call, executionArn=missing + ":1")
        # Of an express machine.
        refused("InvalidArn", call, executionArn=missing.replace("execution", "express") + ":0199")
    refused(
        "StateMachineTypeNotSupported", sfn.start_sync_execution, stateMachineArn=MACHINE, input="{}"
    )


def check_machine(sfn):
    machine = sfn.describe_state_machine(stateMachineArn=MACHINE)
    assert (machine["name"], machine["type"], machine["status"]) == ("akin", "STANDARD", "ACTIVE")
    definition = json.loads(machine["definition"])
    assert definition["StartAt"] in definition["States"]
    listed = sfn.list_state_machines(maxResults=5)["stateMachines"]
    assert [one["stateMachineArn"] for one in listed] == [MACHINE]
    assert listed[0]["creationDate"] == machine["creationDate"]
    refused("InvalidToken", sfn.list_state_machines, nextToken="x")
    bare = sfn.describe_state_machine(stateMachineArn=MACHINE, includedData="METADATA_ONLY")
    assert bare["definition"] == "{}" and bare["roleArn"] == machine["roleArn"], bare
    whole = sfn.describe_state_machine(stateMachineArn=MACHINE, includedData="ALL_DATA")
    assert whole["definition"] == machine["definition"]


def check_lists(sfn):
    arns = []
    for item in range(5):
        arn = start(sfn, rating={"movieID": str(item), "user": "lister", "rating": 5})["executionArn"]
        finished(sfn, arn)
        arns.append(arn)
    listed = lambda **more: [
        one["executionArn"]
        for page in sfn.get_paginator("list_executions").paginate(
            stateMachineArn=MACHINE, PaginationConfig={"PageSize": 2}, **more
        )
        for one in page["executions"]
    ]
    everything = listed()
    assert everything[:5] == arns[::-1], everything
    assert len(everything) == len(set(everything)) >= 8
    assert listed(statusFilter="SUCCEEDED") == everything
    assert listed(statusFilter="FAILED") == listed(statusFilter="PENDING_REDRIVE") == []
    assert listed(redriveFilter="NOT_REDRIVEN") == everything and listed(redriveFilter="REDRIVEN") == []
    refused("ValidationException", sfn.list_executions, stateMachineArn=MACHINE, redriveFilter="TWICE")
    one = sfn.list_executions(stateMachineArn=MACHINE, maxResults=1)
    assert set(one["executions"][0]) == {
        "executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate",
    }
    whole = sfn.list_executions(stateMachineArn=MACHINE, maxResults=0)
    assert len(whole["executions"]) == len(everything) and "nextToken" not in whole
    refused("InvalidToken", sfn.list_executions, stateMachineArn=MACHINE, nextToken="x")
    refused(
        "InvalidToken",
        sfn.list_executions,
        stateMachineArn=MACHINE,
        nextToken=one["nextToken"],
        statusFilter="FAILED",
    )
    refused("ValidationException", sfn.list_executions, stateMachineArn=MACHINE, nextToken="x" * 3097)
    refused("ValidationException", sfn.list_executions, stateMachineArn=MACHINE, statusFilter="DONE")
    refused("ValidationException", sfn.list_executions, stateMachineArn=MACHINE, maxResults=1001)


def check_history(sfn, arn):
    events = sfn.get_execution_history(executionArn=arn)["events"]
    kinds = ["ExecutionStarted", "TaskStateEntered", "TaskStateExited", "ExecutionSucceeded"]
    assert [event["type"] for event in events] == kinds
    assert [event["id"] for event in events] == [1, 2, 3, 4]
    assert [event["previousEventId"] for event in events] == [0, 0, 2, 3]
    assert json.loads(events[0]["executionStartedEventDetails"]["input"]) == RATING
    execution = sfn.describe_execution(executionArn=arn)
    assert events[3]["executionSucceededEventDetails"]["output"] == execution["output"]
    assert events[0]["timestamp"] == execution["startDate"]
    assert events[3]["timestamp"] == execution["stopDate"]
    backwards = sfn.get_execution_history(executionArn=arn, reverseOrder=True)["events"]
    assert backwards == events[::-1]
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=arn, PaginationConfig={"PageSize": 3}
    )
    assert [event for page in pages for event in page["events"]] == events
    bare = sfn.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    assert "input" not in bare[0]["executionStartedEventDetails"]
    refused("InvalidToken", sfn.get_execution_history, executionArn=arn, nextToken="event-4")
    refused("ValidationException", sfn.get_execution_history, executionArn=arn, nextToken="x" * 1025)


def check_stop(sfn, arn):
    # What has ended stays as it is.
    before = sfn.describe_execution(executionArn=arn)
    assert sfn.stop_execution(executionArn=arn, cause="late")["stopDate"] == before["stopDate"]
    after = sfn.describe_execution(executionArn=arn)
    assert {**after, "ResponseMetadata": 0} == {**before, "ResponseMetadata": 0}
    refused("ValidationException", sfn.stop_execution, executionArn=arn, error="x" * 257)
    refused("ValidationException", sfn.stop_execution, executionArn=arn, cause="x" * 32_769)


def check_stopped(sfn, arn):
    """`arn` runs and goes on running: it waits for a first version."""
    execution = sfn.describe_execution(executionArn=arn)
    assert execution["status"] == "RUNNING"
    assert "stopDate" not in execution and "output" not in execution
    running = sfn.list_executions(stateMachineArn=MACHINE, statusFilter="RUNNING")["executions"]
    assert [one["executionArn"] for one in running] == [arn] and "stopDate" not in running[0]
    kinds = [event["type"] for event in sfn.get_execution_history(executionArn=arn)["events"]]
    assert kinds == ["ExecutionStarted", "TaskStateEntered"]
    stop_date = sfn.stop_execution(executionArn=arn, error="Enough")["stopDate"]
    execution = sfn.describe_execution(executionArn=arn)
    assert (execution["status"], execution["stopDate"]) == ("ABORTED", stop_date)
    assert execution["error"] == "Enough" and "cause" not in execution, execution
    event = sfn.get_execution_history(executionArn=arn, reverseOrder=True)["events"][0]
    assert event["type"] == "ExecutionAborted" and event["previousEventId"] == 0
    assert event["executionAbortedEventDetails"] == {"error": "Enough"}


def without_sleep(call):
    """Calls without pauses, and returns the error with the pauses that there would have been, in seconds."""
    pauses = []
    # The module's own name for it, so that other threads sleep on.
    botocore.endpoint.time = type("Time", (), {"sleep": pauses.append, "time": time.time})
    try:
        call()
    except ClientError as error:
        return error, pauses
    finally:
        botocore.endpoint.time = time
    raise AssertionError("accepted")


def check_pace(endpoint):
    """Without a version nothing is accepted that could not be checked; the client tries again at the pace told."""
    error, pauses = without_sleep(lambda: start(client(endpoint, retries={})))
    metadata = error.response["ResponseMetadata"]
    assert error.response["Error"]["Code"] == "ServiceUnavailableException", error
    assert metadata["HTTPStatusCode"] == 503
    headers = metadata["HTTPHeaders"]
    assert (headers["retry-after"], headers["x-amz-retry-after"]) == ("5", "5000"), headers
    # Told to wait for 5 s, which its own 0.05 s and 0.1 s at most do not reach.
    assert pauses == [5, 5], pauses
    # Those that the docs tell: 500 tokens at 14 each.
    error, pauses = without_sleep(lambda: start(client(endpoint, retries={"total_max_attempts": 1000})))
    assert len(pauses) == error.response["ResponseMetadata"]["RetryAttempts"] == 35, pauses


def check_throttled(endpoint):
    """One rating may wait: of many clients at once some are told to come back, and the clients do."""
    found, stop = [], threading.Event()

    def press(number):
        sfn = client(endpoint, retries={"total_max_attempts": 1})
        while not stop.is_set():
            try:
                start(sfn, rating={**RATING, "user": f"user-{number}"})
            except ClientError as error:
                found.append(error.response)
                stop.set()

    threads = [threading.Thread(target=press, args=[number]) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for response in found:
        assert response["Error"]["Code"] == "ThrottlingException", response
        metadata = response["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == 400
        headers = metadata["HTTPHeaders"]
        assert (headers["retry-after"], headers["x-amz-retry-after"]) == ("1", "1000"), headers
    # When nobody presses any more a client is through, with its own patience.
    assert finished(client(endpoint), start(client(endpoint, retries={}))["executionArn"])


def main():
    endpoint, stage, *more = sys.argv[1:]
    sfn = client(endpoint)
    if stage == "open":
        arn = check_execution(sfn)
        check_names(sfn)
        check_inputs(sfn)
        check_arns(sfn)
        check_machine(sfn)
        check_lists(sfn)
        check_history(sfn, arn)
        check_stop(sfn, arn)
    elif stage == "restarted":
        assert sfn.describe_execution(executionArn=f"{EXECUTION}:{NAMED}")["status"] == "SUCCEEDED"
        refused("ExecutionAlreadyExists", start, sfn=sfn, name=NAMED)
    elif stage == "waiting":
        check_stopped(sfn, *more)
        check_pace(endpoint)
    elif stage == "throttled":
        check_throttled(endpoint)
    elif stage == "signed":
        check_execution(sfn)
        refused("InvalidSignatureException", start, sfn=client(endpoint, secret="another"))
        refused("UnrecognizedClientException", start, sfn=client(endpoint, key="AKIAOTHER"))
    else:
        raise SystemExit(f"no stage {stage}")


if __name__ == "__main__":
    main()
