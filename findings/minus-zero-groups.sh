#!/usr/bin/env bash
# -0.0 and 0.0 are equal, and yet whether they are one group depends on the engine. Two group them apart, four together; one
# of those that group apart also counts -0.0 as less than 0, and does not find it by `== 0.0`.
# Seen with pyarrow 26.0.1, pandas 3.1.1, polars 2.1.0, DuckDB 2.0.0, DataFusion 55.0.0, daft 0.7.26 on Python 3.11, for -0.0, 0.0, 1.0:
#   groups: pyarrow 3, daft 3; pandas 2, polars 2, DuckDB 2, DataFusion 2
#   below 0: daft 1; all others 0    equal to 0: daft 1; all others 2
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Apart, because daft wants an older pyarrow.
python3 -m venv "$work/venv"
python3 -m venv "$work/daft"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6 polars==2.1.0 duckdb==2.0.0 datafusion==55.0.0
"$work/daft/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: daft==0.7.26 pyarrow==24.0.0
"$work/venv/bin/python" - <<'PYTHON'
import datafusion
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

t = table = pa.table({"k": pa.array([-0.0, 0.0, 1.0], pa.float32())})
frame, polar = table.to_pandas(), pl.from_arrow(table)
context = datafusion.SessionContext()
context.from_arrow(table, name="t")


def duck(query):
    return len(duckdb.sql(query).fetchall())


def fusion(query):
    return context.sql(query).count()


found = {
    "pyarrow": (
        table.group_by("k").aggregate([]).num_rows,
        table.filter(pc.field("k") < 0).num_rows,
        table.filter(pc.field("k") == 0).num_rows,
    ),
    "pandas": (frame.groupby("k").ngroups, int((frame.k < 0).sum()), int((frame.k == 0).sum())),
    "polars": (
        polar.group_by("k").len().height,
        polar.filter(pl.col("k") < 0).height,
        polar.filter(pl.col("k") == 0).height,
    ),
    "DuckDB": tuple(duck(f"FROM t {what}") for what in ("SELECT k GROUP BY k", "WHERE k < 0", "WHERE k = 0")),
    "DataFusion": tuple(fusion(f"SELECT k FROM t {what}") for what in ("GROUP BY k", "WHERE k < 0", "WHERE k = 0")),
}
for engine, counts in found.items():
    print(f"{engine}: groups, below 0, equal to 0: {counts}")
expected = {engine: (2, 0, 2) for engine in found} | {"pyarrow": (3, 0, 2)}
assert found == expected, "changed"
PYTHON
"$work/daft/bin/python" - <<'PYTHON'
import daft
import pyarrow as pa
from daft import col

frame = daft.from_arrow(pa.table({"k": pa.array([-0.0, 0.0, 1.0], pa.float32())}))
counts = (
    frame.distinct("k").count_rows(),
    frame.where(col("k") < 0.0).count_rows(),
    frame.where(col("k") == 0.0).count_rows(),
)
print(f"daft: groups, below 0, equal to 0: {counts}")
assert counts == (3, 1, 1), "changed"
PYTHON
