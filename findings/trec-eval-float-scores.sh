#!/usr/bin/env bash
# pytrec_eval (trec_eval's own code) keeps scores as 32-bit floats. Scores that differ in the ninth digit are ties, and among
# ties the greater id goes first: the better-scored document of a list is put second, and renaming it puts it first.
# Seen with pytrec-eval-terrier 0.5.11 on Python 3.11, scores 0.900000001 and 0.900000000, the first one relevant:
#   named a (other: b): reciprocal rank 0.5    named b (other: a): reciprocal rank 1.0
#   with scores 0.91 and 0.90: 1.0 under either name
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: pytrec-eval-terrier==0.5.11 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import pytrec_eval


def reciprocal_rank(best, best_score, other, other_score):
    evaluator = pytrec_eval.RelevanceEvaluator({"u": {best: 1}}, {"recip_rank"})
    return evaluator.evaluate({"u": {best: best_score, other: other_score}})["u"]["recip_rank"]


found = {
    "0.900000001 for a, 0.900000000 for b": reciprocal_rank("a", 0.900000001, "b", 0.9),
    "0.900000001 for b, 0.900000000 for a": reciprocal_rank("b", 0.900000001, "a", 0.9),
    "0.91 for a, 0.90 for b": reciprocal_rank("a", 0.91, "b", 0.9),
    "0.91 for b, 0.90 for a": reciprocal_rank("b", 0.91, "a", 0.9),
}
for what, rank in found.items():
    print(f"{what}: reciprocal rank of the better one {rank}")
assert list(found.values()) == [0.5, 1.0, 1.0, 1.0], "changed"
PYTHON
