"""Runs ministack on a free port of 127.0.0.1, which is printed first, until standard input ends.

Whoever started it holds the other end of that pipe: however that process ends, so does this one.
"""

import os
import signal
import socket
import sys
import tempfile
import threading


def end_with_input():
    while sys.stdin.buffer.read(4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


with tempfile.TemporaryDirectory() as folder:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    os.environ.update(
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        LOG_LEVEL="WARNING",
        # Step Functions waits before it tries again; nobody watches.
        SFN_WAIT_SCALE="0.02",
        # It leaves a file with its process id there.
        TMPDIR=folder,
    )
    tempfile.tempdir = None
    print(port, flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    sys.argv = sys.argv[:1]

    from ministack.app import main

    main()
