#!/usr/bin/env bash
# similaripy: where the running sum of a product passes through zero, the column is noted twice, and the second note takes a
# place among the best k with value 0. A product below zero is then left out of a row although k holds every column; the
# result of a symmetric product is not symmetric.
# Seen with similaripy 0.7.0 on Python 3.11, A = [[1, 1, 1], [1, -1, 5], [1, 1, -3]], dot_product(A, k=3, threshold=-100):
#   A A' is [[3, 5, -1], [5, 27, -15], [-1, -15, 11]]; given is [[3, 5, 0], [5, 27, 0], [-1, 0, 11]], and 0 stands for -15 and -1
#   with the columns of A in another order, so that no sum passes through zero: all nine
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: similaripy==0.7.0 numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import similaripy
from scipy.sparse import csr_matrix

rows = np.array([[1, 1, 1], [1, -1, 5], [1, 1, -3]], dtype=np.float32)


def product(columns):
    return similaripy.dot_product(csr_matrix(rows[:, columns]), k=3, threshold=-100, verbose=False).toarray().tolist()


through_zero, not_through = product([0, 1, 2]), product([2, 0, 1])
print("exact:             ", (rows @ rows.T).tolist())
print("similaripy:        ", through_zero)
print("columns 2, 0, 1:   ", not_through)
assert through_zero == [[3, 5, 0], [5, 27, 0], [-1, 0, 11]], "changed"
assert not_through == (rows @ rows.T).tolist(), "changed"
PYTHON
