#!/usr/bin/env bash
# implicit: `precision` of ranking_metrics_at_k is neither precision nor a mean over users. All hits are divided by the sum
# over users of min(K, held-out items), so that users with many held-out items weigh more, and so that lists that find
# everything have a precision of 1 however many misses they hold.
# Seen with implicit 0.7.3 on Python 3.11, lists of 2:
#   one held-out item, found (1 of 2); four held out, none found: 1 / (1 + 2) = 0.333, where the mean of 1/2 and 0 is 0.25
#   the first user alone: 1.0, with a miss in the list of 2
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: implicit==0.7.3 numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from implicit.evaluation import ranking_metrics_at_k
from scipy.sparse import csr_matrix

LISTS = np.array([[0, 1], [2, 3]], dtype=np.int32)


class Given:
    """A model that recommends what it is given."""

    def recommend(self, users, user_items, N, **options):
        return LISTS[users], np.tile(np.arange(N, 0, -1, dtype=np.float32), (len(users), 1))


def precision(held_out):
    matrix = csr_matrix(np.array(held_out, dtype=np.float32))
    nothing = csr_matrix(matrix.shape, dtype=np.float32)
    return ranking_metrics_at_k(Given(), nothing, matrix, K=2, show_progress=False)["precision"]


both = precision([[1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]])
first = precision([[1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]])
print(f"two users, precisions 0.5 and 0: {both:.3f}")
print(f"one user, precision 0.5: {first:.3f}")
assert abs(both - 1 / 3) < 1e-9 and first == 1.0, "changed"
PYTHON
