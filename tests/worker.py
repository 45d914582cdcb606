"""The worker's own behaviour, with an API that is played here: when it ends, and what it tells before it does."""

import argparse
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "deploy"))
import worker  # noqa: E402


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

    def send_task_success(self, taskToken, **_):
        self.told.append((taskToken, "success"))

    def send_task_failure(self, taskToken, error, **_):
        # Long enough that a process which does not wait for it would be gone.
        time.sleep(0.3)
        self.told.append((taskToken, error))

    def send_task_heartbeat(self, **_):
        pass


class Ending(unittest.TestCase):
    def worker(self, program, **more):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "program"
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
        settings = {"akin_batch": str(path), "heartbeat": 0.1, "exit_when_idle": None, **more}
        made = worker.Worker(argparse.Namespace(**settings), Api(["ingest", "publish"]))
        return made, made.client

    def test_no_stage_ends_while_another_is_at_work(self):
        # Idle after a fifth of a second; the first stage works for a whole one, and the second one's task comes then.
        made, api = self.worker("sleep 1; echo {}", exit_when_idle=0.2 / 60)
        made.run_until_told({"publish": "publish", "ingest": "ingest"})
        self.assertEqual(api.told, [("ingest", "success"), ("publish", "success")])

    def test_the_end_of_a_stage_is_told_before_the_worker_ends(self):
        made, api = self.worker("exec sleep 100")

        def stop():
            while not made.children:
                time.sleep(0.01)
            made.stop()

        threading.Thread(target=stop, daemon=True).start()
        made.run_until_told({"ingest": "ingest"})
        self.assertEqual(api.told, [("ingest", "Akin.Crashed")])

    def test_each_exit_code_has_the_name_that_the_state_machine_knows(self):
        for code, name in worker.ERRORS.items():
            made, api = self.worker(f"echo why >&2; exit {code}")
            made.run("ingest", "token", "{}")
            self.assertEqual(api.told, [("token", name)])


if __name__ == "__main__":
    unittest.main()
