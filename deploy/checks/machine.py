"""Checks what runs Akin on one machine: systemd's units (by systemd-analyze), the crontab, nginx' configuration.
Takes a folder to work in."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import crossplane

import clocks
from programs import SOURCES, batch_options, unknown_options, unknown_variables

DEPLOY = SOURCES / "deploy"
# Of what a unit is exposed to, in tenths, by systemd's own count: 100 where nothing is forbidden. These have 12.
EXPOSURE = 20
# What is started when a unit fails.
ALARM = "akin-alarm@.service"


def units(sources: Path, root: Path) -> list[str]:
    """Puts the units where systemd would find them, with programs beside, and lets systemd itself look at them."""
    shutil.rmtree(root, ignore_errors=True)
    folder = root / "etc/systemd/system"
    folder.mkdir(parents=True)
    for program in ("usr/local/bin/akin-serve", "usr/local/bin/akin-batch", "bin/sh"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).touch(mode=0o755)
    files = [file for file in sorted(sources.iterdir()) if file.suffix in (".service", ".timer")]
    for file in files:
        shutil.copy(file, folder)
    # What the units refer to, without what that refers to.
    for target in ("basic", "multi-user", "network-online", "shutdown", "sysinit", "timers"):
        (folder / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    found = _analyze("verify", f"--root={root}", "--man=no", *[file.name for file in files])
    for file in files:
        if file.suffix == ".service":
            if file.name != ALARM and f"OnFailure={ALARM.replace('@', '@%n')}" not in file.read_text():
                found.append(f"{file.name}: nobody is told when it fails")
            found += _analyze("security", "--offline=yes", f"--root={root}", f"--threshold={EXPOSURE}", file.name)
        else:
            found += _analyze("calendar", *re.findall(r"(?m)^OnCalendar=(.*)$", file.read_text()))
            found += timer(file.name, file.read_text())
    return found


def timer(name: str, text: str) -> list[str]:
    """That a timer's time comes once every day, whatever clocks do."""
    delay = int((re.findall(r"(?m)^RandomizedDelaySec=([0-9]+)min$", text) or [0])[0])
    found = []
    for time in re.findall(r"(?m)^OnCalendar=(.*)$", text):
        if match := re.search(r"([0-9]{2}):([0-9]{2})(?::[0-9]{2})?$", time):
            found.append(clocks.problem(int(match[1]), int(match[2]), delay))
        elif time.rsplit(" ", 1)[-1] not in clocks.UNIVERSAL:
            found.append(f"{time} is in no zone that is known here")
    return [f"{name}: {problem}" for problem in found if problem]


def _analyze(command: str, *arguments: str) -> list[str]:
    """What systemd complains about. `verify` only prints what it ignores, and ends with 0."""
    run = subprocess.run(["systemd-analyze", command, *arguments], capture_output=True, text=True, check=False)
    failed = [f"systemd-analyze {command} {arguments[-1]}: {run.stdout[-300:]}"] if run.returncode else []
    return failed + [line for line in run.stderr.splitlines() if "Overall exposure" not in line]


def environment(sources: Path) -> list[str]:
    """That the variables of the files for the units are ones that a program, or a unit, reads."""
    unit_text = "".join(file.read_text() for file in sources.glob("*.service"))
    found = []
    for file in sources.glob("*.env"):
        for line in file.read_text().splitlines():
            if line and not line.startswith("#"):
                name, value = line.split("=", 1)
                found += [] if f"${name}" in unit_text else unknown_variables({name})
                found += unknown_options(value.split())
    return found


def crontab(text: str) -> list[str]:
    """That every line is a setting or a time and a command, and that akin-batch has the options."""
    field = r"(?:\*|[0-9]+(?:-[0-9]+)?)(?:/[0-9]+)?(?:,[0-9]+)*"
    time = re.compile(rf"(?:{field}\s+){{5}}(\S.*)$")
    found = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if re.match(r"[A-Z_]+=", line):
            found += unknown_variables({line.split("=")[0]})
        elif entry := time.match(line):
            minute, hour = line.split()[:2]
            if minute.isdecimal() and hour.isdecimal():
                found += [problem for problem in [clocks.problem(int(hour), int(minute))] if problem]
            found += unknown_options(entry[1].split())
            if "%" in entry[1]:
                found.append(f"cron takes % for the end of the line: {line}")
        else:
            found.append(f"neither a setting nor a time and a command: {line}")
    return found


def nginx(file: Path, work: Path) -> list[str]:
    """That nginx knows every directive, where it stands and how many arguments it has; and that no location is there twice,
    with which it does not start."""
    main = work / "nginx.conf"
    main.write_text(f"events {{}}\nhttp {{\n    include {file};\n}}\n")
    parsed = crossplane.parse(str(main), strict=True)
    # The lines of a `map` are values, which the parser takes for directives.
    maps = _map_lines(file)
    found = [f"{error['file']}:{error['line']}: {error['error']}" for error in parsed["errors"]
             if error["file"] != str(file) or error["line"] not in maps]
    if len(parsed["config"]) != 2:
        found.append(f"{file} was not read")
    return found + _repeated_locations(_blocks(file))


def _repeated_locations(blocks: list[dict]) -> list[str]:
    """The locations of each server, and of locations within locations, that are the same as one before."""
    found, seen = [], set()
    for block in blocks:
        if block["directive"] == "location":
            # nginx reads `=/path` as `= /path`.
            location = "".join(block["args"])
            if location in seen:
                found.append(f"line {block['line']}: location {' '.join(block['args'])} stands twice")
            seen.add(location)
        found += _repeated_locations(block.get("block", []))
    return found


def _map_lines(file: Path) -> set[int]:
    """The numbers of the lines within the file's `map` blocks."""
    return {value["line"] for block in _blocks(file) if block["directive"] == "map" for value in block["block"]}


def _blocks(file: Path) -> list[dict]:
    """What stands in the file, as crossplane reads it."""
    return crossplane.parse(str(file), single=True, check_ctx=False, check_args=False)["config"][0]["parsed"]


def main(work: Path) -> int:
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is missing; on Debian: apt-get install systemd", file=sys.stderr)
        return 1
    assert batch_options()
    found = units(DEPLOY / "systemd", work / "units") + environment(DEPLOY / "systemd")
    found += crontab((DEPLOY / "cron/akin.crontab").read_text())
    found += nginx(DEPLOY / "nginx/akin.conf", work)
    print("\n".join(found) or "systemd, cron, nginx: nothing to complain about")
    return bool(found)


if __name__ == "__main__":
    work = Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    sys.exit(main(work))
