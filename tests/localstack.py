"""Starts LocalStack on a free port, runs a command against it, and stops it.

    localstack.py PYTHON DATA COMMAND... (ENDPOINT in the command is where it is)
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PATIENCE = 180


def main():
    python, data, command = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3:]
    os.makedirs(data, exist_ok=True)
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    settings = dict(
        GATEWAY_LISTEN=f"127.0.0.1:{port}",
        SKIP_SSL_CERT_DOWNLOAD="1",
        DISABLE_EVENTS="1",
        FILESYSTEM_ROOT=data,
        LAMBDA_PREBUILD_IMAGES="0",
    )
    with open(f"{data}/localstack.log", "w") as log:
        server = subprocess.Popen(
            [python, "-m", "localstack.runtime.main"],
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        began = time.monotonic()
        while True:
            try:
                urllib.request.urlopen(f"{endpoint}/_localstack/health", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None or time.monotonic() - began > PATIENCE:
                    sys.exit(f"LocalStack does not start; {data}/localstack.log says why")
                time.sleep(0.5)
        command = [endpoint if word == "ENDPOINT" else word for word in command]
        sys.exit(subprocess.run(command).returncode)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
