"""A CloudFormation template as plain data: its short forms (`!Ref x`) are read as their long ones ({"Ref": "x"})."""

from pathlib import Path

import yaml


class _Loader(yaml.SafeLoader):
    pass


def _short_form(loader: _Loader, tag: str, node: yaml.Node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(file: Path) -> dict:
    return yaml.load(file.read_text(), _Loader)  # noqa: S506: the loader is SafeLoader, and what stands above


def of_type(template: dict, kind: str) -> dict[str, dict]:
    """The properties of the resources of a type, by their names."""
    resources = template["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in resources if resource["Type"] == kind}


def as_list(value) -> list:
    """Where a template takes one or several."""
    return value if isinstance(value, list) else [value]


def text(value) -> str:
    """A value as `Fn::Sub` would write it: what is only known when it is deployed stays as `${Name}` or `${Name.Attribute}`."""
    if not isinstance(value, dict):
        return str(value)
    [(function, argument)] = value.items()
    if function == "Ref":
        return f"${{{argument}}}"
    if function == "Fn::GetAtt":
        return f"${{{'.'.join(argument)}}}"
    if function == "Fn::Sub" and isinstance(argument, str):
        return argument
    raise ValueError(f"{function} is not text that is known before it is deployed")
