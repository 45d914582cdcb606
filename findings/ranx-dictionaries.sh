#!/usr/bin/env bash
# ranx: evaluate() takes plain dictionaries, too, but pairs their users by place and not by name. With users in another order
# perfect lists get an MRR of 0 and no warning; Qrels and Run, which sort, give 1.
# Seen with ranx 0.3.21 (numba 0.68.1) on Python 3.11, relevant {u: a, v: b}:
#   run {v: b, u: a}: MRR 0.0 as dictionaries, 1.0 as Qrels and Run    run {u: a, v: b}: 1.0 either way
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary \
    ranx==0.3.21 numba==0.68.1 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
from ranx import Qrels, Run, evaluate

relevant = {"u": {"a": 1}, "v": {"b": 1}}
same_order = {"u": {"a": 1.0}, "v": {"b": 1.0}}
other_order = {"v": {"b": 1.0}, "u": {"a": 1.0}}
found = {}
for name, run in (("same order", same_order), ("other order", other_order)):
    plain, objects = evaluate(relevant, run, "mrr"), evaluate(Qrels(relevant), Run(run), "mrr")
    found[name] = (float(plain), float(objects))
    print(f"{name}: MRR {plain} as dictionaries, {objects} as Qrels and Run")
assert found == {"same order": (1.0, 1.0), "other order": (0.0, 1.0)}, "changed"
PYTHON
