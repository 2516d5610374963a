"""A template and its parameters in, resources with plain properties out, nested stacks included.

What only a deployment could know becomes a name that says where it comes from:
`Streams.FinancialStream` for a reference, `Streams.FinancialStream.Arn` for an attribute. So a test
can follow a value from the resource that makes it to the function that reads it. Functions of
CloudFormation that the templates do not use are errors here.
"""

import re

from templates import ROOT, load

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "kinetick",
    "AWS::URLSuffix": "amazonaws.com",
}
_ABSENT = object()


class Refused(Exception):
    """A parameter or a rule of the template refuses the parameters."""


class Stack:
    """One stack as it would be deployed with the given parameters."""

    def __init__(self, template, given, name=""):
        self.template = template
        self.name = name
        self.parameters = self._parameters(given)
        self.rules = template.get("Rules", {})
        self._check_rules()
        self.children = {}
        self.resources = {}
        for logical_id, resource in template["Resources"].items():
            if "Condition" in resource and not self._condition(resource["Condition"]):
                continue
            if resource["Type"] == "AWS::CloudFormation::Stack":
                self._child(logical_id)
            properties = self._value(resource.get("Properties", {}))
            self.resources[logical_id] = {**resource, "Properties": properties}
        self.outputs = {
            key: self._value(output["Value"]) for key, output in template.get("Outputs", {}).items()
        }

    def every_resource(self):
        """(`Stack.LogicalId`, resource) of this stack and all nested ones."""
        for logical_id, resource in self.resources.items():
            yield self._named(logical_id), resource
            if logical_id in self.children:
                yield from self.children[logical_id].every_resource()

    def of_type(self, resource_type):
        """Properties by `Stack.LogicalId` of every resource of a type."""
        return {
            name: resource["Properties"]
            for name, resource in self.every_resource()
            if resource["Type"] == resource_type
        }

    def _named(self, logical_id):
        return f"{self.name}.{logical_id}" if self.name else logical_id

    def _parameters(self, given):
        declared = self.template.get("Parameters", {})
        unknown = sorted(set(given) - set(declared))
        if unknown:
            raise Refused(f"{self.name or 'template'}: parameters {unknown} are not declared")
        values = {}
        for key, parameter in declared.items():
            if key not in given and "Default" not in parameter:
                raise Refused(f"{self.name or 'template'}: parameter `{key}` has no value")
            value = given.get(key, parameter.get("Default"))
            allowed = parameter.get("AllowedValues")
            if allowed and str(value) not in [str(a) for a in allowed]:
                raise Refused(f"parameter `{key}` is `{value}`; allowed: {allowed}")
            pattern = parameter.get("AllowedPattern")
            if pattern and not re.fullmatch(pattern, str(value)):
                raise Refused(f"parameter `{key}` is `{value}`; it must match {pattern}")
            longest = parameter.get("MaxLength")
            if longest is not None and len(str(value)) > longest:
                raise Refused(f"parameter `{key}` has {len(str(value))} characters; {longest} are allowed")
            values[key] = value
        return values

    def _check_rules(self):
        for name, rule in self.rules.items():
            if "RuleCondition" in rule and not self._truth(rule["RuleCondition"]):
                continue
            for assertion in rule["Assertions"]:
                if not self._truth(assertion["Assert"]):
                    raise Refused(f"rule `{name}`: {assertion['AssertDescription']}")

    def _condition(self, name):
        return self._truth(self.template["Conditions"][name])

    def _truth(self, expression):
        ((function, argument),) = expression.items()
        if function == "Condition":
            return self._condition(argument)
        if function == "Fn::Equals":
            left, right = (self._value(a) for a in argument)
            return str(left) == str(right)
        if function == "Fn::Not":
            return not self._truth(argument[0])
        if function == "Fn::And":
            return all(self._truth(a) for a in argument)
        if function == "Fn::Or":
            return any(self._truth(a) for a in argument)
        raise NotImplementedError(function)

    def _value(self, value):
        if isinstance(value, list):
            return [v for v in map(self._value, value) if v is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._reference(argument)
            if function.startswith("Fn::"):
                return self._function(function, argument)
        resolved = {k: self._value(v) for k, v in value.items()}
        return {k: v for k, v in resolved.items() if v is not _ABSENT}

    def _reference(self, name):
        if name == "AWS::NoValue":
            return _ABSENT
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        if name not in self.template["Resources"]:
            raise Refused(f"`{name}` is neither a parameter nor a resource")
        return self._named(name)

    def _attribute(self, logical_id, attribute):
        resource = self.template["Resources"][logical_id]
        if resource["Type"] == "AWS::CloudFormation::Stack":
            return self._child(logical_id).outputs[attribute.removeprefix("Outputs.")]
        return f"{self._named(logical_id)}.{attribute}"

    def _child(self, logical_id):
        if logical_id not in self.children:
            properties = self.template["Resources"][logical_id]["Properties"]
            self.children[logical_id] = Stack(
                load(ROOT / properties["TemplateURL"]),
                self._value(properties.get("Parameters", {})),
                self._named(logical_id),
            )
        return self.children[logical_id]

    def _function(self, function, argument):
        if function == "Fn::If":
            condition, then, otherwise = argument
            return self._value(then if self._condition(condition) else otherwise)
        if function == "Fn::FindInMap":
            mapping, first, second = (self._value(a) for a in argument)
            return self.template["Mappings"][mapping][first][second]
        if function == "Fn::GetAtt":
            return self._attribute(*argument)
        if function == "Fn::Sub" and isinstance(argument, str):
            return re.sub(r"\$\{([^}!]+)\}", self._substitute, argument)
        raise NotImplementedError(function)

    def _substitute(self, match):
        name = match.group(1)
        known = name in PSEUDO or name in self.parameters or "." not in name
        value = self._reference(name) if known else self._attribute(*name.split(".", 1))
        return str(value)
