"""The worker's own behaviour, with an API and a clock that are played here: when it ends, and what it tells before it does."""

import argparse
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent / "deploy"))
import worker  # noqa: E402
from botocore.exceptions import EndpointConnectionError  # noqa: E402

PATIENCE = 60
MINUTE = 60


class Clock:
    """Goes on when it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Api:
    """Hands out each stage's one task when the stage before has told of its end."""

    def __init__(self, stages):
        self.waiting, self.told = list(stages), []

    def get_activity_task(self, activityArn, **_):
        time.sleep(0.01)
        done = {token for token, _ in self.told}
        if self.waiting and activityArn == self.waiting[0] and len(done) == 2 - len(self.waiting):
            return {"taskToken": self.waiting.pop(0), "input": "{}"}
        return {}

    def send_task_success(self, taskToken, output):
        self.told.append((taskToken, "success"))
        self.output = output

    def send_task_failure(self, taskToken, error, cause):
        # Long enough that a process which does not wait for it would be gone.
        time.sleep(0.3)
        self.told.append((taskToken, error))
        self.cause = cause

    def send_task_heartbeat(self, **_):
        pass


class Unreachable(Api):
    """Of which no task can be had."""

    def __init__(self):
        super().__init__([])
        self.asked = 0

    def get_activity_task(self, **_):
        self.asked += 1
        raise EndpointConnectionError(endpoint_url="https://states.example.com")


def wait_for(what):
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > PATIENCE:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


class Playing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.clock = Clock()

    def worker(self, program, api=None, **more):
        path = self.folder / "program"
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
        settings = {"akin_batch": str(path), "heartbeat": 0.1, "exit_when_idle": None, **more}
        made = worker.Worker(argparse.Namespace(**settings), api or Api(["ingest", "publish"]), self.clock)
        return made, made.client

    def running(self, made, *stages):
        thread = threading.Thread(target=made.run_until_told, args=({stage: stage for stage in stages},), daemon=True)
        thread.start()
        self.addCleanup(made.stop)
        return thread

    def assert_ends(self, thread):
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive(), "the worker does not end")


class Ending(Playing):
    def test_no_stage_ends_while_another_is_at_work(self):
        go = self.folder / "go"
        made, api = self.worker(f"while [ ! -e {go} ]; do sleep 0.01; done; echo {{}}", exit_when_idle=15)
        thread = self.running(made, "publish", "ingest")
        wait_for(lambda: made.children)
        self.clock.now += 60 * MINUTE
        self.assertFalse(made.is_idle())
        go.touch()
        wait_for(lambda: len(api.told) == 2 and not made.tasks)
        self.assertEqual(api.told, [("ingest", "success"), ("publish", "success")])
        # Since the last stage's end, not since its beginning.
        self.clock.now += 14 * MINUTE
        self.assertFalse(made.is_idle())
        self.clock.now += MINUTE
        self.assert_ends(thread)

    def test_a_worker_that_cannot_ask_for_tasks_ends_when_idle_too(self):
        made, api = self.worker("echo {}", Unreachable(), exit_when_idle=15)
        thread = self.running(made, "ingest")
        wait_for(lambda: api.asked)
        self.clock.now += 15 * MINUTE
        self.assert_ends(thread)

    def test_the_end_of_a_stage_is_told_before_the_worker_ends(self):
        made, api = self.worker("exec sleep 100")

        def stop():
            wait_for(lambda: made.children)
            made.stop()

        threading.Thread(target=stop, daemon=True).start()
        made.run_until_told({"ingest": "ingest"})
        self.assertEqual(api.told, [("ingest", "Akin.Crashed")])

    def test_a_task_that_was_taken_just_before_is_told_of(self):
        made, api = self.worker("exec sleep 100")
        start = worker.subprocess.Popen

        def started(*arguments, **more):
            made.stop()
            made.stopping.wait(PATIENCE)
            # The worker could end by now.
            time.sleep(0.3)
            return start(*arguments, **more)

        with mock.patch.object(worker.subprocess, "Popen", started):
            made.run_until_told({"ingest": "ingest"})
        self.assertEqual(api.told, [("ingest", "Akin.Crashed")])

    def test_a_task_that_is_taken_after_the_end_began_is_given_back(self):
        made, api = self.worker("echo {}")
        made.stop()
        made.run_until_told({})
        with mock.patch.object(worker.subprocess, "Popen") as started:
            made.run("ingest", "token", "{}")
        started.assert_not_called()
        self.assertEqual(api.told, [("token", "Akin.Crashed")])


class Telling(Playing):
    def test_each_exit_code_has_the_name_that_the_state_machine_knows(self):
        for code, name in worker.ERRORS.items():
            made, api = self.worker(f"echo why >&2; exit {code}")
            made.run("ingest", "token", "{}")
            self.assertEqual((api.told, api.cause), ([("token", name)], "why"))

    def test_a_program_that_cannot_be_started_is_told_and_the_next_task_is_taken(self):
        made, api = self.worker("echo {}", akin_batch=str(self.folder / "missing"))
        thread = self.running(made, "ingest", "publish")
        wait_for(lambda: len(api.told) == 2)
        self.assertEqual(api.told, [("ingest", "Akin.Crashed"), ("publish", "Akin.Crashed")])
        self.assertIn("missing", api.cause)
        made.stop()
        self.assert_ends(thread)

    def test_whatever_a_stage_prints_its_end_is_told(self):
        made, api = self.worker(r"printf '\377' >&2; printf '\377{}'")
        made.run("ingest", "token", "{}")
        self.assertEqual((api.told, api.output), ([("token", "success")], "\N{REPLACEMENT CHARACTER}{}"))

    def test_a_stage_that_cannot_be_given_its_document_does_not_stay(self):
        # Half a character, as JSON can say it and no file.
        made, api = self.worker("exec sleep 100")
        processes, start = [], worker.subprocess.Popen

        def started(*arguments, **more):
            processes.append(start(*arguments, **more))
            return processes[0]

        with mock.patch.object(worker.subprocess, "Popen", started):
            made.run("ingest", "token", "\ud800")
        self.assertEqual(api.told, [("token", "Akin.Crashed")])
        self.assertIsNotNone(processes[0].poll())
        self.assertFalse(made.children)


if __name__ == "__main__":
    unittest.main()
