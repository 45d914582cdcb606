"""Metrics of ranked lists by trec_eval, the reference of information retrieval (through pytrec_eval): lists and relevant items
as JSON on standard input, means over users as JSON on standard output, by the names that `akin-batch evaluate` gives them."""

import json
import sys

import pytrec_eval

given = json.load(sys.stdin)
n, lists, relevant = given["n"], given["lists"], given["relevant"]
judged = {user: {item: 1 for item in items} for user, items in relevant.items()}
ranked = {user: {item: -float(rank) for rank, item in enumerate(items)} for user, items in lists.items()}
names = {
    "recall": f"recall_{n}",
    "ndcg": f"ndcg_cut_{n}",
    "precision": f"P_{n}",
    "hit_rate": f"success_{n}",
    # Of lists of n, and so at n.
    "mrr": "recip_rank",
    "map": f"map_cut_{n}",
}
measures = {name.replace(f"_{n}", f".{n}") for name in names.values()}
found = pytrec_eval.RelevanceEvaluator(judged, measures).evaluate(ranked)
# trec_eval divides by all relevant items, even where a list of n cannot hold them.
for user, metrics in found.items():
    metrics[names["map"]] *= len(relevant[user]) / min(n, len(relevant[user]))
mean = {name: sum(of_user[theirs] for of_user in found.values()) / len(relevant) for name, theirs in names.items()}
json.dump(mean, sys.stdout)
