"""Checks the alert rules: that Prometheus would load them, and that each says what a person needs. That the server has the
metrics is seen by the end-to-end tests, on a real one. Takes the files."""

import sys
from pathlib import Path

import promql_parser
import yaml

KEYS = {"alert", "expr", "for", "labels", "annotations"}
SEVERITIES = {"critical", "warning"}
# Beside Akin's own: Prometheus', every server's, and kube-state-metrics'.
OTHERS = {"up", "process_start_time_seconds"}


def problems(text: str) -> list[str]:
    found, names = [], set()
    for group in yaml.safe_load(text)["groups"]:
        for rule in group["rules"]:
            name = rule.get("alert", "a rule without a name")
            found += [f"{name}: {problem}" for problem in _rule_problems(rule)]
            if name in names:
                found.append(f"{name}: there are two of this name")
            names.add(name)
    return found


def _rule_problems(rule: dict) -> list[str]:
    found = [f"Prometheus knows no {key}" for key in sorted(rule.keys() - KEYS)]
    if rule.get("labels", {}).get("severity") not in SEVERITIES:
        found.append("its severity is neither critical nor warning")
    for annotation in ("summary", "description"):
        if not rule.get("annotations", {}).get(annotation):
            found.append(f"it has no {annotation}")
    if "for" in rule:
        try:
            promql_parser.parse_duration(rule["for"])
        except ValueError as error:
            found.append(f"for: {error}")
    try:
        expression = promql_parser.parse(rule["expr"])
    except ValueError as error:
        return [*found, f"{rule['expr']}: {error}"]
    for name in metrics(expression):
        if name not in OTHERS and not name.startswith(("akin_", "kube_")):
            found.append(f"{name} is nobody's metric")
    return found


def metrics(expression) -> set[str]:
    """The metrics that an expression asks for."""
    found = set()

    def visit(part) -> bool:
        if isinstance(part, promql_parser.VectorSelector):
            found.add(part.name)
        return True

    promql_parser.walk(expression, visit)
    return found


if __name__ == "__main__":
    found = [f"{file}: {problem}" for file in sys.argv[1:] for problem in problems(Path(file).read_text())]
    print("\n".join(found) or "alert rules: nothing to complain about")
    sys.exit(bool(found))
