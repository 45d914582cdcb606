#!/usr/bin/env bash
# recpack: metrics take the test matrix's values as they are. With ratings of 5 instead of 1 the best possible list has an
# NDCG of 2.07 and a recall of 0.2, and the reciprocal rank of a hit in first place is 0.2. Nothing complains.
# Seen with recpack 0.3.6 (installed without its torch: its metrics do not need it) on Python 3.11, lists of 2, both relevant:
#   test data of 1: NDCGK 1.000, RecallK 1.0, ReciprocalRankK 1.0    of 5: NDCGK 2.072, RecallK 0.2, ReciprocalRankK 0.2
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    numpy==1.26.4 scipy==1.15.3 pandas==2.3.3 scikit-learn==1.7.2 tqdm==4.70.1 PyYAML==6.0.4
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps recpack==0.3.6
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from recpack.metrics import NDCGK, RecallK, ReciprocalRankK
from scipy.sparse import csr_matrix

lists = csr_matrix(np.array([[2.0, 1, 0, 0]]))


def measured(value):
    truth = csr_matrix(np.array([[value, value, 0.0, 0]]))
    found = {}
    for metric in (NDCGK(2), RecallK(2), ReciprocalRankK(2)):
        metric.calculate(truth, lists)
        found[type(metric).__name__] = round(float(metric.value), 3)
    return found


ones, fives = measured(1.0), measured(5.0)
print("test data of 1:", ones)
print("test data of 5:", fives)
assert ones == {"NDCGK": 1.0, "RecallK": 1.0, "ReciprocalRankK": 1.0}, "changed"
assert fives == {"NDCGK": 2.072, "RecallK": 0.2, "ReciprocalRankK": 0.2}, "changed"
PYTHON
