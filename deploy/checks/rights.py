"""What the roles of the template for AWS may do, and that it is no more than the documentation says. Takes the template and docs/store.md."""

import json
import re
import sys
from pathlib import Path

import cfnlint
from cloudformation import as_list, load, of_type, text

# The table's columns, and the roles that they stand for.
COLUMNS = {"akin-batch": "BatchRole", "akin-serve": "ServeRole", "gc": "GcRole"}
# The policy of each of them that the table is about.
STORE = "store"
# Every AWS action, and the kinds of resources that its policies can name: none for some. cfn-lint brings it.
ACTIONS = json.loads((Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json").read_text())
# Actions that AWS wants on everything although they name a resource.
ON_EVERYTHING = {
    "logs:DescribeLogGroups": "it asks which groups there are",
}
WORKER = {"GetActivityTask", "SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"}


def statements(template: dict):
    """(role, policy, statement) of all that roles are allowed."""
    for role, properties in of_type(template, "AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role, policy["PolicyName"], statement


def problems(template: dict, documentation: str) -> list[str]:
    found = []
    for role, properties in of_type(template, "AWS::IAM::Role").items():
        if properties.get("ManagedPolicyArns"):
            found.append(f"{role}: a managed policy is somebody else's list of rights")
    for role, policy, statement in statements(template):
        found += [f"{role}: {problem}" for problem in _statement_problems(role, statement)]
    store = store_rights(template)
    documented = documented_rights(documentation)
    for column in COLUMNS:
        for action in sorted(store[column].keys() | documented[column].keys()):
            given, told = store[column].get(action, set()), documented[column].get(action, set())
            found += [f"{COLUMNS[column]}: the documentation does not tell of {action} on {path}" for path in sorted(given - told)]
            found += [f"{COLUMNS[column]}: the documentation tells of {action} on {path}" for path in sorted(told - given)]
    return found


def _statement_problems(role: str, statement: dict) -> list[str]:
    found = []
    if statement["Effect"] != "Allow" or "NotAction" in statement or "NotResource" in statement:
        return ["it allows all but something; name what is allowed"]
    resources = [text(resource) for resource in as_list(statement["Resource"])]
    for action in as_list(statement["Action"]):
        if "*" in action:
            found.append(f"{action} is more than one action")
            continue
        service, name = action.split(":")
        known = ACTIONS[service]["Actions"].get(name.lower())
        if known is None:
            found.append(f"AWS has no action {action}")
        elif "*" in resources and known and action not in ON_EVERYTHING:
            found.append(f"{action} is allowed on everything, and could be on a resource")
        if "Delete" in name and service != "logs" and role != "GcRole":
            found.append(f"{action}: only gc deletes")
        if service == "states" and not (role == "BatchRole" and name in WORKER) \
                and not (role == "ScheduleRole" and name == "StartExecution"):
            found.append(f"{action}: executions are the schedule's business")
        if service == "dynamodb":
            found.append(f"{action}: no program uses the table")
        for path in map(_key, resources):
            if name == "PutObject" and not path.startswith("prefix/"):
                found.append(f"{action} on {path}: it writes outside the store")
            if name == "PutObject" and role != "ServeRole" and _covers(path, "prefix/ratings/x"):
                found.append(f"{action} on {path}: only servers write what servers accepted")
            if name == "PutObject" and role == "ServeRole" and not path.startswith("prefix/ratings/"):
                found.append(f"{action} on {path}: a server writes nothing but what it accepted")
            if name == "DeleteObject" and any(_covers(path, f"prefix/{kept}/x") for kept in ("manifests", "ratings")):
                found.append(f"{action} on {path}: manifests and ratings stay")
    return found


def _covers(pattern: str, path: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), path) is not None


def _key(resource: str) -> str:
    """A resource as the documentation writes it: the store's folder is `prefix`."""
    return re.sub(r"^\$\{Bucket\.Arn\}/?", "", resource).replace("${StorePrefix}", "prefix") or "the bucket"


def store_rights(template: dict) -> dict[str, dict[str, set[str]]]:
    """For each of The table's columns: action -> what it is allowed on."""
    rights = {column: {} for column in COLUMNS}
    columns = {role: column for column, role in COLUMNS.items()}
    for role, policy, statement in statements(template):
        if policy != STORE:
            continue
        paths = {_key(text(resource)) for resource in as_list(statement["Resource"])}
        like = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
        if like:
            paths = {_key(text(prefix)) for prefix in as_list(like)}
        for action in as_list(statement["Action"]):
            rights[columns[role]].setdefault(action, set()).update(paths)
    return rights


def documented_rights(documentation: str) -> dict[str, dict[str, set[str]]]:
    """The same, of the table in the documentation."""
    rights = {column: {} for column in COLUMNS}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in documentation.splitlines() if line.startswith("|")]
    [header] = [number for number, row in enumerate(rows) if row[1:] == list(COLUMNS)]
    for row in rows[header + 2:]:
        actions = re.findall(r"`(s3:[A-Z][A-Za-z]+)`", row[0])
        if not actions:
            break
        for column, cell in zip(COLUMNS, row[1:], strict=True):
            paths = set(re.findall(r"`([^`]+)`", cell)) or {cell} - {""}
            # "as `action`": the same as a row above.
            if cell.startswith("as "):
                paths = set().union(*(rights[column][action] for action in paths))
            for action in actions if paths else []:
                rights[column].setdefault(action, set()).update(paths)
    return rights


def policies(template: dict, values: dict[str, str]) -> dict[str, list[dict]]:
    """The policies of each role, as IAM would get them. `values` stand for what is known when it is deployed."""
    def fill(value):
        if isinstance(value, list):
            return [fill(one) for one in value]
        if isinstance(value, dict) and not any(key == "Ref" or key.startswith("Fn::") for key in value):
            return {key: fill(one) for key, one in value.items()}
        filled = text(value)
        for name, known in values.items():
            filled = filled.replace(f"${{{name}}}", known)
        return filled

    found = {}
    for role, properties in of_type(template, "AWS::IAM::Role").items():
        found[role] = [fill(policy["PolicyDocument"]) for policy in properties.get("Policies", [])]
    return found


if __name__ == "__main__":
    file = Path(sys.argv[1])
    found = problems(load(file), Path(sys.argv[2]).read_text())
    print("\n".join(found) or f"{file}: its roles may do what the documentation says, and no more")
    sys.exit(bool(found))
