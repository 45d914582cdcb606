"""akin-serve under load, and beside it, on the same store and with the same requests, a server with FastAPI and
implicit that does the same in memory (`bench/peers/server.py`).

    make bench-serve STORE=store

Each phase is an open loop; see `bench/load`. One server runs at a time. The tables are written as they stand in
bench/RESULTS.md.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin-dir", required=True, type=Path)
    parser.add_argument("--store", required=True, type=Path, help="with a published version; it is not changed")
    parser.add_argument("--work", required=True, type=Path, help="a folder on the disk that is measured")
    parser.add_argument("--seconds", type=int, default=10, help="of each phase")
    parser.add_argument("--rates", default="500,1000,2000", help="ratings a second, in steps")
    parser.add_argument("--poll-rate", type=int, default=30000, help="of executions that have just ended")
    parser.add_argument("--old-poll-rate", type=int, default=5000, help="of all executions since the start")
    parser.add_argument("--peer-rate", type=int, default=200, help="of ratings and of polls, for the peer")
    parser.add_argument("--at-once", action="store_true", help="as soon as it is ready, not when all users are prepared")
    parser.add_argument("--only", choices=["akin", "peer"])
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that answers, and says how long it took until it did."""

    def __init__(self, command, port, log, env=None):
        begun = time.monotonic()
        self.log = log.open("w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=env)
        self.address = f"127.0.0.1:{port}"
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > begun + 600:
                self.stop()
                sys.exit(f"the server did not become ready; it says: {log.read_text()[-2000:]}")
            time.sleep(0.01)
        self.seconds = time.monotonic() - begun
        self.cpu = sum(map(cpu_seconds, self.pids()))

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"http://{self.address}/health/ready", timeout=5).status == 200
        except OSError:
            return False

    def pids(self):
        """The process and those that it started, which uvicorn's workers are."""
        pids = [self.process.pid]
        for pid in pids:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                pids += map(int, children.read_text().split())
        return pids

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(options, server, phases, *more):
    command = [options.bin_dir / "akin-load", "--server", server.address, "--pid", ",".join(map(str, server.pids()))]
    for phase in phases:
        command += ["--phase", phase]
    lines = subprocess.run([*command, *more], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def milliseconds(percentiles):
    return " / ".join(f"{percentiles[name] / 1000:.1f}" for name in ("p50", "p99", "p999"))


def show(name, report):
    if report["kind"] == "disk":
        print(f"\n4 KiB and fdatasync, p50 / p99 / p99.9 in ms: {milliseconds(report['fdatasync'])}\n")
        return
    usage = report["server"]
    refused = {status: count for status, count in report["answers"].items() if status not in ("200", "202", "poll succeeded")}
    cells = [
        name,
        f"{report['kind']} {report['rate']}",
        f"{report['served_a_second']:.0f}",
        milliseconds(report["latency"]),
        milliseconds(report["to_success"]) if "to_success" in report else "",
        f"{report['unsent']} {refused or ''}".strip(),
        f"{usage['user']:.2f} + {usage['system']:.2f}",
        f"{report['served_a_server_second']:.0f}",
        f"{usage['resident_mib']:.0f}, {usage['peak_mib']:.0f}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


HEAD = [
    "server",
    "asked a second",
    "served a second",
    "latency p50 / p99 / p99.9, ms",
    "to SUCCEEDED, ms",
    "not sent, refused",
    "server CPU s, user + system",
    "served a server CPU second",
    "resident MiB, at most so far",
]


def link_or_copy(source, target):
    """Parts are never written again, so that links to them do, where there is one disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def akin(options):
    folder = options.work / "akin"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    store = folder / "store"
    shutil.copytree(options.store, store, copy_function=link_or_copy)
    upcoming = hold_back(store, folder)
    port = free_port()
    command = [options.bin_dir / "akin-serve", "--store", store, "--data-dir", folder / "data", "--poll-interval", "1"]
    server = Server([*command, "--listen", f"127.0.0.1:{port}"], port, folder / "log")
    try:
        usage = Path(f"/proc/{server.process.pid}/status").read_text()
        peak = next(line.split()[1] for line in usage.splitlines() if line.startswith("VmHWM"))
        print(f"akin-serve: ready after {server.seconds:.2f} s ({server.cpu:.2f} s of processor time), peak {int(peak) // 1024} MiB")
        if not options.at_once:
            wait_until_prepared(server)
        seconds = options.seconds
        rates = [int(rate) for rate in options.rates.split(",")]
        disk, *reports = load(
            options,
            server,
            [f"finish:{rates[0]}:{seconds}", f"poll:{options.poll_rate}:{seconds}"]
            + [f"post:{rate}:{seconds}" for rate in rates]
            + [f"poll:{options.old_poll_rate}:{seconds}"],
            "--disk",
            folder,
        )
        show("", disk)
        print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|")
        for report in reports:
            show("akin-serve", report)
        # Published as a run does in the end, without its work beside it.
        publish = f"mv {upcoming} {store / 'manifests' / upcoming.name}"
        # Long enough for the version to be read and to take over within the phase.
        phase = f"finish:{rates[0]}:{max(seconds, 60)}"
        for report in load(options, server, [phase], "--at-half", publish, "--seed", "2"):
            show("akin-serve, new version", report)
        current = json.load(urllib.request.urlopen(f"http://{server.address}/versions/current"))
        swapped = current["sequence"] == newest(store)["sequence"]
        print("\nthe new version " + ("serves" if swapped else f"does not serve yet: {current.get('refused', 'it is being loaded')}"))
        return reports
    finally:
        server.stop()


def are_all_prepared(server):
    lines = urllib.request.urlopen(f"http://{server.address}/metrics", timeout=5).read().decode().splitlines()
    users = dict(line.rsplit(" ", 1) for line in lines if line.startswith("akin_version_users"))
    return users["akin_version_users"] == users["akin_version_users_prepared"]


def wait_until_prepared(server):
    """Candidates are found once a version serves, which takes a while."""
    begun = time.monotonic()
    while not are_all_prepared(server):
        if time.monotonic() > begun + 600:
            sys.exit("not all users are prepared after 600 s; --at-once does not wait for them")
        time.sleep(0.1)
    cpu = cpu_seconds(server.process.pid) - server.cpu
    print(f"akin-serve: all users prepared after {time.monotonic() - begun:.1f} s more ({cpu:.1f} s of processor time)")


# Of a version's name, after its moment.
SUFFIX_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


def newest(store):
    return json.loads(max((store / "manifests").glob("*.json")).read_bytes())["body"]


def hold_back(store, folder):
    """A file that publishes a version when it is moved to the manifests: the newest, which is taken out of the store; or, where
    there is only one, that one under the next number. (The peer always has the newest.)"""
    manifests = sorted((store / "manifests").glob("*.json"))
    if len(manifests) > 1:
        before = json.loads(manifests[-2].read_bytes())["body"]["counts"]
        after = json.loads(manifests[-1].read_bytes())["body"]["counts"]
        print(f"to be published: {after}, after {before}")
        return Path(shutil.move(manifests[-1], folder / manifests[-1].name))
    print("to be published: the same tables once more, so that the server shares what it knows of all users with the version before")
    body = newest(store)
    body["sequence"] += 1
    body["version"] = body["version"][:-4] + "".join(random.choices(SUFFIX_LETTERS, k=4))
    text = json.dumps(body, separators=(",", ":"))
    manifest = folder / f"{body['sequence']:020}.json"
    manifest.write_text(f'{{"sha256":"{hashlib.sha256(text.encode()).hexdigest()}","body":{text}}}\n')
    return manifest


def peer(options, workers):
    folder = options.work / f"peer-{workers}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", Path(__file__).parent / "peers", "server:app"]
    command += ["--port", str(port), "--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    env = {**os.environ, "STORE": str(options.store.resolve()), "OPENBLAS_NUM_THREADS": "1"}
    server = Server(command, port, folder / "log", env)
    try:
        if workers > 1:
            # Ready is whoever was asked: the others need as long.
            time.sleep(server.seconds)
        print(f"peer, {workers} workers: ready after {server.seconds:.2f} s ({server.cpu:.2f} s of processor time)")
        rate, seconds = options.peer_rate, options.seconds
        phases = [f"post:{rate}:{seconds}"] + [f"poll:{rate}:{seconds}"] * (workers == 1)
        reports = load(options, server, phases)
        for report in reports:
            show(f"FastAPI + implicit, {workers}", report)
        return reports
    finally:
        server.stop()


def main():
    options = arguments()
    print(f"load average before: {os.getloadavg()}, {os.cpu_count()} cores")
    ours = akin(options) if options.only != "peer" else []
    theirs = peer(options, 1) if options.only != "akin" else []
    if options.only != "akin":
        peer(options, os.cpu_count())
    for kind in ("post", "poll"):
        best = lambda reports: max((r["served_a_server_second"] for r in reports if r["kind"] == kind), default=0)
        if best(theirs) and best(ours):
            print(f"{kind}: {best(ours) / best(theirs):.1f} times the peer's requests a server CPU second")
    print(f"load average after: {os.getloadavg()}")


if __name__ == "__main__":
    main()
