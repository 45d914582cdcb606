#!/usr/bin/env bash
# implicit: recommend(filter_already_liked_items=True) of an item-item model fills a list that similarities do not fill with
# the user's own items, at score 0, from the greatest number downwards. What was to be left out comes back in the list.
# Seen with implicit 0.7.3 (CosineRecommender) on Python 3.11, a user of items 0 to 3 among five items, N=5:
#   items 4, 3, 2, 1, 0 with scores 0.707, 0, 0, 0, 0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: implicit==0.7.3 numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from implicit.nearest_neighbours import CosineRecommender
from scipy.sparse import csr_matrix

ratings = csr_matrix(np.array([[1, 1, 1, 1, 0], [1, 0, 0, 0, 1], [0, 1, 0, 0, 0]], dtype=np.float64))
model = CosineRecommender(K=5)
model.fit(ratings, show_progress=False)
items, scores = model.recommend(0, ratings[0], N=5, filter_already_liked_items=True)
print("the user's items:", ratings[0].indices.tolist())
print("recommended:     ", items.tolist(), "scores", scores.round(3).tolist())
assert items.tolist() == [4, 3, 2, 1, 0], "changed"
assert scores.round(3).tolist() == [0.707, 0, 0, 0, 0], "changed"
PYTHON
