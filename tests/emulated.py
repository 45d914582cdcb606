"""What the tests of the workflow and of the deployment on AWS share: an emulator's clients, and akin-serve beside it."""

import json
import os
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).parent.parent
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
PATIENCE = 240


def environment(endpoint):
    """What a program has to know in order to find the emulator."""
    return {**os.environ, **KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


def client(endpoint, service):
    keys = {name.lower(): value for name, value in KEYS.items()}
    config = Config(region_name=REGION, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=endpoint, config=config, **keys)


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


def ended(states, arn):
    """What an execution came to."""

    def described():
        execution = states.describe_execution(executionArn=arn)
        return None if execution["status"] == "RUNNING" else execution

    return wait_for("the execution ends", described)


def succeeded(execution):
    check(execution["status"] == "SUCCEEDED", execution.get("error"), execution.get("cause"))
    return json.loads(execution["output"])


@contextmanager
def server(program, folder, settings):
    """Runs akin-serve, which is told everything by its environment, and gives the address that it listens at."""
    log = Path(folder) / "serve.log"
    settings = {**settings, "AKIN_LISTEN": "127.0.0.1:0", "AKIN_DATA_DIR": f"{folder}/data", "AKIN_POLL_INTERVAL": "0.1"}
    # Plain text, of which the address is read below.
    settings.pop("AKIN_LOG_JSON", None)
    with log.open("w") as stderr:
        process = subprocess.Popen([str(program)], env=settings, stderr=stderr)

    def address():
        lines = (line for line in log.read_text().splitlines() if "listening" in line)
        words = (word for line in lines for word in line.split() if word.startswith("address="))
        return next((word.removeprefix("address=") for word in words), None)

    try:
        yield wait_for("the server listens", address)
    finally:
        process.kill()
        process.wait()


def ask(address, path, body=None):
    """The server's answer, as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def serves(address, version):
    """Waits until the server serves a version."""

    def served():
        return ask(address, "/versions/current").get("version") == version or None

    wait_for(f"the server serves {version}", served)


def made_up_ratings(akin_batch, folder):
    """A file of ratings."""
    sizes = ["--users", "200", "--items", "80", "--ratings", "5000"]
    subprocess.run([str(akin_batch), "synth", *sizes, "--out", f"{folder}/made"], check=True, capture_output=True)
    return f"{folder}/made/ratings.csv"
