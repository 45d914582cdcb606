"""What the validator of Kubernetes' schemas does not see: that the documents fit each other and the programs, and that
no container may do more than it has to. Takes the folder of the base."""

import sys
from pathlib import Path

import yaml

import clocks
from programs import routes, unknown_options, unknown_variables

ENCLOSURE = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def load(folder: Path) -> tuple[dict, dict[str, list[dict]]]:
    """The kustomization, and the documents of each file beside it."""
    files = {file.name: list(yaml.safe_load_all(file.read_text())) for file in sorted(folder.glob("*.yaml"))}
    [kustomization] = files.pop("kustomization.yaml")
    return kustomization, files


def problems(kustomization: dict, files: dict[str, list[dict]]) -> list[str]:
    found = []
    named = set(kustomization["resources"])
    found += [f"kustomization.yaml does not name {name}" for name in sorted(files.keys() - named)]
    found += [f"kustomization.yaml names {name}, which is not there" for name in sorted(named - files.keys())]
    documents = [document for documents in files.values() for document in documents]
    by_kind = {}
    for document in documents:
        by_kind.setdefault(document["kind"], {})[document["metadata"]["name"]] = document

    pods = {}
    for document in documents:
        for name, template in _templates(document):
            pods[name] = template
            found += [f"{name}: {problem}" for problem in _pod_problems(template, document, by_kind)]

    labels = [template["metadata"]["labels"] for template in pods.values()]
    for document in documents:
        for selector in _selectors(document):
            if not any(selector.items() <= those.items() for those in labels):
                found.append(f"{_name(document)}: no pod has the labels {selector}")
    for document in by_kind.get("CronJob", {}).values():
        # Without one it is the zone of whoever runs the cluster.
        if document["spec"].get("timeZone") not in clocks.UNIVERSAL:
            found.append(f"{_name(document)}: its hour is skipped or comes twice where clocks change; say timeZone: Etc/UTC")
    for document in by_kind.get("HorizontalPodAutoscaler", {}).values():
        target = document["spec"]["scaleTargetRef"]
        if target["name"] not in by_kind.get(target["kind"], {}):
            found.append(f"{_name(document)}: there is no {target['kind']} {target['name']}")
        elif "replicas" in by_kind[target["kind"]][target["name"]]["spec"]:
            found.append(f"{target['name']}: `replicas` would undo what the autoscaler did")
    for document in by_kind.get("Ingress", {}).values():
        for rule in document["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]["name"]
                if service not in by_kind.get("Service", {}):
                    found.append(f"{_name(document)}: there is no Service {service}")
    return found


def _name(document: dict) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def _templates(document: dict):
    spec = document.get("spec", {})
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if "template" in spec:
        yield _name(document), spec["template"]


def _selectors(document: dict):
    spec = document.get("spec", {})
    if document["kind"] == "Service":
        yield spec["selector"]
    for key in ("selector", "podSelector"):
        if key in spec and "matchLabels" in spec[key]:
            yield spec[key]["matchLabels"]


def _pod_problems(template: dict, document: dict, by_kind: dict) -> list[str]:
    pod, found = template["spec"], []
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        found.append("it may run as root")
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        found.append("its system calls are not filtered")
    if pod.get("automountServiceAccountToken") is not False:
        found.append("it gets a token for Kubernetes, which it has no use for")
    if pod.get("serviceAccountName") not in by_kind.get("ServiceAccount", {}):
        found.append(f"there is no ServiceAccount {pod.get('serviceAccountName')}")
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
    for container in pod["containers"]:
        for key, value in ENCLOSURE.items():
            if container.get("securityContext", {}).get(key) != value:
                found.append(f"securityContext.{key} is not {value}")
        if "memory" not in container["resources"].get("limits", {}):
            found.append("it has no limit of memory, so that a run cannot know how much it may take")
        found += [f"there is no volume {mount['name']}" for mount in container.get("volumeMounts", [])
                  if mount["name"] not in volumes]
        found += unknown_variables({entry["name"] for entry in container.get("env", [])})
        found += unknown_options(container.get("args", []))
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                name = source["configMapRef"]["name"]
                settings = by_kind.get("ConfigMap", {}).get(name)
                found += unknown_variables(set(settings["data"])) if settings else [f"there is no ConfigMap {name}"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container.get(probe, {}).get("httpGet", {}).get("path")
            if path and path not in routes():
                found.append(f"{probe}: the server does not answer at {path}")
    return found


if __name__ == "__main__":
    found = problems(*load(Path(sys.argv[1])))
    print("\n".join(found) or f"{sys.argv[1]}: the documents fit each other and the programs")
    sys.exit(bool(found))
