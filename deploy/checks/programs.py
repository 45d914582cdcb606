"""What the programs understand, read from their sources: options, variables and routes that a deployment may name."""

import re
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2]


def _rust(room: str) -> str:
    folder = SOURCES / room
    files = sorted((folder if "/" in room else folder / "src").rglob("*.rs"))
    return "\n".join(file.read_text() for file in files)


def variables() -> set[str]:
    """The variables of the environment that either program reads, or the worker."""
    text = _rust("serve") + _rust("batch") + _rust("store") + _worker()
    return set(re.findall(r'"(AKIN_[A-Z0-9_]+)"', text))


def _worker() -> str:
    return (SOURCES / "deploy/worker.py").read_text()


def worker_options() -> set[str]:
    """The long options of the worker."""
    return set(re.findall(r'"(--[a-z-]+)"', _worker()))


def batch_options() -> set[str]:
    """The long options of akin-batch, of all its commands together."""
    fields = re.findall(r"#\[arg\((?:[^\]]|\](?!\n))*\]\s*(?:pub(?:\([a-z]+\))? )?([a-z_0-9]+):", _rust("batch"))
    names = re.findall(r'long = "([a-z0-9-]+)"', _rust("batch"))
    return {"--" + field.replace("_", "-") for field in fields} | {"--" + name for name in names}


def routes() -> set[str]:
    """The paths that the server answers at."""
    return set(re.findall(r'\(\s*"(/[^"]+)",\s*(?:READ|"[A-Z, ]+"),', _rust("serve")))


def server_metrics() -> set[str]:
    """The metrics that the server shows, each under every name that it has for Prometheus."""
    names = re.findall(r'"((?:akin_|process_)?[a-z]+(?:_[a-z]+)*)"', _rust("serve/src/metrics"))
    known = set()
    for name in names:
        name = name if name.startswith(("akin_", "process_")) else f"akin_{name}"
        stems = [name, f"{name}_seconds"]
        known.update(stem + ending for stem in stems for ending in ["", "_total", "_bucket", "_sum", "_count"])
    return known


def unknown_variables(names: set[str]) -> list[str]:
    """One problem for each variable with Akin's prefix that no program reads."""
    known = variables()
    return [f"no program reads {name}" for name in sorted(names) if name.startswith("AKIN_") and name not in known]


def unknown_options(words: list[str]) -> list[str]:
    """One problem for each long option among a command's words that akin-batch does not have."""
    known = batch_options()
    options = {word.split("=")[0] for word in words if word.startswith("--")}
    return [f"akin-batch has no option {option}" for option in sorted(options - known)]
