"""Checks dashboards for Grafana: that each panel asks for metrics that the server has, in expressions that Prometheus reads,
says what it shows, and lies beside the others. Takes the files."""

import json
import re
import sys
from pathlib import Path

import promql_parser
from prometheus import metrics
from programs import server_metrics

COLUMNS = 24
# What Grafana puts in before Prometheus sees the expression.
FILLED_IN = {"$__rate_interval": "5m", "$__interval": "1m", "$job": "akin", "$instance": "a"}


def problems(text: str) -> list[str]:
    dashboard = json.loads(text)
    found, ids, taken = [], set(), {}
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])
            of = _expression_problems(asked[1], variables) if asked else ["it is not label_values(metric, label)"]
            found += [f"${variable['name']}: {problem}" for problem in of]
    for panel in dashboard["panels"]:
        title = panel.get("title") or "a panel without a title"
        if panel["id"] in ids:
            found.append(f"{title}: its id {panel['id']} is another's, too")
        ids.add(panel["id"])
        place = panel["gridPos"]
        if place["x"] + place["w"] > COLUMNS:
            found.append(f"{title}: it reaches beyond the last column")
        for cell in [(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]:
            if taken.setdefault(cell, title) != title:
                found.append(f"{title}: it lies over {taken[cell]}")
                break
        if panel["type"] == "row":
            continue
        if not panel.get("description"):
            found.append(f"{title}: it has no description")
        if not panel.get("targets"):
            found.append(f"{title}: it asks for nothing")
        for target in panel.get("targets", []):
            if target["datasource"]["uid"] != "${datasource}":
                found.append(f"{title}: it asks one data source, whatever is chosen")
            found += [f"{title}: {problem}" for problem in _expression_problems(target["expr"], variables)]
    return found


def _expression_problems(expression: str, variables: set[str]) -> list[str]:
    found = [f"there is no variable ${name}" for name in re.findall(r"\$([a-z]\w*)", expression) if name not in variables]
    for name, value in FILLED_IN.items():
        expression = expression.replace(name, value)
    try:
        parsed = promql_parser.parse(expression)
    except ValueError as error:
        return [*found, f"{expression}: {error}"]
    known = server_metrics()
    return found + [f"the server has no metric {name}" for name in sorted(metrics(parsed) - known)]


if __name__ == "__main__":
    found = [f"{file}: {problem}" for file in sys.argv[1:] for problem in problems(Path(file).read_text())]
    print("\n".join(found) or "dashboards: nothing to complain about")
    sys.exit(bool(found))
