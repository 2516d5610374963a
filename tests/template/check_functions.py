"""Checks of functions, event source mappings and schedules, as transformed."""

import re

import expected
from harness import ENVIRONMENTS, check, differ, exactly
from schedule import days, minutes_of_day
from templates import ROOT


@check
def functions_are_sized_and_named(cases):
    for case, env, _, stack in cases.each():
        functions = stack.of_type("AWS::Lambda::Function")
        yield from exactly(f"{case} functions", functions, expected.FUNCTIONS)
        for name, (folder, timeout, reserved, _) in expected.FUNCTIONS.items():
            properties = functions.get(name, {})
            yield from differ(f"{case} {name}", properties, {
                "FunctionName": f"realtime-financial-{env}-{folder}",
                "Runtime": "provided.al2023",
                "Handler": "bootstrap",
                "MemorySize": expected.MEMORY_MB,
                "Timeout": timeout,
                "Architectures": ["x86_64"],
                "TracingConfig": {"Mode": "Active"},
                "Role": f"Permissions.{name.removesuffix('Function')}Role.Arn",
                "ReservedConcurrentExecutions": None if env == "local" else reserved,
            })


@check
def functions_build_by_cargo_lambda_for_either_processor(cases):
    for name, (folder, *_) in expected.FUNCTIONS.items():
        resource = cases.source["Resources"][name]
        yield from differ(name, resource["Metadata"], {
            "BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": folder}})
        yield from differ(name, resource["Properties"], {"CodeUri": f"functions/{folder}/"})
    for name, function in cases.stack("dev", "free", Architecture="arm64").of_type("AWS::Lambda::Function").items():
        yield from differ(f"arm64 {name}", function, {"Architectures": ["arm64"]})


@check
def every_environment_variable_is_declared(cases):
    for case, env, _, stack in cases.each():
        functions = stack.of_type("AWS::Lambda::Function")
        for name, (*_, environment) in expected.FUNCTIONS.items():
            wanted = {"KINETICK_ENV": env, "LOG_LEVEL": "info", "MARKET_CLOCK": "", **environment}
            wanted = {k: v.replace("{env}", env) if isinstance(v, str) else v for k, v in wanted.items()}
            variables = functions[name]["Environment"]["Variables"]
            yield from exactly(f"{case} {name}", variables, wanted)
            yield from differ(f"{case} {name}", variables, wanted)


@check
def the_longest_environment_fits_into_a_function(cases):
    for parameter, text in expected.LONGEST_PARAMETERS.items():
        yield from differ(parameter, cases.source["Parameters"][parameter], {"MaxLength": len(text)})
    functions = cases.stack("prod", "p75", **expected.LONGEST_PARAMETERS).of_type("AWS::Lambda::Function")
    for name in ("ComputeIndicatorsFunction", "SweepSeriesFunction"):
        variables = functions[name]["Environment"]["Variables"]
        # A resource has a place here, and a name only when it is deployed.
        values = [(str(value), str(value).split(".")[0]) for value in variables.values()]
        size = sum(map(len, variables)) + sum(expected.NAME_BYTES.get(stack, len(value)) for value, stack in values)
        if not any(value == text for value, _ in values for text in expected.LONGEST_PARAMETERS.values()):
            yield f"{name}: the longest parameters are not in its environment"
        if size > expected.ENVIRONMENT_BYTES:
            yield f"{name}: its environment can have {size} bytes; {expected.ENVIRONMENT_BYTES} are allowed"


@check
def functions_read_and_explain_their_environment(_cases):
    for name, (folder, *_, environment) in expected.FUNCTIONS.items():
        folder = ROOT / "functions" / folder
        # KINETICK_ENV and MARKET_CLOCK are read on behalf of every function by shared/config.
        wanted = {"KINETICK_ENV", "LOG_LEVEL", "MARKET_CLOCK", *environment}
        source = (folder / "src/config.rs").read_text(encoding="utf-8")
        if "poller::Settings" in source:
            # What all pollers read stands in one place; the stream's variable is handed to it.
            source += (ROOT / "shared/poller/src/config.rs").read_text(encoding="utf-8")
        read = re.findall(r'(?:required|optional|local_only|Settings::read)\((?:&mut from, )?"(\w+)"', source)
        if "series_settings" in source:
            # Likewise what all who bring series forward read.
            shared = (ROOT / "shared/config/src/lib.rs").read_text(encoding="utf-8")
            read += re.findall(r'"([A-Z_]+)"', shared.split("fn series_settings")[1].split("\n    }\n")[0])
        yield from exactly(f"{name} config.rs", {*read, "KINETICK_ENV", "MARKET_CLOCK"}, wanted)
        explained = re.findall(r"^\| `(\w+)` \|", (folder / "README.md").read_text(encoding="utf-8"), re.M)
        yield from exactly(f"{name} README.md", explained, wanted)


@check
def logs_are_kept_and_encrypted(cases):
    for case, _, _, stack in cases.each():
        groups = stack.of_type("AWS::Logs::LogGroup")
        for name, group in groups.items():
            yield from differ(f"{case} {name}", group, {
                "RetentionInDays": 30, "KmsKeyId": "Encryption.DataKey.Arn"})
        for name, function in stack.of_type("AWS::Lambda::Function").items():
            group = function.get("LoggingConfig", {}).get("LogGroup")
            wanted = f"/aws/lambda/{function['FunctionName']}"
            if groups.get(group, {}).get("LogGroupName") != wanted:
                yield f"{case} {name}: its log group `{group}` is not `{wanted}`"


@check
def failed_calls_of_scheduled_functions_are_kept(cases):
    for case, _, _, stack in cases.each():
        configs = {c["FunctionName"]: c for c in stack.of_type("AWS::Lambda::EventInvokeConfig").values()}
        yield from exactly(f"{case} EventInvokeConfig", configs, expected.SCHEDULED_FUNCTIONS)
        for name, config in configs.items():
            yield from differ(f"{case} {name}", config, {
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": 60,
                "DestinationConfig": {"OnFailure": {"Destination": "DeadLetters.InvokeFailuresQueue.Arn"}},
            })
        queues = stack.of_type("AWS::SQS::Queue")
        read = {arn.removesuffix(".Arn") for arn in expected.QUEUE_MAPPINGS.values()}
        yield from exactly(f"{case} queues", queues, {*read, "DeadLetters.UnparkedQueue"})
        for name, queue in queues.items():
            yield from differ(f"{case} {name}", queue, {
                "KmsMasterKeyId": "Encryption.DataKey.Arn", "MessageRetentionPeriod": 14 * 24 * 3600})
        timeout = expected.FUNCTIONS["HandleDeadLettersFunction"][1]
        for name in read:
            yield from differ(f"{case} {name}", queues[name], {
                "VisibilityTimeout": 6 * timeout,
                "RedrivePolicy": {"deadLetterTargetArn": "DeadLetters.UnparkedQueue.Arn", "maxReceiveCount": 5}})


@check
def new_dead_letters_are_told_of_and_parked_ones_are_not(cases):
    for case, _, _, stack in cases.each():
        bucket = stack.of_type("AWS::S3::Bucket")["DeadLetters.DeadLetterBucket"]
        told = bucket["NotificationConfiguration"]["QueueConfigurations"]
        prefixes = [rule["Value"] for to in told for rule in to["Filter"]["S3Key"]["Rules"] if rule["Name"] == "prefix"]
        yield from exactly(f"{case} notifications", prefixes, expected.NOTIFIED_PREFIXES)
        for to in told:
            yield from differ(f"{case} notifications", to, {
                "Event": "s3:ObjectCreated:*", "Queue": "DeadLetters.NotificationsQueue.Arn"})
        (policy,) = stack.of_type("AWS::SQS::QueuePolicy").values()
        (statement,) = policy["PolicyDocument"]["Statement"]
        yield from differ(f"{case} queue policy", statement, {
            "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": "DeadLetters.NotificationsQueue.Arn",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}})


# ---- event source mappings --------------------------------------------------------------------


@check
def event_source_mappings_are_bounded(cases):
    for case, _, _, stack in cases.each():
        mappings = stack.of_type("AWS::Lambda::EventSourceMapping")
        yield from exactly(f"{case} mappings", mappings, {*expected.MAPPINGS, *expected.QUEUE_MAPPINGS})
        for name, queue in expected.QUEUE_MAPPINGS.items():
            yield from differ(f"{case} {name}", mappings.pop(name, {}), {
                **expected.QUEUE_MAPPING_SETTINGS,
                "EventSourceArn": queue,
                "FunctionName": "HandleDeadLettersFunction",
            })
        for name, mapping in mappings.items():
            yield from differ(f"{case} {name}", mapping, {
                **expected.MAPPING_SETTINGS,
                "EventSourceArn": expected.MAPPINGS.get(name),
                "FunctionName": "ComputeIndicatorsFunction",
            })
            if mapping.get("MaximumRetryAttempts", -1) <= 0 or mapping.get("MaximumRecordAgeInSeconds", -1) <= 0:
                yield f"{case} {name}: retries or age without a bound, or none at all"


# ---- schedules --------------------------------------------------------------------------------


def schedules_by_job(stack):
    jobs = {}
    for schedule in stack.of_type("AWS::Scheduler::Schedule").values():
        job = re.fullmatch(r'\{"job":"(\w+)"\}', schedule["Target"]["Input"])[1]
        jobs.setdefault(job, []).append(schedule)
    return jobs


def fires(schedules):
    """The minutes of a week day at which the enabled ones fire, one entry per firing."""
    return sorted(m for s in schedules if s["State"] == "ENABLED" for m in minutes_of_day(s["ScheduleExpression"]))


@check
def schedules_call_the_right_function_in_the_right_zone(cases):
    for case, env, _, stack in cases.each():
        jobs = schedules_by_job(stack)
        yield from exactly(f"{case} jobs", jobs, expected.JOBS)
        names = [s["Name"] for group in jobs.values() for s in group]
        if len(set(names)) != len(names):
            yield f"{case}: two schedules have one name"
        for job, (function, zone, weekdays) in expected.JOBS.items():
            for schedule in jobs.get(job, []):
                name = f"{case} {schedule['Name']}"
                if not schedule["Name"].startswith(f"realtime-financial-{env}-"):
                    yield f"{name}: the name lacks the environment"
                yield from differ(name, schedule, {
                    "ScheduleExpressionTimezone": zone, "FlexibleTimeWindow": {"Mode": "OFF"}})
                yield from differ(name, schedule["Target"], {
                    "Arn": f"{function}.Arn",
                    "RoleArn": "Permissions.ScheduleRole.Arn",
                    "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
                    "DeadLetterConfig": {"Arn": "DeadLetters.InvokeFailuresQueue.Arn"},
                })
                wanted = ["?", "*", "MON-FRI", "*"] if weekdays else ["*", "*", "?", "*"]
                if days(schedule["ScheduleExpression"]) not in ([], wanted):
                    yield f"{name}: fires on {days(schedule['ScheduleExpression'])}, not {wanted}"


@check
def schedules_fire_at_the_right_minutes(cases):
    stacks = {plan: cases.stack("dev", plan) for plan in expected.CALLS_PER_MINUTE}
    wanted = [(f"dev/{plan}", stack, expected.PAID_MINUTES) for plan, stack in stacks.items()]
    for case, env, plan, stack in cases.each():
        by_plan = expected.FREE_MINUTES if plan == "free" else expected.PAID_MINUTES
        wanted.append((case, stack, expected.LOCAL_MINUTES if env == "local" else by_plan))
    for case, stack, minutes in wanted:
        for job, schedules in schedules_by_job(stack).items():
            actual = fires(schedules)
            if actual != sorted(minutes[job]):
                yield f"{case} {job}: fires at {actual[:5]}… ({len(actual)}), not {sorted(minutes[job])[:5]}… ({len(minutes[job])})"


@check
def the_plans_allow_what_the_schedules_ask(cases):
    def calls(job, stack):
        if job not in expected.CALLS_PER_RUN:
            return 0
        listed = expected.CALLS_PER_RUN[job]
        return len(stack.parameters[listed].split(",")) if listed else 1

    free = cases.stacks["dev", "free"]
    a_day = sum(calls(job, free) * len(fires(s)) for job, s in schedules_by_job(free).items())
    if a_day > expected.FREE_CALLS_PER_DAY:
        yield f"free: {a_day} calls a day; {expected.FREE_CALLS_PER_DAY} are allowed"
    for plan, allowed in expected.CALLS_PER_MINUTE.items():
        stack = cases.stack("dev", plan)
        minutes = [m for job, s in schedules_by_job(stack).items() for m in fires(s) * calls(job, stack)]
        most = max(map(minutes.count, set(minutes)))
        if most > allowed:
            yield f"{plan}: {most} calls in one minute; {allowed} are allowed"


@check
def schedules_can_be_switched_off(cases):
    for env in ENVIRONMENTS:
        stack = cases.stack(env, "p75", ScheduleState="DISABLED")
        for name, schedule in stack.of_type("AWS::Scheduler::Schedule").items():
            yield from differ(f"{env} {name}", schedule, {"State": "DISABLED"})
