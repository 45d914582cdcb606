"""Prints the metrics that metrics_reference.rs expects, computed by pytrec_eval and scikit-learn.

    pip install pytrec_eval-terrier==0.5.11 scikit-learn==1.7.2 && python recommender/tests/metrics_reference.py

map_cut divides by all relevant items; ours, by the smaller of N and those, is worked out from it. recip_rank has no cut
of its own: it is given the list cut at N.
"""

import numpy
import pytrec_eval
from sklearn.metrics import ndcg_score

USERS, ITEMS, N = 8, 20, 5

print("// recall, ndcg, map, mrr, hit_rate, precision")
for user in range(USERS):
    # 7 and 20 have no common divisor, so this is a permutation of the items.
    ranked = [(user * 3 + position * 7) % ITEMS for position in range(ITEMS)]
    relevant = [item for item in range(ITEMS) if (item * 7 + user * 5) % 19 < user % 4 * 3 + 2]
    qrel = {"u": {str(item): 1 for item in relevant}}
    run = {"u": {str(item): float(ITEMS - position) for position, item in enumerate(ranked[:N])}}
    measures = {f"recall.{N}", f"ndcg_cut.{N}", f"map_cut.{N}", "recip_rank", f"success.{N}", f"P.{N}"}
    found = pytrec_eval.RelevanceEvaluator(qrel, measures).evaluate(run)["u"]
    scores = numpy.zeros(ITEMS)
    for position, item in enumerate(ranked):
        scores[item] = ITEMS - position
    gains = numpy.array([float(item in relevant) for item in range(ITEMS)])
    assert abs(ndcg_score([gains], [scores], k=N) - found[f"ndcg_cut_{N}"]) < 1e-9
    average_precision = found[f"map_cut_{N}"] * len(relevant) / min(N, len(relevant))
    row = [found[f"recall_{N}"], found[f"ndcg_cut_{N}"], average_precision, found["recip_rank"],
           found[f"success_{N}"], found[f"P_{N}"]]
    print("[" + ", ".join(f"{value:.9f}" for value in row) + "],")
