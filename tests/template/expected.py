"""What the templates must say, as tables. `Stack.Resource` names a resource of a nested stack."""

# ---- functions --------------------------------------------------------------------------------

POLLER_ENVIRONMENT = {
    "API_KEY_SECRET": "Secret.ApiKeySecret.Id",
    "VENDOR_URL": "https://www.alphavantage.co/query",
    "COOLDOWNS": "wait",
    "STATE_TABLE": "State.StateTable",
    "DEAD_LETTER_BUCKET": "DeadLetters.DeadLetterBucket",
}
SERIES_ENVIRONMENT = {
    "STATE_TABLE": "State.StateTable",
    "INDICATOR_DELIVERY_STREAM": "Delivery.IndicatorDeliveryStream",
    "KINESIS_EVENTS_STREAM": "Streams.EventsStream",
    "INDICATORS": "",
    "ALERTS": "",
    "CLOSE_AFTER_SECONDS": 125,
    "REDELIVER_AFTER_SECONDS": 120,
}

# Logical id -> (folder, time-out in seconds, reserved concurrency, environment)
FUNCTIONS = {
    "PollEquitiesFunction": ("poll-equities", 60, 2, {
        **POLLER_ENVIRONMENT,
        "SYMBOLS": "AAPL,MSFT,GOOGL,AMZN",
        "INTERVAL": "1min",
        "KINESIS_FINANCIAL_STREAM": "Streams.FinancialStream",
        "KINESIS_EVENTS_STREAM": "Streams.EventsStream",
    }),
    "PollCryptoFunction": ("poll-crypto", 60, 2, {
        **POLLER_ENVIRONMENT,
        "PAIRS": "BTC/USD,ETH/USD",
        "KINESIS_CRYPTO_STREAM": "Streams.CryptoStream",
        "KINESIS_EVENTS_STREAM": "Streams.EventsStream",
    }),
    "PollEventsFunction": ("poll-events", 60, 4, {
        **POLLER_ENVIRONMENT,
        "NEWS_TOPICS": "financial_markets",
        "KINESIS_EVENTS_STREAM": "Streams.EventsStream",
    }),
    "ComputeIndicatorsFunction": ("compute-indicators", 60, 20, {
        **SERIES_ENVIRONMENT,
        "DEAD_LETTER_BUCKET": "DeadLetters.DeadLetterBucket",
        "RAW_DELIVERY_STREAM": "Delivery.RawDeliveryStream",
    }),
    "SweepSeriesFunction": ("sweep-series", 50, 1, SERIES_ENVIRONMENT),
    "HandleDeadLettersFunction": ("handle-dead-letters", 180, 5, {
        "STATE_TABLE": "State.StateTable",
        "DEAD_LETTER_BUCKET": "DeadLetters.DeadLetterBucket",
        "FUNCTION_PREFIX": "realtime-financial-{env}-",
        "REDRIVE_PER_SECOND": "500",
    }),
}
SCHEDULED_FUNCTIONS = {
    "PollEquitiesFunction", "PollCryptoFunction", "PollEventsFunction", "SweepSeriesFunction",
    "HandleDeadLettersFunction",
}
MEMORY_MB = 128
# What Lambda takes of names and values together: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ENVIRONMENT_BYTES = 4096
# The longest names that services allow, by the stack that the resource stands in, and the longest parameters.
NAME_BYTES = {"Streams": 128, "Delivery": 64, "DeadLetters": 63, "State": 255}
LONGEST_PARAMETERS = {"Indicators": "S" * 1500, "Alerts": "R" * 1500}

# ---- event source mappings --------------------------------------------------------------------

# Of streams, all of compute-indicators.
MAPPINGS = {
    "ComputeIndicatorsFunctionFinancial": "Streams.FinancialStream.Arn",
    "ComputeIndicatorsFunctionCrypto": "Streams.CryptoStream.Arn",
    "ComputeIndicatorsFunctionEvents": "Streams.EventsStream.Arn",
}
MAPPING_SETTINGS = {
    "StartingPosition": "TRIM_HORIZON",
    "BatchSize": 10000,
    "MaximumBatchingWindowInSeconds": 1,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": True,
    "MaximumRecordAgeInSeconds": 3600,
    "MaximumRetryAttempts": 10000,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "DestinationConfig": {"OnFailure": {"Destination": "DeadLetters.DeadLetterBucket.Arn"}},
}
# Of queues, all of handle-dead-letters.
QUEUE_MAPPINGS = {
    "HandleDeadLettersFunctionNotifications": "DeadLetters.NotificationsQueue.Arn",
    "HandleDeadLettersFunctionInvokeFailures": "DeadLetters.InvokeFailuresQueue.Arn",
}
QUEUE_MAPPING_SETTINGS = {
    "BatchSize": 10,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "ScalingConfig": {"MaximumConcurrency": 2},
}
# Where a bucket tells of new objects, and of which.
NOTIFIED_PREFIXES = ["dead-letters/", "aws/lambda/"]

# ---- schedules --------------------------------------------------------------------------------

# Job -> (function, time zone, week days only). Minutes of the day are given below, per plan.
JOBS = {
    "quotes": ("PollEquitiesFunction", "America/New_York", True),
    "intraday": ("PollEquitiesFunction", "America/New_York", True),
    "rates": ("PollCryptoFunction", "UTC", False),
    "daily": ("PollCryptoFunction", "UTC", False),
    "news": ("PollEventsFunction", "UTC", False),
    "movers": ("PollEventsFunction", "America/New_York", True),
    "earnings": ("PollEventsFunction", "America/New_York", False),
    "status": ("PollEventsFunction", "UTC", False),
    "sweep": ("SweepSeriesFunction", "UTC", False),
    "redrive": ("HandleDeadLettersFunction", "UTC", False),
}


def at(hour, minute):
    """Minutes after midnight."""
    return hour * 60 + minute


EVERY_MINUTE = set(range(24 * 60))
OPEN, CLOSE = at(9, 30), at(16, 0)
PAID_MINUTES = {
    "quotes": {*range(OPEN, CLOSE + 1, 5), at(16, 35)},
    "intraday": {*range(OPEN, CLOSE + 2), at(16, 5)},
    "rates": EVERY_MINUTE,
    "daily": {at(0, 10)},
    "news": set(range(0, 24 * 60, 15)),
    "movers": set(range(at(10, 0), at(17, 0), 15)),
    "earnings": {at(6, 0)},
    "status": set(range(0, 24 * 60, 5)),
    "sweep": EVERY_MINUTE,
    "redrive": set(range(0, 24 * 60, 5)),
}
FREE_MINUTES = {
    "quotes": {at(18, 30)},
    "intraday": {at(18, 45)},
    "rates": {at(0, 0), at(6, 0), at(12, 0), at(18, 0)},
    "daily": {at(0, 10)},
    "news": {at(0, 0), at(12, 0)},
    "movers": {at(19, 0)},
    "earnings": {at(6, 0)},
    "status": set(),
    "sweep": EVERY_MINUTE,
    "redrive": set(range(0, 24 * 60, 5)),
}
LOCAL_MINUTES = {
    **{job: EVERY_MINUTE for job in JOBS},
    **{job: set(range(0, 24 * 60, 5)) for job in ("news", "movers", "status", "redrive")},
    "earnings": set(range(0, 24 * 60, 60)),
}

# One of 25 is left for a person.
FREE_CALLS_PER_DAY = 24
# Calls that one run of a job makes: one per symbol, pair or topic, or one.
CALLS_PER_RUN = {
    "quotes": "Symbols", "intraday": "Symbols", "rates": "Pairs", "daily": "Pairs",
    "news": "NewsTopics", "movers": None, "earnings": None, "status": None,
}
CALLS_PER_MINUTE = {"p75": 75, "p150": 150, "p300": 300, "p600": 600, "p1200": 1200}

# ---- permissions ------------------------------------------------------------------------------

_POLLER_ACTIONS = {
    "kinesis:PutRecords", "secretsmanager:GetSecretValue", "dynamodb:GetItem",
    "dynamodb:UpdateItem", "s3:PutObject", "sqs:SendMessage",
}
_EVERY_FUNCTION_ACTIONS = {
    "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents",
    "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}
ROLE_ACTIONS = {
    "Permissions.PollEquitiesRole": _POLLER_ACTIONS | _EVERY_FUNCTION_ACTIONS,
    "Permissions.PollCryptoRole": _POLLER_ACTIONS | _EVERY_FUNCTION_ACTIONS,
    "Permissions.PollEventsRole": _POLLER_ACTIONS | _EVERY_FUNCTION_ACTIONS,
    "Permissions.ComputeIndicatorsRole": _EVERY_FUNCTION_ACTIONS | {
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
        "kinesis:GetShardIterator", "kinesis:ListShards",
        "kinesis:PutRecords",
        "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem", "firehose:PutRecordBatch",
        "s3:PutObject", "s3:ListBucket",
    },
    "Permissions.SweepSeriesRole": _EVERY_FUNCTION_ACTIONS | {
        "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem",
        "firehose:PutRecordBatch", "kinesis:PutRecords", "sqs:SendMessage",
    },
    "Permissions.HandleDeadLettersRole": _EVERY_FUNCTION_ACTIONS | {
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage",
        "s3:GetObject", "s3:PutObject", "s3:ListBucket",
        "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Query",
        "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:PutRecords", "lambda:InvokeFunction",
    },
    "Permissions.ScheduleRole": {
        "lambda:InvokeFunction", "sqs:SendMessage", "kms:Decrypt", "kms:GenerateDataKey",
    },
    "Delivery.DeliveryRole": {
        "s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject", "s3:GetBucketLocation",
        "s3:ListBucket", "s3:ListBucketMultipartUploads", "kms:Decrypt", "kms:GenerateDataKey",
        "logs:PutLogEvents",
    },
}
# What the roles act on, besides the key, their log group and X-Ray.
_LEDGER_AND_FAILURES = {
    "Secret.ApiKeySecret.Id", "State.StateTable.Arn",
    "DeadLetters.DeadLetterBucket.Arn/dead-letters/*", "DeadLetters.InvokeFailuresQueue.Arn",
}
ROLE_RESOURCES = {
    "Permissions.PollEquitiesRole": _LEDGER_AND_FAILURES | {"Streams.FinancialStream.Arn", "Streams.EventsStream.Arn"},
    "Permissions.PollCryptoRole": _LEDGER_AND_FAILURES | {"Streams.CryptoStream.Arn", "Streams.EventsStream.Arn"},
    "Permissions.PollEventsRole": _LEDGER_AND_FAILURES | {"Streams.EventsStream.Arn"},
    "Permissions.ComputeIndicatorsRole": {
        "Streams.FinancialStream.Arn", "Streams.CryptoStream.Arn", "Streams.EventsStream.Arn",
        "State.StateTable.Arn",
        "Delivery.RawDeliveryStream.Arn", "Delivery.IndicatorDeliveryStream.Arn",
        "DeadLetters.DeadLetterBucket.Arn", "DeadLetters.DeadLetterBucket.Arn/dead-letters/*",
        "DeadLetters.DeadLetterBucket.Arn/aws/lambda/*",
    },
    "Permissions.SweepSeriesRole": {
        "State.StateTable.Arn", "State.StateTable.Arn/index/due", "Streams.EventsStream.Arn",
        "Delivery.IndicatorDeliveryStream.Arn", "DeadLetters.InvokeFailuresQueue.Arn",
    },
    "Permissions.HandleDeadLettersRole": {
        "Streams.FinancialStream.Arn", "Streams.CryptoStream.Arn", "Streams.EventsStream.Arn",
        "State.StateTable.Arn", "State.StateTable.Arn/index/due",
        "DeadLetters.NotificationsQueue.Arn", "DeadLetters.InvokeFailuresQueue.Arn",
        "DeadLetters.DeadLetterBucket.Arn", "DeadLetters.DeadLetterBucket.Arn/dead-letters/*",
        "DeadLetters.DeadLetterBucket.Arn/aws/lambda/*", "DeadLetters.DeadLetterBucket.Arn/parked/*",
        "function:realtime-financial-{env}-compute-indicators",
    },
    "Permissions.ScheduleRole": {
        "DeadLetters.InvokeFailuresQueue.Arn", "function:realtime-financial-{env}-poll-equities",
        "function:realtime-financial-{env}-poll-crypto", "function:realtime-financial-{env}-poll-events",
        "function:realtime-financial-{env}-sweep-series",
        "function:realtime-financial-{env}-handle-dead-letters",
    },
    "Delivery.DeliveryRole": {
        "Delivery.DataBucket.Arn", "Delivery.DataBucket.Arn/raw/*",
        "Delivery.DataBucket.Arn/indicators/*", "Delivery.DataBucket.Arn/errors/*",
    },
}
# The streams that a role may put records into; it may read others.
ROLE_PUTS = {
    "Permissions.PollEquitiesRole": {"Streams.FinancialStream.Arn", "Streams.EventsStream.Arn"},
    "Permissions.PollCryptoRole": {"Streams.CryptoStream.Arn", "Streams.EventsStream.Arn"},
    "Permissions.PollEventsRole": {"Streams.EventsStream.Arn"},
    "Permissions.ComputeIndicatorsRole": {"Streams.EventsStream.Arn"},
    "Permissions.SweepSeriesRole": {"Streams.EventsStream.Arn"},
    "Permissions.HandleDeadLettersRole": {
        "Streams.FinancialStream.Arn", "Streams.CryptoStream.Arn", "Streams.EventsStream.Arn",
    },
}
# Services that use the key on behalf of their caller.
SERVICES_WITH_THE_KEY = {"dynamodb", "kinesis", "s3", "secretsmanager", "sqs"}
# The log group, or log streams, that a role may write to.
ROLE_LOG_GROUPS = {
    "Permissions.PollEquitiesRole": {"Observability.PollEquitiesLogGroup:*"},
    "Permissions.PollCryptoRole": {"Observability.PollCryptoLogGroup:*"},
    "Permissions.PollEventsRole": {"Observability.PollEventsLogGroup:*"},
    "Permissions.ComputeIndicatorsRole": {"Observability.ComputeIndicatorsLogGroup:*"},
    "Permissions.SweepSeriesRole": {"Observability.SweepSeriesLogGroup:*"},
    "Permissions.HandleDeadLettersRole": {"Observability.HandleDeadLettersLogGroup:*"},
    "Permissions.ScheduleRole": set(),
    "Delivery.DeliveryRole": {
        "Delivery.DeliveryLogGroup:log-stream:raw", "Delivery.DeliveryLogGroup:log-stream:indicators",
    },
}
# Where `*` may stand for a whole resource, and why.
STAR_RESOURCES = {
    "Trace": "X-Ray knows no resources for these actions",
    "AdministeredByTheAccount": "in a key policy it means the key itself",
    "UsedByTheAccount": "in a key policy it means the key itself",
    "UsedByNotifications": "in a key policy it means the key itself",
    "UsedByTheLogGroups": "in a key policy it means the key itself",
}
LEADING_KEYS = {
    "Permissions.PollEquitiesRole": ["quota#*", "sent#*"],
    "Permissions.PollCryptoRole": ["quota#*", "sent#*"],
    "Permissions.PollEventsRole": ["quota#*", "sent#*"],
    "Permissions.ComputeIndicatorsRole": ["series#*"],
    "Permissions.SweepSeriesRole": ["series#*"],
    "Permissions.HandleDeadLettersRole": ["letter#*"],
}

# ---- what a deployer reads --------------------------------------------------------------------

OUTPUTS = {
    "FinancialStreamName": "Streams.FinancialStream",
    "FinancialStreamArn": "Streams.FinancialStream.Arn",
    "CryptoStreamName": "Streams.CryptoStream",
    "CryptoStreamArn": "Streams.CryptoStream.Arn",
    "EventsStreamName": "Streams.EventsStream",
    "EventsStreamArn": "Streams.EventsStream.Arn",
    "RawDeliveryStreamName": "Delivery.RawDeliveryStream",
    "IndicatorDeliveryStreamName": "Delivery.IndicatorDeliveryStream",
    "DataBucketName": "Delivery.DataBucket",
    "DeadLetterBucketName": "DeadLetters.DeadLetterBucket",
    "InvokeFailuresQueueUrl": "DeadLetters.InvokeFailuresQueue",
    "UnparkedQueueUrl": "DeadLetters.UnparkedQueue",
    "StateTableName": "State.StateTable",
    "ApiKeySecretArn": "Secret.ApiKeySecret.Id",
    **{f"{name}Name": name for name in FUNCTIONS},
    **{f"{name}Arn": f"{name}.Arn" for name in FUNCTIONS},
}
