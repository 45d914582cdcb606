"""Reads the tables of a store by their paths, as schemas/README.md tells, and compares all that is read with the manifests.

    delta_readers.py README STORE ENTRIES [TABLE:NUMBER ...]

STORE is a folder or s3://bucket/prefix, with the emulator in the environment. Its logs have ENTRIES entries, and the files
of these tables' entries with these numbers are gone. What each version holds is read from the files that its manifest names, with pyarrow.
"""

import datetime
import json
import os
import re
import sys
from pathlib import Path

import daft
import duckdb
import duckdb_extension_delta
import duckdb_extension_httpfs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.fs as fs
import pyarrow.parquet as pq
from datafusion import SessionContext
from deltalake import DeltaTable

# Each table's columns by which rows are sorted: the README shows it for the first.
KEYS = {"neighbours": ("item_id", "rank"), "items": ("item_id", "rating_count"), "profiles": ("user_id", "item_id")}
ROWS = {
    "DuckDB": lambda found: found.pl().to_dicts(),
    "polars": lambda found: found.to_dicts(),
    "pandas": lambda found: found.to_dict("records"),
    "daft": lambda found: found.to_pylist(),
    "DataFusion": lambda found: found.to_pylist(),
}


def documented(readme):
    """For each engine its lines for the current version and for an older one."""
    section = re.split(r"(?m)^## ", Path(readme).read_text())
    (section,) = (section for section in section if section.startswith("By a table's path"))
    rows = re.findall(r"(?m)^\| (\w+) \| `([^`]+)` \| `([^`]+)` \|$", section)
    return {engine: lines for engine, *lines in rows}


def duckdb_with_extensions():
    database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for extension in (duckdb_extension_httpfs, duckdb_extension_delta):
        (file,) = Path(extension.__file__).parent.glob("extensions/*/*.duckdb_extension")
        database.load_extension(str(file))
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        database.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID 'test', SECRET 'test', REGION 'us-east-1', "
            f"ENDPOINT '{endpoint.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)"
        )
    return database


def plain(value):
    """A value as all engines have it."""
    if isinstance(value, (list, np.ndarray)):
        return [plain(one) for one in value]
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise AssertionError(f"{value} has no time zone")
        return round(value.timestamp() * 1_000_000)
    return value.item() if isinstance(value, np.generic) else value


def plain_rows(rows):
    return [{name: plain(value) for name, value in row.items()} for row in rows]


class Store:
    def __init__(self, location):
        self.location = location
        if location.startswith("s3://"):
            self.files = fs.S3FileSystem(
                access_key="test", secret_key="test", region="us-east-1", endpoint_override=os.environ["AWS_ENDPOINT_URL"]
            )
            self.root = location.removeprefix("s3://")
        else:
            self.files, self.root = fs.LocalFileSystem(), location

    def expected(self, table, number):
        """The rows of the publication that an entry belongs to, sorted."""
        with self.files.open_input_stream(f"{self.root}/manifests/{number + 1:020}.json") as stream:
            manifest = json.loads(stream.read())["body"]
        rows = []
        for part in manifest["parts"][table]:
            with self.files.open_input_file(f"{self.root}/{part['key']}") as file:
                rows += pq.ParquetFile(file).read().to_pylist()
        return sorted(plain_rows(rows), key=lambda row: [row[name] for name in KEYS[table]])


class Reader:
    def __init__(self, store):
        self.store = store
        self.database = duckdb_with_extensions()
        self.names = {"pl": pl, "daft": daft, "DeltaTable": DeltaTable, "ctx": SessionContext()}
        if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
            s3 = daft.io.S3Config(
                endpoint_url=endpoint, region_name="us-east-1", use_ssl=False, key_id="test", access_key="test"
            )
            daft.set_planning_config(default_io_config=daft.io.IOConfig(s3=s3))

    def read(self, engine, line, table, number):
        first, second = KEYS[table]
        line = line.replace("store/neighbours", f"{self.store.location}/{table}").replace("rank", second)
        line = re.sub(r"\bitem_id\b", first, line, count=1)
        line = re.sub(r"(version ?=>? ?)0", lambda found: f"{found[1]}{number}", line)
        found = self.database.sql(line) if engine == "DuckDB" else eval(line, self.names)
        return plain_rows(ROWS[engine](found))


def main(readme, location, entries, *gone):
    store, lines = Store(location), documented(readme)
    if lines.keys() & ROWS.keys() != ROWS.keys():
        raise AssertionError(f"{readme} has no line for {ROWS.keys() - lines.keys()}")
    reader = Reader(store)
    newest = int(entries) - 1
    # Of many those at the ends: around a checkpoint, and before it where every entry is needed.
    numbers = [number for number in range(newest + 1) if number < 4 or number >= newest - 3]
    for engine in ROWS:
        now, before = lines[engine]
        compared = 0
        for table in KEYS:
            lost = [number for number in numbers if f"{table}:{number}" in gone]
            versions = [(now, newest)] + [(before, number) for number in numbers if number not in lost]
            for line, number in versions:
                found, expected = reader.read(engine, line, table, number), store.expected(table, number)
                if found != expected:
                    raise AssertionError(f"{engine}, {table}, {line}, {number}: {found} instead of {expected}")
                compared += len(expected)
            for number in lost:
                try:
                    found = reader.read(engine, before, table, number)
                except Exception as error:
                    print(f"{engine}, {table}, {number}: {str(error).splitlines()[0][:150]}")
                else:
                    raise AssertionError(f"{engine}, {table}, {number}: {len(found)} rows of files that are gone")
        print(f"{engine}: {compared} rows, as the manifests say", flush=True)


main(*sys.argv[1:])
