"""Checks of roles and of the key's policy: what is listed, and no more."""

import re

import expected
from harness import check, exactly


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(stack):
    """(owner, statement) of every policy that a role or the key has."""
    for name, role in stack.of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, key in stack.of_type("AWS::KMS::Key").items():
        for statement in key["KeyPolicy"]["Statement"]:
            yield name, statement


@check
def roles_may_do_what_is_listed_and_no_more(cases):
    for case, _, _, stack in cases.each():
        roles = stack.of_type("AWS::IAM::Role")
        yield from exactly(f"{case} roles", roles, expected.ROLE_ACTIONS)
        for name, role in roles.items():
            if role.get("ManagedPolicyArns"):
                yield f"{case} {name}: has managed policies, which name no resources"
            actions = [a for owner, s in statements(stack) if owner == name for a in listed(s["Action"])]
            yield from exactly(f"{case} {name}", actions, expected.ROLE_ACTIONS.get(name, []))
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::Lambda::Permission"):
            if stack.of_type(kind):
                yield f"{case}: {kind} outside of the roles"


@check
def roles_act_on_what_is_listed_and_no_more(cases):
    account = re.compile(r"arn:aws:(logs|lambda):us-east-1:123456789012:(log-group:)?")
    for case, env, _, stack in cases.each():
        for name, acts_on in expected.ROLE_RESOURCES.items():
            wanted = {r.format(env=env) for r in acts_on | expected.ROLE_LOG_GROUPS[name]}
            actual = {account.sub("", r) for owner, s in statements(stack) if owner == name
                      for r in listed(s["Resource"])}
            yield from exactly(f"{case} {name}", actual - {"*", "Encryption.DataKey.Arn"}, wanted)


@check
def roles_put_records_into_their_own_streams(cases):
    for case, _, _, stack in cases.each():
        for name, streams in expected.ROLE_PUTS.items():
            actual = {r for owner, s in statements(stack) if owner == name
                      for r in listed(s["Resource"]) if "kinesis:PutRecords" in listed(s["Action"])}
            yield from exactly(f"{case} {name}", actual, streams)


@check
def roles_may_use_the_key_through_each_service_that_they_call(cases):
    for case, _, _, stack in cases.each():
        for name in stack.of_type("AWS::IAM::Role"):
            own = [s for owner, s in statements(stack) if owner == name]
            called = {a.split(":")[0] for s in own for a in listed(s["Action"])} & expected.SERVICES_WITH_THE_KEY
            through = {v.split(".")[0] for s in own
                       for v in listed(s.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", []))}
            yield from exactly(f"{case} {name} kms:ViaService", through, called)


@check
def no_star_stands_where_a_name_can(cases):
    for case, _, _, stack in cases.each():
        for owner, statement in statements(stack):
            name = f"{case} {owner} {statement['Sid']}"
            if statement["Effect"] != "Allow":
                yield f"{name}: is not an Allow"
            if any("*" in action for action in listed(statement["Action"])):
                yield f"{name}: `*` in an action"
            for resource in listed(statement["Resource"]):
                if resource == "*":
                    if statement["Sid"] not in expected.STAR_RESOURCES:
                        yield f"{name}: `*` as resource without a listed reason"
                # Below a named bucket or log group, names are made at run time.
                elif "*" in resource and not re.fullmatch(r"[^*]+[/:]\*", resource):
                    yield f"{name}: `*` within `{resource}`"
            if any(a.startswith("kms:") for a in listed(statement["Action"])) and owner != "Encryption.DataKey":
                via = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService")
                if not via or statement["Resource"] != "Encryption.DataKey.Arn":
                    yield f"{name}: the key without kms:ViaService"


@check
def items_are_divided_among_the_functions(cases):
    for case, _, _, stack in cases.each():
        for owner, statement in statements(stack):
            if "State.StateTable.Arn" in listed(statement["Resource"]):
                keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
                if keys != expected.LEADING_KEYS.get(owner):
                    yield f"{case} {owner}: may touch the items {keys}"
