"""Files in, templates out: reads YAML with CloudFormation's tags, and applies the SAM transform.

Does not evaluate anything: that is `resolve.py`. Never touches the network.
"""

import copy
import logging
import os
from pathlib import Path
from types import SimpleNamespace

import yaml
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
ROOT_TEMPLATE = ROOT / "template.yaml"
NESTED_TEMPLATES = sorted((ROOT / "infra").glob("*.yaml"))
REGION = "us-east-1"

# The transform asks for a region, and takes it from here; with one it calls nobody.
os.environ["AWS_DEFAULT_REGION"] = REGION
# It also warns, per transform, that it measured itself and told nobody.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)


class _Loader(yaml.SafeLoader):
    pass


def _tag(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)
# A date such as the version of a template stays text.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path):
    """The template in a file, as plain dictionaries and lists."""
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


def transformed(template, parameters):
    """What CloudFormation makes of a SAM template once it is packaged: plain resource types."""
    packaged = copy.deepcopy(template)
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            folder = resource["Properties"]["CodeUri"]
            resource["Properties"]["CodeUri"] = f"s3://packaged/{folder.strip('/')}.zip"
    return transform(packaged, dict(parameters), SimpleNamespace(load=dict))
