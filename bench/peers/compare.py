"""Quality and speed of implicit, similaripy and LensKit beside akin-batch: one split, one K, one number of threads.

    make bench-peers RATINGS=ratings.csv

The split is made here and given to all. Peers' lists are rated here, by the conventions that `akin-batch evaluate`
states; that both rate alike is checked on the popularity baseline, which both compute. Fit is the time from the
training matrix in memory to similarities; rank is the time for lists of 20 for all test users. LensKit is among the peers
where it is installed (`LENSKIT=1`): it brings PyTorch with its GPU libraries, 6 GB.

"The best K" means two things. Either each item that may be recommended keeps the K rated items that speak most for it
(akin's default, and how similaripy is used here), or each rated item keeps the K items that it speaks most for (implicit,
LensKit; akin's `--cut source`). Lists differ much by it: rows are to be compared with those of the same cut.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sparse

LISTS = (10, 20)
SEED = 1


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--akin-batch", required=True)
    parser.add_argument("--ratings", required=True, help="userId,movieId,rating,timestamp")
    parser.add_argument("--top-k", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


class Split:
    """A fifth of the ratings held out by chance. Items are numbered in the order of their ids as bytes."""

    def __init__(self, path):
        ratings = pd.read_csv(path, dtype={"userId": str, "movieId": str})
        ratings = ratings.drop_duplicates(["userId", "movieId"], keep="last")
        is_test = np.random.default_rng(SEED).random(len(ratings)) < 0.2
        self.train, self.test = ratings[~is_test], ratings[is_test]
        self.items = np.array(sorted(self.train.movieId.unique(), key=str.encode))
        self.users = np.array(sorted(self.train.userId.unique(), key=str.encode))
        self.item_at = {item: at for at, item in enumerate(self.items)}
        self.user_at = {user: at for at, user in enumerate(self.users)}
        rows = self.train.userId.map(self.user_at).to_numpy()
        columns = self.train.movieId.map(self.item_at).to_numpy()
        shape = (len(self.users), len(self.items))
        values = self.train.rating.to_numpy(dtype=np.float32)
        self.matrix = sparse.csr_matrix((values, (rows, columns)), shape=shape)
        # Unknown items get numbers that no list holds; they count in the denominators.
        known = self.test[self.test.userId.isin(self.user_at)]
        self.relevant = {}
        for user, item in zip(known.userId, known.movieId):
            self.relevant.setdefault(self.user_at[user], set()).add(self.item_at.get(item, item))
        self.test_users = np.array(sorted(self.relevant))

    def write(self, folder):
        # Users who are in the test alone would be served popular items by akin-batch, and not at all by the peers.
        known = self.test[self.test.userId.isin(self.user_at)]
        paths = [Path(folder) / "train.csv", Path(folder) / "test.csv"]
        self.train.to_csv(paths[0], index=False)
        known.to_csv(paths[1], index=False)
        return [str(path) for path in paths]

    def rate(self, lists):
        """Means over the test users: recall (hits / relevant) and NDCG at each length."""
        result = {}
        for n in LISTS:
            discounts = 1 / np.log2(np.arange(n) + 2)
            recalls, ndcgs = [], []
            for user, ranked in zip(self.test_users, lists):
                relevant = self.relevant[user]
                hits = np.array([item in relevant for item in ranked[:n]] + [False] * (n - len(ranked[:n])))
                recalls.append(hits.sum() / len(relevant))
                ndcgs.append(discounts[hits].sum() / discounts[: min(n, len(relevant))].sum())
            result[n] = {"recall": float(np.mean(recalls)), "ndcg": float(np.mean(ndcgs))}
        return result

    def best_unseen(self, scores):
        """The best 20 of dense scores, a row a test user; ties by item number."""
        lists = []
        for user, row in zip(self.test_users, scores):
            row = np.array(row, dtype=np.float64)
            row[self.matrix.indices[self.matrix.indptr[user] : self.matrix.indptr[user + 1]]] = -np.inf
            order = np.argsort(-row, kind="stable")[: max(LISTS)]
            lists.append([int(item) for item in order if np.isfinite(row[item])])
        return lists


def akin(options, split, measure, cut):
    with tempfile.TemporaryDirectory() as folder:
        train, test = split.write(folder)
        command = [options.akin_batch, "evaluate", "--train", train, "--test", test, "--json"]
        command += ["--measure", measure, "--top-k", str(options.top_k), "--threads", str(options.threads)]
        command += ["--cut", cut]
        # A profile's ratings weigh as those do that the similarities are computed from, as with the peers.
        command += ["--profile-weight", "binary" if measure.endswith("ease") else "value"]
        command += ["--at", ",".join(map(str, LISTS)), "--resamples", "1"]
        run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"akin-batch failed: {run.stderr}")
    models = json.loads(run.stdout)["models"]
    quality = [
        {at["n"]: {name: at[name]["mean"] for name in ("recall", "ndcg")} for at in model["at"]} for model in models
    ]
    return quality, models[0]["fit_seconds"], models[0]["rank_seconds"]


def popularity(split):
    counts = np.diff(split.matrix.tocsc().indptr)
    return split.rate(split.best_unseen(np.broadcast_to(counts, (len(split.test_users), len(counts)))))


def of_implicit(options, split, kind):
    from implicit import nearest_neighbours

    model = getattr(nearest_neighbours, kind)(K=options.top_k, num_threads=options.threads)
    began = time.perf_counter()
    model.fit(split.matrix, show_progress=False)
    fitted = time.perf_counter()
    lists, scores = model.recommend(
        split.test_users, split.matrix[split.test_users], N=max(LISTS), filter_already_liked_items=True
    )
    ended = time.perf_counter()
    # What is filled up where there are too few has no score.
    lists = [[int(i) for i, s in zip(row, values) if i >= 0 and s > 0] for row, values in zip(lists, scores)]
    return split.rate(lists), fitted - began, ended - fitted


def of_similaripy(options, split, kind):
    import similaripy

    items = split.matrix.T.tocsr()
    if kind == "tf-idf cosine":
        items = similaripy.normalization.tfidf(items)
    settings = {"num_threads": options.threads, "verbose": False, "format_output": "csr"}
    began = time.perf_counter()
    if kind == "rp3beta":
        model = similaripy.rp3beta(items, alpha=1.0, beta=0.5, k=options.top_k, **settings)
    else:
        model = similaripy.cosine(items, k=options.top_k, **settings)
    fitted = time.perf_counter()
    lists = similaripy.dot_product(
        split.matrix, model.T.tocsr(), k=max(LISTS), target_rows=split.test_users, filter_cols=split.matrix, **settings
    )
    ended = time.perf_counter()
    ranked = []
    for user in split.test_users:
        columns, scores = (part[lists.indptr[user] : lists.indptr[user + 1]] for part in (lists.indices, lists.data))
        ranked.append([int(columns[at]) for at in np.lexsort((columns, -scores))])
    return split.rate(ranked), fitted - began, ended - fitted


def of_lenskit(options, split, kind):
    from lenskit.data import ItemList, RecQuery, from_interactions_df
    from lenskit.knn import EASEScorer, ItemKNNScorer

    names = {"userId": "user_id", "movieId": "item_id"}
    data = from_interactions_df(split.train[[*names, "rating"]].rename(columns=names))
    if kind == "EASE":
        # As much as akin's, which it does not set by itself.
        scorer = EASEScorer(regularization=500)
    else:
        scorer = ItemKNNScorer(max_nbrs=options.top_k, save_nbrs=options.top_k, feedback=kind.split()[1])
    began = time.perf_counter()
    scorer.train(data)
    fitted = time.perf_counter()
    items = ItemList(item_ids=split.items)
    lists = []
    for user in split.test_users:
        name = split.users[user]
        scored = scorer(RecQuery(user_id=name, user_items=data.user_row(name)), items)
        lists.append(np.nan_to_num(scored.scores("numpy"), nan=-np.inf))
    lists = split.best_unseen(lists)
    ended = time.perf_counter()
    return split.rate(lists), fitted - began, ended - fitted


def main():
    options = arguments()
    # It tells of conversions that it makes itself.
    warnings.filterwarnings("ignore", module="implicit")
    split = Split(options.ratings)
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    print(f"machine    {processor}, {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    print(f"ratings    {len(split.train)} to learn from, {len(split.users)} users, {len(split.items)} items")
    print(f"test       {sum(map(len, split.relevant.values()))} ratings of {len(split.test_users)} users, seed {SEED}")
    print(f"settings   top-k {options.top_k}, {options.threads} threads, Python {platform.python_version()}\n")
    print(f"{'':<34}{'cut':<8}{'recall@10':>10}{'ndcg@10':>10}{'recall@20':>10}{'ndcg@20':>10}{'fit s':>9}{'rank s':>9}")

    def row(name, cut, quality, fit=None, rank=None):
        cells = "".join(f"{quality[n][metric]:>10.4f}" for n in LISTS for metric in ("recall", "ndcg"))
        times = "".join(f"{seconds:>9.3f}" if seconds is not None else f"{'':>9}" for seconds in (fit, rank))
        print(f"{name:<34}{cut:<8}{cells}{times}", flush=True)

    popular = popularity(split)

    def akin_row(measure, cut):
        (quality, ours), fit, rank = akin(options, split, measure, cut)
        for n in LISTS:
            for metric, mean in popular[n].items():
                # What both compute must be equal, or the figures do not mean the same.
                assert abs(mean - ours[n][metric]) < 1e-9, (n, metric, mean, ours[n][metric])
        row(f"akin {measure}", cut, quality, fit, rank)

    row("popularity (both)", "", popular)
    for measure in ("sparse-ease", "ease", "tf-idf", "cosine", "bm25", "rp3beta"):
        akin_row(measure, "target")
    for kind in ("cosine", "tf-idf cosine", "rp3beta"):
        row(f"similaripy {version('similaripy')} {kind}", "target", *of_similaripy(options, split, kind))
    for measure in ("sparse-ease", "ease", "tf-idf", "cosine", "bm25", "rp3beta"):
        akin_row(measure, "source")
    for kind in ("CosineRecommender", "TFIDFRecommender", "BM25Recommender"):
        row(f"implicit {version('implicit')} {kind[:-11]}", "source", *of_implicit(options, split, kind))
    if find_spec("lenskit"):
        from lenskit.parallel import initialize

        initialize(threads=options.threads, backend_threads=options.threads)
        for kind in ("ItemKNN implicit", "ItemKNN explicit", "EASE"):
            cut = "none" if kind == "EASE" else "source"
            row(f"lenskit {version('lenskit')} {kind}", cut, *of_lenskit(options, split, kind))


if __name__ == "__main__":
    main()
