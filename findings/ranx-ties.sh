#!/usr/bin/env bash
# ranx: equal scores keep the order in which a run gives them as long as there are at most 15. From 16 on the sort is another
# one: 16 ties come in almost the reverse order, so that the first document given is ranked 15th.
# Seen with ranx 0.3.21 (numba 0.68.1) on Python 3.11, Linux x86-64, the rank of each document in the order given:
#   15 ties: 1, 2, 3 ... 15    16 ties: 15, 14, 13 ... 1, 16
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary \
    ranx==0.3.21 numba==0.68.1 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
from ranx import Qrels, Run, evaluate


def ranks(count):
    given = [f"d{place:02}" for place in range(1, count + 1)]
    run = Run({"q": {document: 1.0 for document in given}})
    return [round(1 / evaluate(Qrels({"q": {document: 1}}), run, "mrr")) for document in given]


fifteen, sixteen = ranks(15), ranks(16)
print("15 ties:", fifteen)
print("16 ties:", sixteen)
assert fifteen == list(range(1, 16)), "changed"
assert sixteen == [*range(15, 0, -1), 16], "changed"
PYTHON
