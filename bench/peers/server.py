"""What a server with FastAPI and implicit looks like that does akin-serve's job in memory: nothing it takes is durable.

    uvicorn server:app        with STORE=<a folder that akin-batch publishes in>

The same routes as far as `akin-load` asks for them, the same profiles and the same similarities: the current version's
tables, so that nothing is fitted here and both recommend from the same neighbours. The recommendations are computed in
the request itself, which costs this server less than any hand-over would; so a rating's execution has succeeded when
its 202 comes. With several workers each has executions of its own.
"""

import json
import os
import uuid
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import scipy.sparse as sparse
from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response
from implicit.nearest_neighbours import ItemItemRecommender
from pydantic import BaseModel

RECOMMENDATIONS = 10
ARN = "arn:aws:states:local:000000000000:execution:akin:"


def table(store, current, name, columns):
    paths = [store / part["key"] for part in current["parts"][name]]
    return parquet.ParquetDataset(paths, partitioning=None).read(columns=columns)


def numbers(column, known):
    """The numbers of a column's ids; each distinct id is looked up once."""
    encoded = column.combine_chunks().dictionary_encode()
    of = np.array([known[item] for item in encoded.dictionary.to_pylist()])
    return of[encoded.indices.to_numpy()]


class Model:
    """The current version in memory."""

    def __init__(self, store):
        current = json.loads((store / "current.json").read_bytes())
        self.items = table(store, current, "items", ["item_id"])["item_id"].to_pylist()
        self.item_at = {item: at for at, item in enumerate(self.items)}
        pairs = table(store, current, "neighbours", ["item_id", "neighbour_id", "score"])
        targets, sources = (numbers(pairs[name], self.item_at) for name in ("item_id", "neighbour_id"))
        shape = (len(self.items), len(self.items))
        scores = pairs["score"].to_numpy()
        self.recommender = ItemItemRecommender()
        # implicit multiplies a user's row with it: row i holds what item i speaks for.
        self.recommender.similarity = sparse.csr_matrix((scores.astype(np.float64), (sources, targets)), shape=shape)
        from implicit._nearest_neighbours import NearestNeighboursScorer

        self.recommender.scorer = NearestNeighboursScorer(self.recommender.similarity)
        entries = table(store, current, "profiles", ["user_id", "item_id", "rating"])
        users = entries["user_id"].combine_chunks().dictionary_encode()
        self.user_at = {user: at for at, user in enumerate(users.dictionary.to_pylist())}
        counts = np.bincount(users.indices.to_numpy(), minlength=len(self.user_at))
        self.offsets = np.concatenate([[0], np.cumsum(counts)])
        self.rated = numbers(entries["item_id"], self.item_at).astype(np.int32)
        self.ratings = entries["rating"].to_numpy().astype(np.float32)
        self.newer = {}

    def rate(self, user, item, rating):
        if (number := self.item_at.get(item)) is not None:
            self.newer.setdefault(user, {})[number] = rating

    def recommend(self, user):
        at = self.user_at.get(user)
        start, end = (self.offsets[at], self.offsets[at + 1]) if at is not None else (0, 0)
        rated, ratings = self.rated[start:end], self.ratings[start:end]
        if newer := self.newer.get(user):
            items = np.fromiter(newer, np.int32, len(newer))
            kept = ~np.isin(rated, items)
            rated = np.concatenate([rated[kept], items])
            ratings = np.concatenate([ratings[kept], np.fromiter(newer.values(), np.float32, len(newer))])
        row = sparse.csr_matrix((ratings, rated, [0, len(rated)]), shape=(1, len(self.items)))
        ids, scores = self.recommender.recommend(0, row, N=RECOMMENDATIONS)
        return [{"itemId": self.items[item], "score": float(score)} for item, score in zip(ids, scores)]


class Rating(BaseModel):
    movieID: str
    user: str
    rating: float


model = Model(Path(os.environ["STORE"]))
executions = {}
app = FastAPI()


@app.post("/ratings", status_code=202)
async def rate(rating: Rating):
    started = datetime.now(timezone.utc).isoformat()
    model.rate(rating.user, rating.movieID, rating.rating)
    name = uuid.uuid4().hex
    executions[name] = json.dumps(
        {
            "executionArn": ARN + name,
            "status": "SUCCEEDED",
            "startDate": started,
            "stopDate": datetime.now(timezone.utc).isoformat(),
            "input": rating.model_dump(),
            "output": {"user": rating.user, "recommendations": model.recommend(rating.user)},
        },
        separators=(",", ":"),
    )
    return JSONResponse({"executionArn": ARN + name, "startDate": started}, status_code=202)


@app.get("/executions/{arn}")
async def execution(arn: str):
    found = executions.get(arn.removeprefix(ARN))
    if found is None:
        raise HTTPException(404)
    return Response(found, media_type="application/json")


@app.get("/health/ready")
async def ready():
    return Response()
