"""Prints the cosine similarities that cosine_reference.rs expects, computed by scikit-learn.

    pip install scikit-learn && python recommender/tests/cosine_reference.py
"""

import numpy
import sklearn
from sklearn.metrics.pairwise import cosine_similarity

USERS, ITEMS = 12, 6
ratings = numpy.zeros((USERS, ITEMS))
for user in range(USERS):
    for item in range(ITEMS):
        if (user * 7 + item * 13) % 5 < 2 + item % 2:
            ratings[user, item] = ((user * 3 + item * 5) % 10 + 1) / 2

print(f"// scikit-learn {sklearn.__version__}")
for row in cosine_similarity(ratings.T):
    print("[" + ", ".join(f"{value:.9f}" for value in row) + "],")
