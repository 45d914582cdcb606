"""Runs what docs/analysis.md tells analysts to write, exactly as it stands there, over the segment in ./store/ratings.

The end-to-end test `documentation` prepares the store and calls this. The segment holds one rating of 3.7 and a tombstone;
here it is laid out over four days, of which the page asks for two. What stands under ClickHouse is asked only with
--clickhouse, because that is large: `make test-clickhouse`. JavaScript runs where Node.js is.
"""

import argparse
import importlib.metadata
import json
import re
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from documented_queries import blocks, same

RATINGS = Path("store/ratings")
DAYS = ["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]
ASKED_FOR = DAYS[1:3]
PYTHON_PACKAGES = {name: name.lower() for name in ("pandas", "polars", "pyarrow", "DuckDB", "DataFusion")}
# What the blocks of JavaScript leave, as one line of JSON.
SHOWN = {
    "hyparquet": "[second.map(row => `${row.order_sequence}`), rated.map(row => [row.user_id, row.item_id, row.rating])]",
    "apache-arrow": "ratings",
}


def lay_out_over_days():
    """Moves the only segment away and writes its rows below a folder for each day; gives the file that was moved."""
    (segment,) = RATINGS.glob("*/*.parquet")
    moved = segment.rename("segment.parquet")
    segment.parent.rmdir()
    rows = pq.ParquetFile(moved).read()
    for number, day in enumerate(DAYS):
        users = pc.binary_join_element_wise(rows["user_id"], pa.scalar(day), "@")
        micros = pc.add(rows["order_micros"], pa.scalar(number * 86_400_000_000))
        of_day = rows.set_column(0, "user_id", users).set_column(4, "order_micros", micros)
        folder = RATINGS / f"date={day}"
        folder.mkdir()
        pq.write_table(of_day.cast(rows.schema), folder / moved.name, compression="zstd")
    return moved


def single(number):
    """A number as a 32-bit float holds it."""
    return pa.scalar(number, pa.float32()).as_py()


def expected(moved):
    (rated,) = [row for row in pq.ParquetFile(moved).read().to_pylist() if row["rating"] == single(3.7)]
    return [(f"{rated['user_id']}@{day}", rated["item_id"], single(3.7)) for day in ASKED_FOR]


def check_a_rating_of_3_7(text, engines):
    """Each cell of the table finds the rating of each day, or nothing, in the version that the table names."""
    section = text.split("\n## A rating of 3.7\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    documented = {name.split(" ")[0]: (name, finds, nothing) for name, finds, nothing in rows}
    for engine, count in engines.items():
        name, *cells = documented[engine]
        finds, nothing = (re.findall("`([^`]+)`", cell) for cell in cells)
        if engine in PYTHON_PACKAGES:
            version = importlib.metadata.version(PYTHON_PACKAGES[engine])
            assert name == f"{engine} {version}", f"{name} is documented, {version} was run"
        for condition in finds:
            assert count(condition) == len(DAYS), f"{engine}: {condition} finds {count(condition)}"
        for condition in nothing:
            assert count(condition) == 0, f"{engine}: {condition} finds {count(condition)}"
        if engine in ("DuckDB", "DataFusion", "ClickHouse"):
            everywhere = ["rating BETWEEN 3.69 AND 3.71", "rating = CAST(3.7 AS REAL)"]
            assert [count(condition) for condition in everywhere] == [len(DAYS)] * 2, engine
        print(f"{engine}, a rating of 3.7: {finds} find it, {nothing} do not", flush=True)


def engines_of_the_tests():
    import datafusion
    import duckdb
    import polars as pl
    import pyarrow.dataset as ds

    rows = pq.read_table(RATINGS, partitioning=None)
    frame, polar = rows.to_pandas(), pl.from_arrow(rows)
    context = datafusion.SessionContext()
    context.from_arrow(rows, name="rows")

    def of_duckdb(condition):
        parameters = [3.7] if "?" in condition else []
        query = f"SELECT count(*) FROM '{RATINGS}/*/*.parquet' WHERE {condition}"
        return duckdb.execute(query, parameters).fetchall()[0][0]

    return {
        "pandas": lambda condition: int(eval(condition, {"frame": frame}).sum()),
        "polars": lambda condition: polar.filter(eval(condition, {"pl": pl})).height,
        "pyarrow": lambda condition: rows.filter(eval(condition, {"ds": ds, "pa": pa})).num_rows,
        "DuckDB": of_duckdb,
        "DataFusion": lambda condition: context.sql(f"SELECT * FROM rows WHERE {condition}").count(),
    }


def check_days(sql, python, found):
    import duckdb

    same("DuckDB, two days", duckdb.sql(sql["DuckDB"]).fetchall(), found)
    as_rows = {
        "DataFusion": lambda frame: [tuple(row.values()) for row in frame.to_pylist()],
        "pyarrow": lambda table: [tuple(row.values()) for row in table.to_pylist()],
        "polars": lambda frame: frame.rows(),
        "pandas": lambda frame: frame.itertuples(index=False, name=None),
    }
    assert sorted(python) == sorted(as_rows), f"Python stands under {sorted(python)}"
    for engine, block in python.items():
        names = {}
        exec(compile(block, f"docs/analysis.md, {engine}", "exec"), names)
        same(f"{engine}, two days", as_rows[engine](names["found"]), found)


def check_clickhouse(text, block, found):
    import chdb

    def asked(query):
        return [json.loads(line) for line in str(chdb.query(query, "JSONCompactEachRow")).splitlines()]

    release = ".".join(asked("SELECT version()")[0][0].split(".")[:2])
    ran = f"ClickHouse {release} (chdb {importlib.metadata.version('chdb')})"
    assert f"| {ran} |" in text, f"{ran} was run"
    count = f"SELECT toUInt32(count()) FROM file('{RATINGS}/*/*.parquet', Parquet) WHERE "
    check_a_rating_of_3_7(text, {"ClickHouse": lambda condition: asked(count + condition)[0][0]})
    rows = [(user, item, single(rating)) for user, item, rating in asked(block.rstrip().rstrip(";"))]
    same("ClickHouse, two days", rows, found)


def check_javascript(text, scripts, moved, modules):
    assert sorted(scripts) == sorted(SHOWN), f"JavaScript stands under {sorted(scripts)}"
    rows = pq.ParquetFile(moved).read().to_pylist()
    rated = [[row["user_id"], row["item_id"], row["rating"]] for row in rows if row["rating"] == single(3.7)]
    ratings = [row["rating"] for row in rows]
    assert None in ratings and len(rated) == 1, "there is nothing to compare"
    right = {"hyparquet": [["2"], rated], "apache-arrow": ratings}
    if shutil.which("node") is None or not modules.is_dir():
        print("Node.js or its packages are missing: what stands under JavaScript was not run", flush=True)
        return
    for package in ("hyparquet", "hyparquet-compressors", "apache-arrow", "parquet-wasm"):
        version = json.loads((modules / package / "package.json").read_text())["version"]
        assert re.search(rf"\b{package} \(?{re.escape(version)}\b", text), f"{package} {version} was run"
    Path("node_modules").symlink_to(modules)
    for name, script in scripts.items():
        Path("script.mjs").write_text(f"{script}\nconsole.log(JSON.stringify({SHOWN[name]}))\n")
        ran = subprocess.run(["node", "script.mjs", str(moved)], capture_output=True, text=True)
        assert ran.returncode == 0, f"{name}: {ran.stderr}"
        assert json.loads(ran.stdout) == right[name], f"{name}: {ran.stdout} instead of {right[name]}"
        print(f"{name}: as expected", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True, help="the folder that holds docs/")
    parser.add_argument("--clickhouse", action="store_true", help="ask ClickHouse, and nobody else")
    arguments = parser.parse_args()
    text = (arguments.sources / "docs/analysis.md").read_text()
    (sql, python, scripts) = (
        {heading: block for heading, (block,) in blocks(text, language).items()} for language in ("sql", "python", "js")
    )
    assert sorted(sql) == ["ClickHouse", "DuckDB"], f"SQL stands under {sorted(sql)}"
    moved = lay_out_over_days()
    found = expected(moved)
    if arguments.clickhouse:
        check_clickhouse(text, sql["ClickHouse"], found)
        return
    check_a_rating_of_3_7(text, engines_of_the_tests())
    check_days(sql, python, found)
    check_javascript(text, scripts, moved, arguments.sources / "target/tools/parquet-js-1/node_modules")


if __name__ == "__main__":
    main()
