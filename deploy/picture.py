#!/usr/bin/env python3
"""Draws deploy/state-machine.asl.json as SVG on standard output. `make bless` writes docs/state-machine.svg with it.

The way that a run takes goes down the middle; where it may end stands to the right, in the row that it is reached from.
"""

import json
import sys
from html import escape
from pathlib import Path

ROW, WIDTH, HEIGHT = 84, 250, 46
MIDDLE, RIGHT, MARGIN = 40, 470, 30
COLOURS = {"Task": "#2a6fdb", "Map": "#2a6fdb", "Choice": "#b7791f", "Succeed": "#2f855a", "Fail": "#c53030"}


def ways(state):
    """Where a state leads: pairs of a state's name and what the arrow says."""
    for choice in state.get("Choices", []):
        yield choice["Next"], words(choice)
    if "Default" in state:
        yield state["Default"], "otherwise"
    if "Next" in state:
        yield state["Next"], ""
    for catch in state.get("Catch", []):
        if catch["Next"] != state.get("Next"):
            yield catch["Next"], "failed"


def words(choice):
    if "Or" in choice:
        return ", ".join(one["StringEquals"] for one in choice["Or"])
    name = choice["Variable"].rsplit(".", 1)[-1]
    if "BooleanEquals" in choice:
        return name if choice["BooleanEquals"] else f"not {name}"
    return choice["StringEquals"]


def details(state):
    """What is said below a state's name."""
    inner = next(iter(state.get("ItemProcessor", {}).get("States", {}).values()), state)
    said = ["once a shard"] if state["Type"] == "Map" else []
    tries = max((retry["MaxAttempts"] for retry in inner.get("Retry", [])), default=0)
    if tries:
        said.append(f"up to {tries + 1} attempts")
    if "TimeoutSeconds" in inner:
        said.append(f"{inner['TimeoutSeconds'] // 3600} h each")
    return ", ".join(said)


def main():
    path = Path(__file__).with_name("state-machine.asl.json")
    machine = json.loads(path.read_text())
    states = machine["States"]
    # Down the middle: from the start, always where a run goes on.
    spine, name = [], machine["StartAt"]
    while name:
        spine.append(name)
        state = states[name]
        onward = [state[key] for key in ("Next", "Default") if key in state]
        onward += [choice["Next"] for choice in state.get("Choices", [])]
        name = next((one for one in onward if states[one]["Type"] not in ("Fail",) and one not in spine), None)
    place = {name: (MIDDLE, MARGIN + at * ROW) for at, name in enumerate(spine)}
    rest = [name for name in states if name not in place]
    # The state that failures lead to comes last, with the ends that it tells apart.
    beside = {target: name for name in spine for target, _ in ways(states[name]) if target in rest}
    caught = {catch["Next"] for state in states.values() for catch in state.get("Catch", [])} & set(rest)
    for name in rest:
        if name in beside and name not in caught:
            place[name] = (RIGHT, place[beside[name]][1])
    below = MARGIN + len(spine) * ROW
    for name in caught:
        place[name] = (MIDDLE, below)
    ends = [name for name in rest if name not in place]
    for at, name in enumerate(ends):
        place[name] = (RIGHT, below + at * ROW)
    height = below + max(1, len(ends)) * ROW
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {RIGHT + WIDTH + 40} {height}" '
        'font-family="system-ui, sans-serif" font-size="14">',
        f"<title>{escape(path.name)}</title>",
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for name, state in states.items():
        if name in caught:
            continue
        for target, label in ways(state):
            if target not in caught:
                out += arrow(place[name], place[target], label)
    for name in caught:
        for target, label in ways(states[name]):
            out += fan(place[name], place[target], label)
        failing = [one for one, state in states.items() if any(c["Next"] == name for c in state.get("Catch", []))]
        # One line collects what fails.
        x, y = place[name]
        top = min(place[one][1] for one in failing) + HEIGHT / 2
        out.append(f'<path d="M18 {top} V{y + HEIGHT / 2} H{x}" fill="none" stroke="#c53030" marker-end="url(#tip)"/>')
        for one in failing:
            out.append(f'<path d="M{x} {place[one][1] + HEIGHT / 2} H18" stroke="#c53030"/>')
    for name, state in states.items():
        x, y = place[name]
        colour = COLOURS[state["Type"]]
        radius = 23 if state["Type"] in ("Succeed", "Fail") else 6
        out.append(
            f'<g><title>{escape(state.get("Comment", name))}</title><rect x="{x}" y="{y}" width="{WIDTH}" '
            f'height="{HEIGHT}" rx="{radius}" fill="#fff" stroke="{colour}" stroke-width="2"/>'
        )
        said = details(state)
        base = y + (20 if said else 28)
        out.append(f'<text x="{x + WIDTH / 2}" y="{base}" text-anchor="middle" fill="#111">{escape(name)}</text>')
        if said:
            out.append(
                f'<text x="{x + WIDTH / 2}" y="{y + 37}" text-anchor="middle" fill="#667" font-size="11">{escape(said)}</text>'
            )
        out.append("</g>")
    out.append("</svg>")
    sys.stdout.write("\n".join(out) + "\n")


def arrow(start, end, label):
    (x, y), (to_x, to_y) = start, end
    if x == to_x:
        line = f"M{x + WIDTH / 2} {y + HEIGHT} V{to_y}"
        at = (x + WIDTH / 2 + 6, (y + HEIGHT + to_y) / 2 + 4)
    else:
        line = f"M{x + WIDTH} {y + HEIGHT / 2} H{to_x}"
        at = (x + WIDTH + 8, y + HEIGHT / 2 - 6)
    return [f'<path d="{line}" fill="none" stroke="#667" marker-end="url(#tip)"/>', text(at, label)]


def fan(start, end, label):
    (x, y), (to_x, to_y) = start, end
    bend = x + WIDTH + 20
    line = f"M{x + WIDTH} {y + HEIGHT / 2} H{bend} V{to_y + HEIGHT / 2} H{to_x}"
    short = label.replace("Akin.", "")
    return [
        f'<path d="{line}" fill="none" stroke="#c53030" marker-end="url(#tip)"/>',
        text((bend + 4, to_y + HEIGHT / 2 - 6), short),
    ]


def text(at, label):
    return f'<text x="{at[0]}" y="{at[1]}" fill="#445" font-size="11">{escape(label)}</text>' if label else ""


if __name__ == "__main__":
    main()
