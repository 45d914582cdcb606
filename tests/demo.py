"""Shows the whole loop: ratings in a file, a version published, a rating posted, recommendations, SQL over the files.

Drives the built programs. Needs the `duckdb` module; `make demo` builds, installs and calls. Leaves nothing behind,
unless told to with --keep: then the server and its page stay, too, until Ctrl-C.
"""

import argparse
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.parse
from pathlib import Path

USER = "abby"
SHOWN = 10
READY_SECONDS = 60
EXECUTION_SECONDS = 30
STOP_SECONDS = 30
LOG_LINES = 15

POPULAR_ITEM = "SELECT item_id, coalesce(title, item_id), rating_count FROM items ORDER BY rating_count DESC, item_id LIMIT 1"
HIGHEST_RATING = "SELECT max(rating) FROM ratings"
NEIGHBOURS = f"""\
SELECT n.rank, i.title, round(n.score::DOUBLE, 4) AS score, n.co_count
FROM neighbours n JOIN items i ON i.item_id = n.neighbour_id
WHERE n.item_id = $item AND n.score > 0
ORDER BY n.rank
LIMIT {SHOWN}"""


class DemoError(Exception):
    """A step failed; the text says which and why."""


class Steps:
    """Announces the steps and measures them."""

    def __init__(self):
        self.began = time.monotonic()
        self.taken = []

    def run(self, title, action, *arguments):
        print(f"\n{len(self.taken) + 1}. {title}", flush=True)
        began = time.monotonic()
        result = action(*arguments)
        self.taken.append((title, time.monotonic() - began))
        return result

    def show(self):
        print("\nTime")
        total = ("all", time.monotonic() - self.began)
        show_table(None, [(title, f"{seconds:.2f} s") for title, seconds in [*self.taken, total]], right={1})


class Server:
    """akin-serve as a child process, on a port that the system chooses."""

    def __init__(self, program, store, folder):
        self.log = folder / "akin-serve.log"
        arguments = [program, "--store", store, "--data-dir", folder / "ledger", "--listen", "127.0.0.1:0"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()
            )

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self):
        self.address = self.wait_for("listen", self.listening)
        self.wait_for("be ready", self.ready)

    def listening(self):
        found = re.search(r"listening.*\baddress=(\S+:\d+)", self.log_text())
        return found and found.group(1)

    def ready(self):
        return self.request("GET", "/health/ready")[0] == 200

    def wait_for(self, what, condition):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            result = condition()
            if result:
                return result
            if self.process.poll() is not None:
                raise DemoError(f"akin-serve did not {what}: it ended with exit code {self.process.returncode}")
            time.sleep(0.02)
        raise DemoError(f"akin-serve did not {what} within {READY_SECONDS} s")

    def request(self, method, path, body=None):
        """Sends a request; the answer's status and JSON."""
        connection = http.client.HTTPConnection(self.address, timeout=EXECUTION_SECONDS)
        try:
            headers = {"content-type": "application/json"} if body else {}
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise DemoError(f"{method} {path}: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def expect(self, status, method, path, body=None):
        """Sends a request whose answer has to have this status."""
        found, answer = self.request(method, path, body)
        if found != status:
            raise DemoError(f"{method} {path} was answered with {found}, not {status}: {json.dumps(answer)}")
        return answer

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise DemoError(f"akin-serve did not stop within {STOP_SECONDS} s of SIGTERM") from None
        if code != 0:
            raise DemoError(f"akin-serve ended with exit code {code} on SIGTERM")
        print("   exit code 0")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def environment():
    """This process's environment, without what would configure the programs, and without colours in their logs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AKIN_")}
    return {**kept, "NO_COLOR": "1"}


def run_program(*arguments):
    """Runs a program to its end and shows what it says."""
    arguments = [str(argument) for argument in arguments]
    print(f"   $ {' '.join(map(shlex.quote, arguments))}", flush=True)
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=environment()
    )
    if done.returncode != 0:
        print(textwrap.indent(done.stderr.strip(), "     "), file=sys.stderr)
        raise DemoError(f"{Path(arguments[0]).name} {arguments[1]} ended with exit code {done.returncode}")
    print(textwrap.indent(done.stdout.strip(), "     "))


def show_table(header, rows, right=()):
    """Prints rows in aligned columns; those in `right` to the right."""
    lines = [[str(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        cells = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths))
        ]
        print(f"   {'  '.join(cells).rstrip()}")


def open_tables(store):
    """A DuckDB with the views that each commit writes into the store."""
    import duckdb

    database = duckdb.connect()
    database.execute((store / "views.sql").read_text(encoding="utf-8"))
    return database


def choose(database, server):
    """A popular item, and the highest rating that people here give."""
    item = database.execute(POPULAR_ITEM).fetchone()
    highest = database.execute(HIGHEST_RATING).fetchone()[0]
    if item is None or highest is None:
        raise DemoError("the published version holds no ratings")
    item, title, count = item
    rating = min(highest, server.expect(200, "GET", "/versions/current")["ratingRange"]["at_most"])
    print(f"   {title} (item {item}), rated by {count} users")
    return item, rating


def post_rating(server, body):
    print(f"   POST /ratings {body}", flush=True)
    handle = server.expect(202, "POST", "/ratings", body)["executionArn"]
    print(f"   202, executionArn {handle}")
    return handle


def poll(server, handle):
    path = f"/executions/{urllib.parse.quote(handle, safe=':')}?wait=5"
    print(f"   GET {path}", flush=True)
    deadline = time.monotonic() + EXECUTION_SECONDS
    execution = server.expect(200, "GET", path)
    while execution["status"] == "RUNNING" and time.monotonic() < deadline:
        execution = server.expect(200, "GET", path)
    if execution["status"] != "SUCCEEDED":
        raise DemoError(f"the execution is {execution['status']}: {execution.get('cause', 'no cause given')}")
    recommendations = execution["output"]["recommendations"]
    if not recommendations:
        raise DemoError("the execution succeeded without a recommendation")
    print(f"   {execution['status']}, version {execution['output']['version']}\n")
    show_table(
        ("", "score", "title", "why"),
        [
            (at, f"{one['score']:.3f}", one.get("title", one["itemId"]), why(one))
            for at, one in enumerate(recommendations, 1)
        ],
        right={0, 1},
    )


def why(recommendation):
    because = recommendation["because"]
    if not because:
        return "popular with everyone"
    rated = (f"{one.get('title', one['itemId'])} {one['rating']:.1f}" for one in because)
    return f"because you rated {', '.join(rated)}"


def query_neighbours(database, item):
    print(textwrap.indent(NEIGHBOURS.replace("$item", f"'{item}'"), "   ") + "\n")
    rows = database.execute(NEIGHBOURS, {"item": item}).fetchall()
    if not rows:
        raise DemoError(f"item {item} has no neighbours")
    show_table([column[0] for column in database.description], rows, right={0, 2, 3})


def show_next(arguments, store, folder, body):
    serve = arguments.bin_dir / "akin-serve"
    if arguments.keep:
        print(f"\nKept in {folder}. Go on with it later:")
        print(f"  {serve} --store {store} --data-dir {folder / 'ledger'} &")
    else:
        print("\nGo on with a store of your own:")
        batch = arguments.bin_dir / "akin-batch"
        print(f"  {batch} synth --out target/demo")
        print(f"  {batch} run --ratings target/demo/ratings.csv --items target/demo/movies.csv --store target/demo/store")
        print(f"  {serve} --store target/demo/store --data-dir target/demo/ledger &")
    print("  curl http://127.0.0.1:8080/versions/current")
    print(f"  curl -H 'content-type: application/json' -d '{body}' http://127.0.0.1:8080/ratings")
    print(f"  curl http://127.0.0.1:8080/users/{USER}/recommendations")
    print(f"  curl http://127.0.0.1:8080/items/{json.loads(body)['movieID']}/neighbours")


def demonstrate(arguments, folder, servers):
    """The steps. A server that is started is also put into `servers`."""
    steps = Steps()
    batch, store = arguments.bin_dir / "akin-batch", folder / "store"
    ratings, items = arguments.ratings, arguments.items
    if ratings is None:
        data = folder / "data"
        steps.run("Make up ratings", run_program, batch, "synth", "--out", data)
        ratings, items = data / "ratings.csv", data / "movies.csv"
    more = ["--items", items] if items else []
    if arguments.ratings is None:
        # As these ratings are: the page has five stars then.
        more += ["--rating-range", "0:5"]
    steps.run("Compute and publish a version", run_program, batch, "run", "--ratings", ratings, *more, "--store", store)

    server = steps.run("Start the server", start_server, arguments.bin_dir / "akin-serve", store, folder, servers)
    database = open_tables(store)
    item, rating = steps.run("Choose a popular item", choose, database, server)
    body = json.dumps({"movieID": item, "user": USER, "rating": rating})
    handle = steps.run(f"Rate it as {USER}", post_rating, server, body)
    steps.run("Get the recommendations", poll, server, handle)
    steps.run("Ask the files: the item's nearest neighbours", query_neighbours, database, item)
    if arguments.keep:
        steps.show()
        show_next(arguments, store, folder, body)
        leave_running(server)
        return
    steps.run("Stop the server with SIGTERM", server.stop)
    steps.show()
    show_next(arguments, store, folder, body)


def leave_running(server):
    """Until Ctrl-C, or until the server ends by itself."""
    print(f"\nThe page: http://{server.address}/#/u/{USER}   (Ctrl-C ends it)", flush=True)
    try:
        code = server.process.wait()
        raise DemoError(f"akin-serve ended with exit code {code}")
    except KeyboardInterrupt:
        # A terminal tells the server, too.
        print("\nStopping", flush=True)
        server.stop()


def start_server(program, store, folder, servers):
    server = Server(program, store, folder)
    servers.append(server)
    server.wait_until_ready()
    print(f"   ready on {server.address}")
    return server


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin-dir", type=Path, required=True, help="where akin-batch and akin-serve are")
    parser.add_argument("--ratings", type=Path, help="ratings to use (MovieLens CSV or Parquet); made up without")
    parser.add_argument("--items", type=Path, help="their titles (MovieLens movies.csv)")
    parser.add_argument("--keep", action="store_true", help="keep the store and the ledger, and the server running until Ctrl-C")
    arguments = parser.parse_args()
    if arguments.items and not arguments.ratings:
        parser.error("--items without --ratings")
    for program in ("akin-batch", "akin-serve"):
        if not (arguments.bin_dir / program).is_file():
            parser.error(f"there is no {program} in {arguments.bin_dir}; build it first: make demo")
    return arguments


def stop_on_signal(number, _frame):
    raise SystemExit(128 + number)


def main():
    arguments = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_signal)
    folder = Path(tempfile.mkdtemp(prefix="akin-demo-"))
    servers = []
    try:
        demonstrate(arguments, folder, servers)
        return 0
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        sys.stdout.flush()
        text = str(error) if isinstance(error, DemoError) else f"{type(error).__name__}: {error}"
        print(f"\ndemo failed: {text}", file=sys.stderr)
        for server in servers:
            print("the end of akin-serve's log:", file=sys.stderr)
            print(textwrap.indent("\n".join(server.log_text().splitlines()[-LOG_LINES:]), "  "), file=sys.stderr)
        if arguments.keep:
            print(f"what there is, is kept in {folder}", file=sys.stderr)
        return 1
    finally:
        for server in servers:
            server.kill()
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
