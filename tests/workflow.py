"""Runs deploy/state-machine.asl.json on an emulator of Step Functions and S3, with deploy/worker.py and the real programs.

    workflow.py ENDPOINT FOLDER_OF_THE_PROGRAMS

Ends with 0 when a run publishes and a running akin-serve takes it up; a run over unchanged input ends early; a shard that
crashes is run again, and the version is that of an undivided run; a worker that is told to end gives its task to another;
and what the guard refuses is not published.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from emulated import ROOT, check, client, ended, environment, made_up_ratings, serves, server, succeeded, wait_for

STAGES = ("ingest", "similarities", "evaluate", "publish", "report")

endpoint, programs = sys.argv[1], Path(sys.argv[2]).resolve()
environment = environment(endpoint)
s3, states = client(endpoint, "s3"), client(endpoint, "stepfunctions")
bucket = f"workflow-{uuid.uuid4().hex[:12]}"
store = f"s3://{bucket}/store"


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
        self.workers = [self.worker(program) for _ in range(workers)]

    def worker(self, program, stages=STAGES):
        named = ",".join(f"{stage}={self.activities[stage]}" for stage in stages)
        command = [sys.executable, str(ROOT / "deploy/worker.py"), "--akin-batch", str(program)]
        return subprocess.Popen([*command, "--heartbeat", "1"], env={**environment, "AKIN_ACTIVITIES": named})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the workers, as who deploys another one does."""
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            check(worker.wait(60) == 0, "the worker did not end as it was told to")

    def run(self, options, shards=1):
        """What an execution came to."""
        return self.ended(self.start(options, shards))

    def start(self, options, shards=1):
        document = {"store": store, "options": options, "shards": shards}
        started = states.start_execution(
            stateMachineArn=self.arn, name=f"run-{uuid.uuid4().hex}", input=json.dumps(document)
        )
        return started["executionArn"]

    def ended(self, arn):
        return {**ended(states, arn), "states": self.states(arn)}

    def states(self, arn):
        """The names of the states that were entered."""
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        entered = (event.get("stateEnteredEventDetails") for event in events)
        return [details["name"] for details in entered if details]


def the_happy_path_ends_with_a_server_that_serves_the_version(options, folder):
    with (
        server(programs / "akin-serve", folder, {**environment, "AKIN_STORE": store}) as address,
        Machine(programs / "akin-batch") as machine,
    ):
        execution = machine.run({**options, "guard": 0.05}, shards=2)
        published = succeeded(execution)
        check(published["sequence"] == 1, published)
        check(execution["states"][-1] == "Published", execution["states"])
        serves(address, published["version"])
        report = f"store/reports/version={published['version']}/report.html"
        page = s3.get_object(Bucket=bucket, Key=report)["Body"].read().decode()
        check(published["version"] in page, page)
        unchanged_input_ends_the_run_in_its_first_stage(machine, options)


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


def a_worker_that_is_ended_gives_its_task_to_another(options, folder):
    # It works until it is ended. To the emulator a worker that is silent is at work for ever: only a task that is told to
    # have failed is given to another. Nor does it notice that a poll's other end is gone, so that this worker, which
    # leaves none open, takes the tasks of one stage only.
    program, mark = Path(folder) / "endless", Path(folder) / "works"
    program.write_text(f"#!/bin/sh\ntouch {mark}\nexec sleep 1000\n")
    program.chmod(0o755)
    with Machine(program, workers=0) as machine:
        machine.workers = [machine.worker(program, ["ingest"])]
        arn = machine.start({**options, "if-changed": True})
        wait_for("the worker works", lambda: mark.exists() or None)
        machine.stop()
        machine.workers = [machine.worker(programs / "akin-batch")]
        succeeded(machine.ended(arn))


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
        s3.upload_file(made_up_ratings(programs / "akin-batch", folder), bucket, "in/ratings.csv")
        options = {"ratings": [f"s3://{bucket}/in/ratings.csv"]}
        the_happy_path_ends_with_a_server_that_serves_the_version(options, folder)
        a_shard_that_crashes_is_run_again(options, folder)
        a_worker_that_is_ended_gives_its_task_to_another(options, folder)
        what_the_guard_refuses_is_not_published(options)


if __name__ == "__main__":
    main()
