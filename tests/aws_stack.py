"""Deploys deploy/aws/template.yaml on an emulator of AWS, and runs the real programs as its tasks are described there, each
held to its role's policies.

    aws_stack.py ENDPOINT FOLDER_OF_THE_PROGRAMS

From ratings in the bucket, by the schedule, through the stages, to a server that serves the version and takes a rating; a
run that takes that rating in; a clean-up. Ends with 0 when all of it works, no role lacked a right, and none could do what
is another's.
"""

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from botocore.exceptions import ClientError

from emulated import ROOT, ask, check, client, ended, environment, made_up_ratings, server, serves, succeeded, wait_for
from rights_proxy import RightsProxy

sys.path.insert(0, str(ROOT / "deploy/checks"))
from cloudformation import load  # noqa: E402

endpoint, programs = sys.argv[1], Path(sys.argv[2]).resolve()
s3, states, stacks, ecs = (client(endpoint, name) for name in ("s3", "stepfunctions", "cloudformation", "ecs"))
ORIGIN = "https://shop.example.com"
stack = f"akin-{uuid.uuid4().hex[:8]}"


def packaged():
    """The template as `aws cloudformation package` leaves it, and without what the emulator's CloudFormation does not know:
    activities, which are made here and named by their ARNs, and rules between security groups, which it has not."""
    template = load(ROOT / "deploy/aws/template.yaml")
    bucket = f"packages-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    machine = template["Resources"]["Workflow"]["Properties"]
    definition = ROOT / "deploy/aws" / machine["DefinitionS3Location"]
    s3.upload_file(str(definition), bucket, "definition.json")
    machine["DefinitionS3Location"] = {"Bucket": bucket, "Key": "definition.json"}
    activities = {}
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] == "AWS::StepFunctions::Activity":
            del template["Resources"][name]
            activities[name] = states.create_activity(name=f"{stack}-{name}")["activityArn"]
        if resource["Type"] in ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"):
            del template["Resources"][name]
            depending = template["Resources"]["ServeService"]["DependsOn"]
            if name in depending:
                depending.remove(name)

    def replaced(value):
        if isinstance(value, list):
            return [replaced(one) for one in value]
        if isinstance(value, dict):
            if value.get("Ref") in activities:
                return activities[value["Ref"]]
            return {key: replaced(one) for key, one in value.items()}
        if isinstance(value, str):
            for name, arn in activities.items():
                value = value.replace(f"${{{name}}}", arn)
        return value

    return replaced(template)


def deployed(begins):
    """The stack's outputs and resources, by their names. Its schedule fires at `begins`."""
    ec2 = client(endpoint, "ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    first, second = [subnet["SubnetId"] for subnet in subnets][:2]
    parameters = {
        "ImageTag": "test",
        "VpcId": vpc,
        "TaskSubnetA": first,
        "TaskSubnetB": second,
        "LoadBalancerSubnetIds": f"{first},{second}",
        "CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/1",
        "ClientCidr": "10.0.0.0/8",
        "RunSchedule": f"at({begins:%Y-%m-%dT%H:%M:%S})",
        "AlarmEmail": "operator@example.com",
        "AllowOrigins": f"https://elsewhere.example.com,{ORIGIN}",
    }
    stacks.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(packaged()),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )

    def settled():
        [described] = stacks.describe_stacks(StackName=stack)["Stacks"]
        return None if described["StackStatus"].endswith("IN_PROGRESS") else described

    described = wait_for("the stack is made", settled)
    events = stacks.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [event.get("ResourceStatusReason") for event in events]
    check(described["StackStatus"] == "CREATE_COMPLETE", described["StackStatus"], reasons)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    listed = stacks.describe_stack_resources(StackName=stack)["StackResources"]
    return outputs, {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}


class Task:
    """A task of the stack: its container, and an S3 and Step Functions that hold it to its role."""

    def __init__(self, resources, name):
        described = ecs.describe_task_definition(taskDefinition=resources[name])["taskDefinition"]
        [self.container] = described["containerDefinitions"]
        iam = client(endpoint, "iam")
        role = described["taskRoleArn"].rsplit("/", 1)[-1]
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        self.proxy = RightsProxy(endpoint, role, documents)

    def settings(self):
        described = {entry["name"]: entry["value"] for entry in self.container["environment"]}
        return {**environment(self.proxy.endpoint), **described}

    def command(self):
        return self.container.get("command", [])

    def asked_for_nothing_in_vain(self):
        # The server may look for the record of the last run before that run has left it, and takes the refusal for a no.
        lacking = [refused for refused in self.proxy.refused if not refused.endswith("/last-run.json is missing")]
        check(not lacking, self.proxy.role, "lacks", lacking)

    def may_not(self, what, call):
        """That the role is refused what is another's business."""
        try:
            call(client(self.proxy.endpoint, "s3"))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            check(status == 403, self.proxy.role, what, error)
            return
        raise AssertionError(f"{self.proxy.role} may {what}")


def by_the_schedule_to_a_server_that_takes_ratings(outputs, resources, tasks, folder):
    serve, worker = tasks["ServeTask"], tasks["WorkerTask"]
    settings = {**serve.settings(), "AKIN_FLUSH_INTERVAL": "0.1"}
    with server(programs / "akin-serve", folder, settings) as address:
        # What the rule of the stack does when an execution begins; the emulator has no containers.
        command = [sys.executable, str(ROOT / "deploy/worker.py"), "--akin-batch", str(programs / "akin-batch")]
        process = subprocess.Popen([*command, *worker.command()], env=worker.settings())
        try:
            arn = wait_for("the schedule starts a run", lambda: first_execution(outputs["WorkflowArn"]))
            published = succeeded(ended(states, arn))
            check(published["sequence"] == 1, published)
            serves(address, published["version"])
            before = counts(outputs)
            pages_of_the_named_origins_may_ask(address)
            accepted = ask(address, "/ratings", {"movieID": "1", "user": "abby", "rating": 5})
            answer = ask(address, f"/executions/{accepted['executionArn']}?wait=10")
            check(answer["output"]["recommendations"], answer)

            # By hand, with what the schedule starts a run with: the rating is in it.
            schedule = client(endpoint, "scheduler").get_schedule(Name=resources["RunScheduled"])

            def taken_in():
                started = states.start_execution(
                    stateMachineArn=outputs["WorkflowArn"], input=schedule["Target"]["Input"]
                )
                came_to = succeeded(ended(states, started["executionArn"]))
                return came_to if came_to["sequence"] > 1 else None

            second = wait_for("a run takes the rating in", taken_in)
            check(counts(outputs)["ratings"] == before["ratings"] + 1, before, counts(outputs))
            serves(address, second["version"])
            wait_for("the server tells of the last run", lambda: tells_of_the_last_run(outputs, address))
        finally:
            process.terminate()
            check(process.wait(60) == 0, "the worker did not end as it was told to")


def pages_of_the_named_origins_may_ask(address):
    for origin, expected in ((ORIGIN, ORIGIN), ("https://evil.example.com", None)):
        request = urllib.request.Request(f"http://{address}/versions/current", headers={"origin": origin})
        with urllib.request.urlopen(request, timeout=10) as answer:
            allowed = answer.headers["access-control-allow-origin"]
        check(allowed == expected, origin, "is answered with", allowed)


def tells_of_the_last_run(outputs, address):
    record = json.loads(s3.get_object(Bucket=outputs["BucketName"], Key="akin/last-run.json")["Body"].read())
    finished = datetime.fromisoformat(record["finished_at"][:26].rstrip("Z") + "+00:00").timestamp()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        told = re.search(r"(?m)^akin_last_run_timestamp_seconds (\S+)$", answer.read().decode())
    return True if record["sequence"] == 2 and told and abs(float(told[1]) - finished) < 0.01 else None


def counts(outputs):
    """Of the current version."""
    current = s3.get_object(Bucket=outputs["BucketName"], Key="akin/current.json")["Body"].read()
    return json.loads(current)["counts"]


def first_execution(machine):
    executions = states.list_executions(stateMachineArn=machine)["executions"]
    return executions[0]["executionArn"] if executions else None


def a_clean_up_deletes_and_nobody_else_may(outputs, tasks):
    gc, bucket = tasks["GcTask"], outputs["BucketName"]
    command = [str(programs / "akin-batch"), *gc.command()]
    ran = subprocess.run(command, env=gc.settings(), capture_output=True, text=True)
    check(ran.returncode == 0, ran.stderr)
    gc.asked_for_nothing_in_vain()

    everything = s3.list_objects_v2(Bucket=bucket, Prefix="akin/")["Contents"]
    keys = {one["Key"].split("/")[1]: one["Key"] for one in everything}
    for kind in ("manifests", "ratings", "neighbours", "current.json"):
        delete = lambda door: door.delete_object(Bucket=bucket, Key=keys[kind])
        tasks["ServeTask"].may_not(f"delete {kind}", delete)
        tasks["WorkerTask"].may_not(f"delete {kind}", delete)
        if kind != "neighbours":
            gc.may_not(f"delete {kind}", delete)
        write = lambda door: door.put_object(Bucket=bucket, Key=keys[kind], Body=b"")
        gc.may_not(f"write {kind}", write)
        if kind != "ratings":
            tasks["ServeTask"].may_not(f"write {kind}", write)
    tasks["WorkerTask"].may_not("write ratings", lambda door: door.put_object(Bucket=bucket, Key=keys["ratings"], Body=b""))
    tasks["ServeTask"].may_not("read input", lambda door: door.get_object(Bucket=bucket, Key="input/ratings.csv"))
    tasks["ServeTask"].may_not("list all", lambda door: door.list_objects_v2(Bucket=bucket))
    # Nothing here is as old as the shortest grace: what the program would do then is done without it.
    door = client(gc.proxy.endpoint, "s3")
    door.put_object(Bucket=bucket, Key="akin/cleanups/1.json", Body=b"{}")
    for folder in ("neighbours", "items", "profiles", "reports", "work"):
        door.delete_object(Bucket=bucket, Key=keys[folder])


def main():
    begins = datetime.now(timezone.utc) + timedelta(seconds=10)
    outputs, resources = deployed(begins)
    tasks = {name: Task(resources, name) for name in ("ServeTask", "WorkerTask", "GcTask")}
    with tempfile.TemporaryDirectory() as folder:
        ratings = made_up_ratings(programs / "akin-batch", folder)
        s3.upload_file(ratings, outputs["BucketName"], "input/ratings.csv")
        by_the_schedule_to_a_server_that_takes_ratings(outputs, resources, tasks, folder)
        for name in ("ServeTask", "WorkerTask"):
            tasks[name].asked_for_nothing_in_vain()
        a_clean_up_deletes_and_nobody_else_may(outputs, tasks)


if __name__ == "__main__":
    main()
