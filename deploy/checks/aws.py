"""What cfn-lint does not see in the template for AWS: that it fits the programs, the worker and the state machine, and that
no container may do more than it has to. Takes the template."""

import json
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import clocks
from cloudformation import load, of_type, text
from programs import routes, unknown_options, unknown_variables, worker_options

ENCLOSURE = {"User": "65532:65532", "ReadonlyRootFilesystem": True}


def problems(template: dict, folder: Path) -> list[str]:
    """`folder` is the template's own, from where it names files."""
    found = []
    for name, machine in of_type(template, "AWS::StepFunctions::StateMachine").items():
        found += [f"{name}: {problem}" for problem in _machine_problems(machine, template, folder)]
    for name, task in of_type(template, "AWS::ECS::TaskDefinition").items():
        for container in task["ContainerDefinitions"]:
            found += [f"{name}: {problem}" for problem in _container_problems(container)]
    for name, rule in of_type(template, "AWS::ElasticLoadBalancingV2::ListenerRule").items():
        patterns = [value for condition in rule["Conditions"] for value in condition["PathPatternConfig"]["Values"]]
        for pattern in patterns:
            if not any(fnmatchcase(route, pattern) for route in routes()):
                found.append(f"{name}: the server answers at no {pattern}")
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule").items():
        if schedule.get("ScheduleExpressionTimezone", "UTC") not in clocks.UNIVERSAL:
            found.append(f"{name}: its hour is skipped or comes twice where clocks change; leave it in UTC")
    for name, group in of_type(template, "AWS::ElasticLoadBalancingV2::TargetGroup").items():
        if group["HealthCheckPath"] not in routes():
            found.append(f"{name}: the server does not answer at {group['HealthCheckPath']}")
    for name, service in of_type(template, "AWS::ECS::Service").items():
        deployment = service["DeploymentConfiguration"]
        if (service["DesiredCount"], deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) != (1, 0, 100):
            found.append(f"{name}: two servers would meet on one ledger")
    return found


def environment(container: dict) -> list[dict]:
    """A container's variables, those too that are there on a condition alone."""
    return [entry["Fn::If"][1] if "Fn::If" in entry else entry for entry in container["Environment"]]


def placeholders(definition: str) -> set[str]:
    """What a state machine's file leaves to be filled in."""
    return set(re.findall(r"\$\{([A-Za-z]+)\}", definition))


def _machine_problems(machine: dict, template: dict, folder: Path) -> list[str]:
    wanted = placeholders((folder / machine["DefinitionS3Location"]).read_text())
    given = machine["DefinitionSubstitutions"]
    found = [f"the state machine wants {name}, and is not given it" for name in sorted(wanted - given.keys())]
    found += [f"the state machine has no use for {name}" for name in sorted(given.keys() - wanted)]
    activities = of_type(template, "AWS::StepFunctions::Activity")
    taken = set()
    for task in of_type(template, "AWS::ECS::TaskDefinition").values():
        for container in task["ContainerDefinitions"]:
            for entry in environment(container):
                if entry["Name"] == "AKIN_ACTIVITIES":
                    taken |= set(re.findall(r"([a-z]+)=\$\{([A-Za-z]+)\}", text(entry["Value"])))
    for substitution, value in given.items():
        activity = text(value)[2:-1]
        stage = substitution.removesuffix("ActivityArn").lower()
        if activity not in activities:
            found.append(f"there is no activity {activity}")
        elif (stage, activity) not in taken:
            found.append(f"no worker takes the tasks of {stage}")
    return found


def _container_problems(container: dict) -> list[str]:
    found = [f"{key} is not {value}" for key, value in ENCLOSURE.items() if container.get(key) != value]
    if container.get("LinuxParameters", {}).get("Capabilities") != {"Drop": ["ALL"]}:
        found.append("it keeps capabilities")
    if container.get("LogConfiguration", {}).get("LogDriver") != "awslogs":
        found.append("nobody keeps its log")
    found += unknown_variables({entry["Name"] for entry in environment(container)})
    words = [str(word) for word in container.get("Command", [])]
    if "/worker:" in text(container["Image"]):
        options = {word for word in words if word.startswith("--")}
        found += [f"the worker has no option {option}" for option in sorted(options - worker_options())]
    else:
        found += unknown_options(words)
    return found


def run_input(template: dict, values: dict[str, str]) -> dict:
    """What the schedule starts a run with. `values` stand for what is known when it is deployed."""
    [schedule] = [one for one in of_type(template, "AWS::Scheduler::Schedule").values() if "Input" in one["Target"]]
    document, own = schedule["Target"]["Input"]["Fn::Sub"]
    for name, value in own.items():
        condition, when, otherwise = value["Fn::If"]
        if condition != "HasItems":
            raise ValueError(f"{condition} is not a condition that this knows")
        document = document.replace(f"${{{name}}}", text(when) if values.get("Items") else otherwise)
    for name, value in values.items():
        document = document.replace(f"${{{name}}}", value)
    return json.loads(document)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    found = problems(load(file), file.parent)
    print("\n".join(found) or f"{file}: it fits the state machine, the worker and the programs")
    sys.exit(bool(found))
