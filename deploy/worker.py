#!/usr/bin/env python3
"""Takes tasks of the state machine's activities, and runs akin-batch for each.

    worker.py --akin-batch akin-batch --activity ingest=ARN --activity similarities=ARN ...

A task's input is the document of the stage, its output what the stage prints. A stage that fails, crashes or is killed
fails its task under a name that the state machine knows; whether it is tried again is for the state machine to say.
Meanwhile heartbeats are sent, and a stage whose task was given up is stopped.

A script, because it makes four calls of an API and nothing else: in the program they would bring a second AWS client into
every build. Needs boto3, as deploy/worker-requirements.txt pins it. One worker runs one task of each of its activities at
a time; start more for more shards.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

STAGES = ("ingest", "similarities", "evaluate", "publish", "report")

# The exit codes of akin-batch, as the state machine names them.
ERRORS = {
    1: "Akin.Internal",
    2: "Akin.Usage",
    3: "Akin.BadInput",
    4: "Akin.Superseded",
    5: "Akin.Store",
    6: "Akin.Guard",
    7: "Akin.Memory",
    8: "Akin.Unknown",
}
CRASHED = "Akin.Crashed"

# Step Functions answers an empty poll after 60 s.
POLL_SECONDS = 70
CAUSE_CHARACTERS = 8_000
GIVEN_UP = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


class Worker:
    def __init__(self, arguments, client, clock=time.monotonic):
        self.program = arguments.akin_batch
        self.heartbeat = arguments.heartbeat
        self.idle = arguments.exit_when_idle
        self.clock = clock
        self.told_to_stop = False
        self.stopping = threading.Event()
        self.tasks = 0
        self.children = set()
        self.lock = threading.RLock()
        self.last_work = clock()
        self.client = client
        self.name = f"{os.uname().nodename}-{os.getpid()}"[:80]

    def log(self, text):
        print(f"worker: {text}", file=sys.stderr, flush=True)

    def run_until_told(self, activities):
        """Polls each activity in a thread of its own, until this is told to stop or idle for long enough."""
        # Daemons: a poll that waits must not hold up the end.
        threads = [threading.Thread(target=self.serve, args=item, daemon=True) for item in activities.items()]
        for thread in threads:
            thread.start()
        while not self.ends():
            time.sleep(0.1)
        # A process that polls has nothing to lose; one that has a task tells of its end first.
        while self.tasks:
            time.sleep(0.1)

    def ends(self):
        """Whether this has to go. Asked here rather than after a poll, which may fail or wait."""
        with self.lock:
            if self.told_to_stop:
                for child in self.children:
                    child.terminate()
            elif self.is_idle():
                self.log(f"no task for {self.idle:g} minutes, this ends")
            else:
                return False
            self.stopping.set()
            return True

    def serve(self, stage, arn):
        """Polls one activity until this ends."""
        while not self.stopping.is_set():
            try:
                task = self.client.get_activity_task(activityArn=arn, workerName=self.name)
            except (BotoCoreError, ClientError) as error:
                self.log(f"{stage}: cannot take a task: {error}")
                self.stopping.wait(10)
                continue
            if task.get("taskToken"):
                self.run(stage, task["taskToken"], task["input"])

    def is_idle(self):
        """Of all stages together: while one is at work, the next ones' tasks are still to come."""
        with self.lock:
            waited = self.clock() - self.last_work
            return self.idle is not None and not self.tasks and waited >= 60 * self.idle

    def run(self, stage, token, document):
        """Runs a stage, and tells of its end whatever that is: a thread that died here would take no task any more."""
        # Before anything else: when it is told to stop, this process waits for what it took.
        with self.lock:
            self.tasks += 1
        try:
            if self.stopping.is_set():
                self.fail(stage, token, CRASHED, f"the worker ended before {stage} began")
            else:
                self.tell(stage, token, *self.run_program(stage, token, document))
        except Exception as error:
            self.fail(stage, token, CRASHED, f"the worker could not run {self.program} {stage}: {error}")
        finally:
            with self.lock:
                self.tasks -= 1
                self.last_work = self.clock()

    def run_program(self, stage, token, document):
        """Its exit code, what it printed, and the last line of its log."""
        self.log(f"{stage} begins")
        # A process of its own: whatever becomes of it, this one tells.
        child = subprocess.Popen(
            [self.program, stage, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with self.lock:
            self.children.add(child)
            if self.stopping.is_set():
                child.terminate()
        ended = threading.Event()
        beat = threading.Thread(target=self.beat, args=(stage, token, child, ended), daemon=True)
        beat.start()
        last = [""]
        echo = threading.Thread(target=self.echo, args=(child.stderr, last), daemon=True)
        echo.start()
        try:
            # It may end before it reads; its exit code says why.
            with suppress(BrokenPipeError), child.stdin:
                child.stdin.write(document.encode())
            output = child.stdout.read().decode(errors="replace")
            code = child.wait()
        finally:
            # For when something above went wrong: of one that has ended nothing comes of it.
            child.kill()
            child.wait()
            echo.join()
            child.stdout.close()
            child.stderr.close()
            ended.set()
            beat.join()
            with self.lock:
                self.children.discard(child)
        return code, output, last[0]

    def echo(self, lines, last):
        """The log of a stage is this worker's; its last line is its error."""
        for line in lines:
            text = line.decode(errors="replace")
            sys.stderr.write(text)
            if text.strip():
                last[0] = text.strip()

    def beat(self, stage, token, child, ended):
        while not ended.wait(self.heartbeat):
            try:
                self.client.send_task_heartbeat(taskToken=token)
            except ClientError as error:
                if error.response["Error"]["Code"] in GIVEN_UP:
                    self.log(f"{stage}: the task was given up, the stage is stopped")
                    child.kill()
                    return
                self.log(f"{stage}: no heartbeat: {error}")
            except BotoCoreError as error:
                self.log(f"{stage}: no heartbeat: {error}")

    def tell(self, stage, token, code, output, last):
        if code < 0:
            self.fail(stage, token, CRASHED, f"akin-batch {stage} was ended by signal {-code}; {last}")
        elif code > 0:
            self.fail(stage, token, ERRORS.get(code, CRASHED), last)
        else:
            self.log(f"{stage} is done")
            self.answer(stage, self.client.send_task_success, taskToken=token, output=output)

    def fail(self, stage, token, error, cause):
        self.log(f"{stage} failed: {error}: {cause}")
        self.answer(
            stage, self.client.send_task_failure, taskToken=token, error=error, cause=cause[:CAUSE_CHARACTERS]
        )

    def answer(self, stage, call, **told):
        try:
            call(**told)
        except (BotoCoreError, ClientError) as error:
            # The task times out and is tried again: a stage that is repeated gives the same.
            self.log(f"{stage}: the end could not be told: {error}")

    def stop(self, *_):
        """Lets running stages go: their tasks fail as crashed, and other workers take them over. Takes no lock: a signal
        may come while this very thread has it."""
        self.told_to_stop = True


def activities(named):
    """`stage=arn` for each stage that this worker runs."""
    found = {}
    for text in named:
        stage, _, arn = text.partition("=")
        if stage not in STAGES or not arn:
            sys.exit(f"worker: {text!r} is not STAGE=ARN with one of {', '.join(STAGES)}; correct --activity")
        found[stage] = arn
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--akin-batch", default="akin-batch", metavar="PATH", help="the program")
    parser.add_argument(
        "--activity",
        action="append",
        default=[],
        metavar="STAGE=ARN",
        help="an activity to take tasks of; or AKIN_ACTIVITIES, a list with commas between",
    )
    parser.add_argument("--heartbeat", type=float, default=60, metavar="SECONDS")
    parser.add_argument(
        "--exit-when-idle", type=float, metavar="MINUTES", help="end after so long without a task"
    )
    arguments = parser.parse_args()
    from_environment = filter(None, os.environ.get("AKIN_ACTIVITIES", "").split(","))
    found = activities([*from_environment, *arguments.activity])
    if not found:
        sys.exit("worker: no activity is named; give --activity STAGE=ARN or AKIN_ACTIVITIES")
    retries = {"max_attempts": 5, "mode": "standard"}
    config = Config(read_timeout=POLL_SECONDS, connect_timeout=10, retries=retries)
    worker = Worker(arguments, boto3.client("stepfunctions", config=config))
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, worker.stop)
    worker.run_until_told(found)


if __name__ == "__main__":
    main()
