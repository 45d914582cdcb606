#!/usr/bin/env bash
# cornac: what MRR gives depends on the metrics asked for beside it. Next to one with a cut (NDCG@5) only that many items are
# sorted; MRR goes through the whole list all the same, and takes the places of the rest from an order that is none.
# Seen with cornac 3.0.1 (numpy 2.4.6) on Python 3.11, a ranking of 2,000 items, the one held out in place 564:
#   [MRR] 1/564    [MRR, NDCG@5] another value (1/757 where this was written: it depends on how numpy partitions)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: cornac==3.0.1 numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from cornac.data import Dataset
from cornac.eval_methods.base_method import ranking_eval
from cornac.metrics import MRR, NDCG
from cornac.models import Recommender

COUNT = 2000
PLACES = {f"i{n}": (n * 777 + 13) % COUNT + 1 for n in range(COUNT)}


class Given(Recommender):
    """A model that ranks the items by their places."""

    def score(self, user_idx, item_idx=None):
        return self.scores if item_idx is None else self.scores[item_idx]


train = Dataset.from_uir([("u", "seen", 5.0)] + [("v", item, 5.0) for item in PLACES])
model = Given("given").fit(train)
model.scores = np.array([float(-PLACES.get(item, COUNT + 1)) for item in train.item_ids])


def places(held_out):
    test = Dataset.build([("u", held_out, 5.0)], "UIR", train.uid_map, train.iid_map)
    together = [MRR(), NDCG(k=5)]
    return tuple(1 / ranking_eval(model, metrics, train, test)[0][0] for metrics in ([MRR()], together))


alone, beside = places("i150")
print(f"place 564: 1 / MRR is {alone:.1f} alone, {beside:.1f} beside NDCG@5")
assert PLACES["i150"] == 564 and round(alone) == 564, "changed"
differ = sum(round(alone) != round(beside) for alone, beside in (places(f"i{n}") for n in range(0, COUNT, 40)))
print(f"of 50 held-out items {differ} get another MRR")
assert differ > 25, "changed"
PYTHON
