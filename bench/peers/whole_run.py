"""A whole run beside a script of polars, similaripy and pyarrow: Parquet of ratings in, three sorted tables out.

    make bench-run RATINGS=ratings.parquet

The script reads ratings, computes the cosine of items with similaripy (100 neighbours an item, 2 threads), and writes the
tables that `akin-batch run` publishes, sorted and with zstd: neighbours, items with their statistics, profiles. It leaves
out what costs it more: numbers of common raters, checks of what it reads, checksums, a commit. akin-batch runs with its
default measure, sparse EASE, which takes more than a cosine. Programs take turns; the median of the rounds counts.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

THREADS = 2
TOP_K = 100


def by_script(ratings, folder):
    """What somebody would write who has these libraries. Runs in a process of its own."""
    import numpy as np
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq
    import scipy.sparse as sparse
    import similaripy

    def write(name, table):
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")

    rows = pl.read_parquet(ratings, columns=["user_id", "item_id", "rating", "timestamp"])
    rows = rows.sort("user_id", "item_id", "timestamp").unique(["user_id", "item_id"], keep="last", maintain_order=True)
    items = rows.select(pl.col("item_id").unique().sort())["item_id"]
    users = rows.select(pl.col("user_id").unique().sort())["user_id"]
    of_user = rows["user_id"].cast(pl.Enum(users)).to_physical().to_numpy()
    of_item = rows["item_id"].cast(pl.Enum(items)).to_physical().to_numpy()
    values = rows["rating"].cast(pl.Float32).to_numpy()
    matrix = sparse.csr_matrix((values, (of_item, of_user)), shape=(len(items), len(users)))
    similar = similaripy.cosine(matrix, k=TOP_K + 1, num_threads=THREADS, verbose=False).tocoo()
    others = similar.row != similar.col
    order = np.lexsort((similar.col[others], -similar.data[others], similar.row[others]))
    own, other = similar.row[others][order], similar.col[others][order]
    begins = np.searchsorted(own, np.arange(len(items)))
    names = pa.array(items.to_list())
    neighbours = {
        "item_id": names.take(pa.array(own)),
        "neighbour_id": names.take(pa.array(other)),
        "rank": pa.array((np.arange(len(own)) - begins[own] + 1).astype(np.int32)),
        "score": pa.array(similar.data[others][order]),
    }
    write("neighbours", pa.table(neighbours))
    statistics_of_items = rows.group_by("item_id").agg(
        pl.len().alias("rating_count"),
        pl.col("rating").mean().alias("rating_mean"),
        pl.col("timestamp").min().alias("first_rated_at"),
        pl.col("timestamp").max().alias("last_rated_at"),
    )
    write("items", statistics_of_items.sort("item_id").to_arrow())
    write("profiles", rows.to_arrow())


def measured(command, environment=None):
    """Seconds, and the most that was resident, in MiB."""
    began = time.monotonic()
    pid = os.posix_spawnp(
        command[0],
        command,
        {**os.environ, **(environment or {})},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--akin-batch", action="append", default=[], help="may be given for several builds")
    parser.add_argument("--ratings", required=True, help="Parquet: user_id, item_id, rating, timestamp")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--script", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.script:
        by_script(given.ratings, Path(given.script))
        return
    figures = {}
    for round_number in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            script = [sys.executable, __file__, "--ratings", given.ratings, "--script", folder]
            # One thread of OpenBLAS: nothing here uses it, and its pool is memory.
            runs = {"polars + similaripy + pyarrow": (script, {"OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": str(THREADS)})}
            for at, program in enumerate(given.akin_batch):
                store = str(Path(folder) / f"store-{at}")
                run = [program, "run", "--ratings", given.ratings, "--store", store, "--threads", str(THREADS)]
                runs[program] = (run, None)
            for name, (command, environment) in runs.items():
                figures.setdefault(name, []).append(measured(command, environment))
                seconds, mebibytes = figures[name][-1]
                print(f"round {round_number + 1}: {name}: {seconds:.1f} s, {mebibytes:.0f} MiB", flush=True)
    print("\n| | seconds, median of the rounds | most memory, MiB |\n|---|---|---|")
    for name, runs in figures.items():
        print(f"| {name} | {statistics.median(run[0] for run in runs):.1f} | {max(run[1] for run in runs):.0f} |")


if __name__ == "__main__":
    main()
