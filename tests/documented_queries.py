"""Runs the queries of schemas/README.md and docs/store.md, exactly as they stand there, over the store in ./store.

The end-to-end test `documentation` prepares the store and calls this: two versions, files of a run that was broken off,
and a ledger segment. What the queries should give is worked out here from the manifests, with pyarrow alone.
Spark is asked only with --spark, because it is large: `make test-spark`.
"""

import argparse
import json
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import expressions

STORE = Path("store")
ENGINES = ["akin-batch", "DuckDB", "polars", "pandas", "Spark", "Athena"]
ATHENA_TYPES = {
    "string": "string",
    "int32": "int",
    "int64": "bigint",
    "float": "float",
    "double": "double",
    "timestamp": "timestamp",
    "list of string": "array<string>",
}


def blocks(text, language):
    """The code blocks of a language, by the heading that they stand under."""
    found = {}
    for section in re.split(r"(?m)^#+ ", text)[1:]:
        heading = section.splitlines()[0].strip()
        for block in re.findall(rf"(?ms)^```{language}\n(.*?)^```$", section):
            found.setdefault(heading, []).append(block)
    return found


def documented_columns(text):
    """The documented columns and types of each table, by its name."""
    tables = {}
    for section in re.split(r"(?m)^## ", text)[1:]:
        lines = [line for line in section.splitlines() if line.startswith("| ")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        if cells and cells[0][:2] == ["column", "type"]:
            tables[section.splitlines()[0]] = [(row[0], row[1].removesuffix(", null")) for row in cells[1:]]
    return tables


def manifest(number):
    return json.loads((STORE / f"manifests/{number:020}.json").read_bytes())["body"]


def rows(version, table):
    files = [STORE / part["key"] for part in version["parts"][table]]
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files]).to_pylist()


def neighbours_of_1(version):
    found = sorted((row for row in rows(version, "neighbours") if row["item_id"] == "1"), key=lambda row: row["rank"])
    alike = [row for row in found if row["score"] > 0]
    if alike == found:
        raise AssertionError("nothing speaks against item 1: that it is left out could not be seen")
    return alike


def expected_nearest():
    titles = {row["item_id"]: row["title"] for row in rows(manifest(2), "items")}
    found = neighbours_of_1(manifest(2))
    return [(row["rank"], titles[row["neighbour_id"]], row["score"], row["co_count"]) for row in found]


def expected_before():
    return [(row["rank"], row["neighbour_id"], row["score"]) for row in neighbours_of_1(manifest(1))]


def accepted():
    """What servers have accepted, by the segments that are there."""
    segments = sorted(STORE.glob("ratings/*/*.parquet"))
    return [row for segment in segments for row in pq.ParquetFile(segment).read().to_pylist()]


def expected_ratings():
    """Of all entries of a user and item, in the version or a segment, the last in order."""
    entries = rows(manifest(2), "profiles") + accepted()
    standing = {}
    for row in sorted(entries, key=lambda row: (row["order_micros"], row["order_origin"], row["order_sequence"])):
        standing[row["user_id"], row["item_id"]] = row["rating"]
    return [(*key, rating) for key, rating in sorted(standing.items()) if rating is not None]


def same(what, found, expected):
    found = [tuple(row) for row in found]
    if found != expected:
        raise AssertionError(f"{what}: {found} instead of {expected}")
    if not expected:
        raise AssertionError(f"{what}: there is nothing to compare")
    print(f"{what}: {len(found)} rows, as expected", flush=True)


def check_duckdb(block):
    database = database_with_views()
    results = []
    for statement in database.extract_statements(block):
        result = database.execute(statement)
        if statement.type == duckdb.StatementType.SELECT:
            results.append(result.fetchall())
    nearest, before, ratings = results
    check_the_ledger(database, block)
    same("DuckDB, the current version", nearest, expected_nearest())
    same("DuckDB, the first version", before, expected_before())
    same("DuckDB, all ratings", ratings, expected_ratings())


def check_akin_batch(block, program):
    script = f'akin-batch() {{ "{program}" "$@" --json; }}\n{block}'
    printed = subprocess.run(["bash", "-euc", script], stdout=subprocess.PIPE, check=True).stdout
    nearest, before = (json.loads(line) for line in printed.splitlines())
    as_float = pa.float32()

    def rows_of(answer, *columns):
        for row in answer["rows"]:
            row["score"] = pa.scalar(row["score"], as_float).as_py()
            yield tuple(row[column] for column in columns)

    same("akin-batch, the current version", rows_of(nearest, "rank", "title", "score", "co_count"), expected_nearest())
    same("akin-batch, the first version", rows_of(before, "rank", "neighbour_id", "score"), expected_before())


def asked_of_akin_batch(program, query, schema):
    """What akin-batch answers, as a table with the columns that another engine gave."""
    command = [program, "query", query, "--store", str(STORE), "--json"]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert answer["columns"] == schema.names, f"{answer['columns']} instead of {schema.names}"
    for field in schema:
        if pa.types.is_timestamp(field.type):
            for row in answer["rows"]:
                row[field.name] = datetime.fromisoformat(row[field.name])
    return pa.Table.from_pylist(answer["rows"], schema=schema)


def check_the_ledger(database, block):
    """`ledger` holds the segments that are there when it is asked, in the same session too, before there are any."""
    every_rating = list(database.extract_statements(block))[-1]
    columns = ["user_id", "item_id", "rating", "order_micros", "order_origin", "order_sequence"]
    query = f"SELECT {', '.join(columns)} FROM ledger ORDER BY order_origin, order_sequence"
    known = expected_ratings()
    rows = sorted(accepted(), key=lambda row: (row["order_origin"], row["order_sequence"]))
    away = (STORE / "ratings").rename("ratings-away")
    before = database_with_views()
    for asked in (before, database):
        assert asked.execute(query).fetchall() == [], "segments where there are none"
    same("DuckDB, all ratings before the first segment", before.execute(every_rating).fetchall(), expected_ratings())
    away.rename(STORE / "ratings")
    same("DuckDB, the ledger", before.execute(query).fetchall(), [tuple(row[name] for name in columns) for row in rows])
    same("DuckDB, all ratings in the same session", before.execute(every_rating).fetchall(), known)
    assert before.execute("DESCRIBE ledger").fetchall() == before.execute("DESCRIBE profiles").fetchall()


def check_python(engine, block, as_rows):
    names = {}
    exec(compile(block, f"schemas/README.md, {engine}", "exec"), names)
    same(f"{engine}, the current version", as_rows(names["nearest"]), expected_nearest())
    same(f"{engine}, the first version", as_rows(names["before"]), expected_before())
    return names


def pandas_rows(frame):
    frame = frame.astype(object).where(frame.notna(), None)
    return frame.itertuples(index=False, name=None)


def check_spark(block):
    names = check_python("Spark", block, lambda frame: frame.collect())
    names["spark"].stop()


def check_athena(block, columns):
    """Every statement parses, and the tables have the documented columns and types."""
    segments = {**columns, "ratings": columns["profiles"]}
    created, kinds = {}, []
    for statement in sqlglot.parse(block, read="athena", error_level=sqlglot.ErrorLevel.RAISE):
        kinds.append(type(statement).__name__)
        assert not isinstance(statement, expressions.Command), f"not understood: {statement.sql()}"
        if isinstance(statement, expressions.Create):
            table, defined = statement.this, statement.this.expressions
            created[table.this.name] = [
                (column.name, column.args["kind"].sql(dialect="hive").lower()) for column in defined
            ]
    expected = {name: [(column, ATHENA_TYPES[type_]) for column, type_ in of] for name, of in segments.items()}
    if created != expected:
        raise AssertionError(f"Athena: {created} instead of {expected}")
    print(f"Athena: {len(kinds)} statements parse: {', '.join(kinds)}", flush=True)


def check_page_of_the_store(text, program):
    """The queries of docs/store.md give rows, and from akin-batch the same ones; what the first ones give is checked above."""
    database = database_with_views()
    found = blocks(text, "sql")
    (tables,), (questions,) = found["The tables"], found["What else one asks"]
    for statement in database.extract_statements(tables):
        # Times with a zone would need one more Python package to be fetched.
        database.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {statement.query}")
        answer = database.execute("SELECT * FROM answer").to_arrow_table()
        assert answer.num_rows > 0, statement.query
        if program:
            asked = asked_of_akin_batch(program, statement.query, answer.schema)
            assert asked.equals(answer), f"{statement.query}: {asked} from akin-batch, {answer} from DuckDB"
    print("docs/store.md: its first queries give rows, and the same ones from akin-batch where it has `query`", flush=True)
    # The servers of the test accepted today what the page asks for by a day.
    entries = sorted(accepted(), key=lambda row: (row["order_micros"], row["order_origin"], row["order_sequence"]))
    (today,) = {row["rated_at"].date() for row in entries}
    days = {"2026-11-30": str(today), "2026-12-01": str(today + timedelta(days=1))}
    questions = re.sub("|".join(days), lambda found: days[found[0]], questions)
    nearest, speaks_for, alone, of_day, standing = [
        database.execute(statement.query).fetchall() for statement in database.extract_statements(questions)
    ]
    titles = {row["item_id"]: row["title"] for row in rows(manifest(2), "items")}
    pairs = [row for row in rows(manifest(2), "neighbours") if row["score"] > 0]
    same("docs/store.md, what is like item 1", [row[:2] + row[3:] for row in nearest], [
        (row["rank"], row["neighbour_id"], row["score"]) for row in neighbours_of_1(manifest(2))
    ])
    same("docs/store.md, what item 1 speaks for", speaks_for, [
        (row["item_id"], titles[row["item_id"]], row["score"])
        for row in sorted(pairs, key=lambda row: (-row["score"], row["item_id"])) if row["neighbour_id"] == "1"
    ])
    without = titles.keys() - {row["item_id"] for row in pairs}
    same("docs/store.md, items without neighbours", sorted(row[:2] for row in alone), sorted(
        (item, titles[item]) for item in without
    ))
    same("docs/store.md, accepted on a day", of_day, [(row["user_id"], row["item_id"], row["rating"]) for row in entries])
    of_today = {(row["user_id"], row["item_id"]) for row in entries}
    same("docs/store.md, what of it stands", standing, [row for row in expected_ratings() if row[:2] in of_today])
    assert len(standing) < len(of_day), "nothing was taken back: that it does not stand could not be seen"


def database_with_views():
    database = duckdb.connect()
    database.execute((STORE / "views.sql").read_text())
    return database


def check_the_trap():
    """Why nobody should read all files: there are more rows than any version has."""
    ((count,),) = duckdb.execute("SELECT count(*) FROM 'store/neighbours/*/*.parquet'").fetchall()
    versions = [len(rows(manifest(number), "neighbours")) for number in (1, 2)]
    assert count > sum(versions), f"{count} rows in all files, {versions} in the versions"
    print(f"all files hold {count} rows, the two versions {versions}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True, help="the folder that holds docs/")
    parser.add_argument("--spark", action="store_true", help="ask Spark, and nobody else")
    parser.add_argument("--akin-batch", type=Path, help="the program, where it has `query`")
    arguments = parser.parse_args()
    text = (arguments.sources / "schemas/README.md").read_text()
    sql, python, shell = (blocks(text, language) for language in ("sql", "python", "sh"))
    documented = {**sql, **python, **shell}
    assert sorted(documented) == sorted(ENGINES), f"queries stand under {sorted(documented)}"
    assert all(len(found) == 1 for found in documented.values()), "one block an engine"
    block = {heading: found[0] for heading, found in documented.items()}
    if arguments.spark:
        check_spark(block["Spark"])
        return
    if arguments.akin_batch:
        check_akin_batch(block["akin-batch"], arguments.akin_batch)
    check_duckdb(block["DuckDB"])
    check_python("polars", block["polars"], lambda frame: frame.rows())
    check_python("pandas", block["pandas"], pandas_rows)
    check_athena(block["Athena"], documented_columns(text))
    check_page_of_the_store((arguments.sources / "docs/store.md").read_text(), arguments.akin_batch)
    check_the_trap()


if __name__ == "__main__":
    main()
