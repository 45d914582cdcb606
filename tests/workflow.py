"""Runs deploy/state-machine.asl.json on an emulator of Step Functions and S3, with deploy/worker.py and the real programs.

    workflow.py ENDPOINT FOLDER_OF_THE_PROGRAMS

Ends with 0 when a run publishes and a running akin-serve takes it up; a run over unchanged input ends early; a shard that
crashes is run again, and the version is that of an undivided run; and what the guard refuses is not published.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).parent.parent
STAGES = ("ingest", "similarities", "evaluate", "publish", "report")
PATIENCE = 240

endpoint, programs = sys.argv[1], Path(sys.argv[2]).resolve()
environment = dict(
    os.environ,
    AWS_ENDPOINT_URL=endpoint,
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
)


def client(service):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    config = Config(region_name="us-east-1", s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=endpoint, config=config, **keys)


s3, states = client("s3"), client("stepfunctions")
bucket = f"workflow-{uuid.uuid4().hex[:12]}"
store = f"s3://{bucket}/store"


def check(condition, *told):
    if not condition:
        raise AssertionError(" ".join(str(one) for one in told))


def wait_for(what, ask):
    """Asks until there is an answer. Nothing asserts a time."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"waited in vain until {what}")


def akin_batch(*arguments):
    command = [str(programs / "akin-batch"), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def current():
    return json.loads(s3.get_object(Bucket=bucket, Key="store/current.json")["Body"].read())


def manifests():
    return s3.list_objects_v2(Bucket=bucket, Prefix="store/manifests/")["KeyCount"]


def checksums(manifest):
    return {table: [part["sha256"] for part in parts] for table, parts in manifest["parts"].items()}


class Machine:
    """The state machine with activities of its own, and a worker that takes their tasks with `program`."""

    def __init__(self, program, workers=1):
        name = uuid.uuid4().hex[:12]
        definition = (ROOT / "deploy/state-machine.asl.json").read_text()
        self.activities = {}
        for stage in STAGES:
            arn = states.create_activity(name=f"{stage}-{name}")["activityArn"]
            definition = definition.replace(f"${{{stage.capitalize()}ActivityArn}}", arn)
            self.activities[stage] = arn
        check("${" not in definition, "a placeholder is left in the definition")
        role = "arn:aws:iam::000000000000:role/akin"
        machine = states.create_state_machine(name=f"akin-{name}", definition=definition, roleArn=role)
        self.arn = machine["stateMachineArn"]
        named = ",".join(f"{stage}={arn}" for stage, arn in self.activities.items())
        command = [sys.executable, str(ROOT / "deploy/worker.py"), "--akin-batch", str(program)]
        more = {"AKIN_ACTIVITIES": named}
        self.workers = [
            subprocess.Popen([*command, "--heartbeat", "1"], env={**environment, **more})
            for _ in range(workers)
        ]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            check(worker.wait(60) == 0, "the worker did not end as it was told to")

    def run(self, options, shards=1):
        """What an execution came to."""
        document = {"store": store, "options": options, "shards": shards}
        started = states.start_execution(
            stateMachineArn=self.arn, name=f"run-{uuid.uuid4().hex}", input=json.dumps(document)
        )

        def ended():
            described = states.describe_execution(executionArn=started["executionArn"])
            return None if described["status"] == "RUNNING" else described

        described = wait_for("the execution ends", ended)
        described["states"] = self.states(started["executionArn"])
        return described

    def states(self, arn):
        """The names of the states that were entered."""
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        entered = (event.get("stateEnteredEventDetails") for event in events)
        return [details["name"] for details in entered if details]


def succeeded(execution):
    check(execution["status"] == "SUCCEEDED", execution.get("error"), execution.get("cause"))
    return json.loads(execution["output"])


def the_happy_path_ends_with_a_server_that_serves_the_version(options, folder):
    command = [str(programs / "akin-serve"), "--store", store, "--data-dir", f"{folder}/data"]
    log = Path(folder) / "serve.log"
    with log.open("w") as stderr:
        server = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--poll-interval", "0.1"], env=environment, stderr=stderr
        )
    try:
        words = lambda: (word for line in log.read_text().splitlines() if "listening" in line for word in line.split())
        address = wait_for(
            "the server listens",
            lambda: next((w.removeprefix("address=") for w in words() if w.startswith("address=")), None),
        )
        with Machine(programs / "akin-batch") as machine:
            execution = machine.run({**options, "guard": 0.05}, shards=2)
            published = succeeded(execution)
            check(published["sequence"] == 1, published)
            check(execution["states"][-1] == "Published", execution["states"])

            def serves():
                with urllib.request.urlopen(f"http://{address}/versions/current", timeout=5) as answer:
                    served = json.load(answer)
                return served if served.get("version") == published["version"] else None

            wait_for("the server serves the version", serves)
            report = f"store/reports/version={published['version']}/report.html"
            page = s3.get_object(Bucket=bucket, Key=report)["Body"].read().decode()
            check(published["version"] in page, page)

            unchanged_input_ends_the_run_in_its_first_stage(machine, options)
    finally:
        server.kill()
        server.wait()


def unchanged_input_ends_the_run_in_its_first_stage(machine, options):
    execution = machine.run({**options, "if-changed": True}, shards=2)
    ended = succeeded(execution)
    check(ended["changed"] is False and ended["sequence"] == 1, ended)
    check(execution["states"][-1] == "NothingToDo", execution["states"])
    check("Similarities" not in execution["states"], execution["states"])
    check(manifests() == 1, "something was published")


def a_shard_that_crashes_is_run_again(options, folder):
    # The first attempt at the second shard is killed while the real program works on it.
    program = Path(folder) / "akin-batch"
    program.write_text(
        "#!/usr/bin/env python3\n"
        "import os, signal, subprocess, sys\n"
        f"real, mark = {str(programs / 'akin-batch')!r}, {folder + '/crashed'!r}\n"
        "document = sys.stdin.read()\n"
        "child = subprocess.Popen([real, *sys.argv[1:]], stdin=subprocess.PIPE, text=True)\n"
        "child.stdin.write(document)\n"
        "child.stdin.close()\n"
        "if sys.argv[1] == 'similarities' and '\"2/3\"' in document.rsplit('\"shard\"', 1)[-1] and not os.path.exists(mark):\n"
        "    open(mark, 'w').close()\n"
        "    child.kill()\n"
        "    child.wait()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.exit(child.wait())\n"
    )
    program.chmod(0o755)
    with Machine(program, workers=2) as machine:
        published = succeeded(machine.run({**options, "measure": "lift"}, shards=3))
    check(Path(folder, "crashed").exists(), "no shard was killed")
    check(published["sequence"] == 2, published)
    divided = current()
    arguments = ["--ratings", options["ratings"][0], "--measure", "lift", "--store", store, "--json"]
    undivided = json.loads(akin_batch("run", *arguments))
    check(undivided["sequence"] == 3, undivided)
    check(checksums(divided) == checksums(current()), "the shards' version is another one")


def what_the_guard_refuses_is_not_published(options):
    chance = random.Random(1)
    lines = s3.get_object(Bucket=bucket, Key="in/ratings.csv")["Body"].read().decode().splitlines()
    noise = [f"{line.split(',')[0]},{chance.randint(1, 80)},3,{at}" for at, line in enumerate(lines[1:])]
    s3.put_object(Bucket=bucket, Key="in/noise.csv", Body="\n".join([lines[0], *noise, ""]).encode())
    before = manifests()
    with Machine(programs / "akin-batch") as machine:
        succeeded(machine.run({**options, "guard": 0.05}))
        execution = machine.run({"ratings": [f"s3://{bucket}/in/noise.csv"], "guard": 0.05})
        check(execution["status"] == "FAILED", execution)
        check(execution["error"] == "Akin.Guard", execution)
        check("NDCG@10" in execution["cause"] and "Nothing was published" in execution["cause"], execution)
        check(manifests() == before + 1, "something was published")
        # What trying again cannot help fails at once, and says what to do.
        execution = machine.run({"ratings": [f"s3://{bucket}/in/nothing.csv"]})
        check(execution["status"] == "FAILED", execution)
        check(execution["error"] == "Akin.InputOrOptions", execution)
        check("nothing.csv" in execution["cause"] and "Correct the input" in execution["cause"], execution)


def main():
    s3.create_bucket(Bucket=bucket)
    with tempfile.TemporaryDirectory() as folder:
        akin_batch(
            "synth", "--users", "200", "--items", "80", "--ratings", "5000", "--out", f"{folder}/made"
        )
        s3.upload_file(f"{folder}/made/ratings.csv", bucket, "in/ratings.csv")
        options = {"ratings": [f"s3://{bucket}/in/ratings.csv"]}
        the_happy_path_ends_with_a_server_that_serves_the_version(options, folder)
        a_shard_that_crashes_is_run_again(options, folder)
        what_the_guard_refuses_is_not_published(options)


if __name__ == "__main__":
    main()
