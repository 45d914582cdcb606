#!/usr/bin/env bash
# ir-measures: RR and RR@10, asked for in one call over the same list of three equal scores, break the ties in opposite
# orders of the documents' ids, because two programs below compute them. RR@10 comes out greater than RR, which no list can
# give. Minus the rank as the score leaves no ties, and both agree.
# Seen with ir-measures 0.4.3 (pytrec-eval-terrier 0.5.11) on Python 3.11, documents a, b, c with score 1 each:
#   relevant a: RR 0.333, RR@10 1.000    relevant b: RR 0.500, RR@10 0.500    relevant c: RR 1.000, RR@10 0.333
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary \
    ir-measures==0.4.3 pytrec-eval-terrier==0.5.11 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import ir_measures
from ir_measures import RR


def both(relevant, scores):
    found = ir_measures.calc_aggregate([RR, RR @ 10], {"u": {relevant: 1}}, {"u": scores})
    return round(found[RR], 3), round(found[RR @ 10], 3)


ties = {relevant: both(relevant, {"a": 1.0, "b": 1.0, "c": 1.0}) for relevant in "abc"}
ranks = {relevant: both(relevant, {"a": -1.0, "b": -2.0, "c": -3.0}) for relevant in "abc"}
print("equal scores, (RR, RR@10) by what is relevant:", ties)
print("minus the rank:                               ", ranks)
assert ties == {"a": (0.333, 1.0), "b": (0.5, 0.5), "c": (1.0, 0.333)}, "changed"
assert ranks == {"a": (1.0, 1.0), "b": (0.5, 0.5), "c": (0.333, 0.333)}, "changed"
PYTHON
