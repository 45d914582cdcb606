#!/usr/bin/env bash
# A FLOAT column compared with 3.7, in one Parquet file: who finds the two rows that hold 3.7 depends on the library, and
# within a library on how the number is handed over. 3.7 as 32 bits is 3.7000000477, as 64 bits it is not.
# Seen with pandas 3.1.1, polars 2.1.0, DuckDB 2.0.0, pyarrow 26.0.1, DataFusion 55.0.0 on Python 3.11, Linux x86-64:
#   2  pandas, ==          0  pandas, isin          0  pandas, filters of read_parquet
#   2  polars, ==          0  polars, is_in
#   2  DuckDB, literal     0  DuckDB, parameter     0  DuckDB, literal as 3.7e0
#   0  pyarrow, ==         0  DataFusion, literal
#   2  each of them with the number cast to 32 bits, or with a range around it
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    pandas==3.1.1 numpy==2.4.6 polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1 datafusion==55.0.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import datafusion
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

pq.write_table(pa.table({"rating": pa.array([3.7, 4.0, 3.7], pa.float32())}), "r.parquet")
frame, polar, arrow = pd.read_parquet("r.parquet"), pl.read_parquet("r.parquet"), pq.read_table("r.parquet")
context = datafusion.SessionContext()
context.register_parquet("r", "r.parquet")


def duck(condition, *parameters):
    return duckdb.execute(f"SELECT count(*) FROM 'r.parquet' WHERE {condition}", parameters).fetchone()[0]


def fusion(condition):
    return context.sql(f"SELECT * FROM r WHERE {condition}").count()


single = pa.scalar(3.7, pa.float32())
expected = [
    ("pandas, ==", 2, int((frame.rating == 3.7).sum())),
    ("pandas, isin", 0, int(frame.rating.isin([3.7]).sum())),
    ("pandas, filters of read_parquet", 0, len(pd.read_parquet("r.parquet", filters=[("rating", "==", 3.7)]))),
    ("polars, ==", 2, polar.filter(pl.col("rating") == 3.7).height),
    ("polars, is_in", 0, polar.filter(pl.col("rating").is_in([3.7])).height),
    ("DuckDB, literal", 2, duck("rating = 3.7")),
    ("DuckDB, parameter", 0, duck("rating = ?", 3.7)),
    ("DuckDB, literal as 3.7e0", 0, duck("rating = 3.7e0")),
    ("DuckDB, parameter cast to REAL", 2, duck("rating = CAST(? AS REAL)", 3.7)),
    ("pyarrow, ==", 0, arrow.filter(pc.field("rating") == 3.7).num_rows),
    ("pyarrow, == a 32-bit scalar", 2, arrow.filter(pc.field("rating") == single).num_rows),
    ("DataFusion, literal", 0, fusion("rating = 3.7")),
    ("DataFusion, literal cast to REAL", 2, fusion("rating = CAST(3.7 AS REAL)")),
    ("DataFusion, range", 2, fusion("rating BETWEEN 3.69 AND 3.71")),
]
for what, then, now in expected:
    print(f"{now}  {what}")
changed = [what for what, then, now in expected if then != now]
if changed:
    raise SystemExit(f"changed: {changed}")
PYTHON
