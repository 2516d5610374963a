"""Checks of streams, delivery, buckets, state and the secret, as transformed."""

from harness import check, differ, exactly
from templates import ROOT, load


@check
def streams_are_encrypted_and_named(cases):
    for case, env, _, stack in cases.each():
        streams = stack.of_type("AWS::Kinesis::Stream")
        yield from exactly(f"{case} streams", [s["Name"] for s in streams.values()],
                           [f"realtime-financial-{env}-{w}-stream" for w in ("financial", "crypto", "events")])
        mode, shards = ("PROVISIONED", 2) if env == "local" else ("ON_DEMAND", None)
        for name, stream in streams.items():
            yield from differ(f"{case} {name}", stream, {
                "StreamEncryption": {"EncryptionType": "KMS", "KeyId": "Encryption.DataKey.Arn"},
                "StreamModeDetails": {"StreamMode": mode}, "ShardCount": shards, "RetentionPeriodHours": 24})
    provisioned = cases.stack("prod", "p75", StreamMode="PROVISIONED", ShardCount="7")
    for name, stream in provisioned.of_type("AWS::Kinesis::Stream").items():
        yield from differ(f"provisioned {name}", stream, {"ShardCount": "7"})


@check
def delivery_is_compressed_dated_and_encrypted(cases):
    for case, _, _, stack in cases.each():
        delivery = stack.of_type("AWS::KinesisFirehose::DeliveryStream")
        yield from exactly(f"{case} delivery", delivery,
                           ["Delivery.RawDeliveryStream", "Delivery.IndicatorDeliveryStream"])
        for name, stream in delivery.items():
            word = "raw" if "Raw" in name else "indicators"
            yield from differ(f"{case} {name}", stream, {
                "DeliveryStreamType": "DirectPut",
                "DeliveryStreamEncryptionConfigurationInput": {
                    "KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": "Encryption.DataKey.Arn"}})
            yield from differ(f"{case} {name}", stream["ExtendedS3DestinationConfiguration"], {
                "BucketARN": "Delivery.DataBucket.Arn",
                "RoleARN": "Delivery.DeliveryRole.Arn",
                "CompressionFormat": "GZIP",
                "Prefix": f"{word}/date=!{{timestamp:yyyy-MM-dd}}/hour=!{{timestamp:HH}}/",
                "ErrorOutputPrefix": f"errors/{word}/!{{firehose:error-output-type}}/date=!{{timestamp:yyyy-MM-dd}}/",
                "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 5},
                "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": "Encryption.DataKey.Arn"}},
                "CloudWatchLoggingOptions": {
                    "Enabled": True, "LogGroupName": "Delivery.DeliveryLogGroup", "LogStreamName": word}})


@check
def buckets_are_private_versioned_and_encrypted(cases):
    for case, _, _, stack in cases.each():
        buckets = stack.of_type("AWS::S3::Bucket")
        policies = {p["Bucket"]: p["PolicyDocument"]["Statement"] for p in stack.of_type("AWS::S3::BucketPolicy").values()}
        yield from exactly(f"{case} buckets", buckets, ["Delivery.DataBucket", "DeadLetters.DeadLetterBucket"])
        for name, bucket in buckets.items():
            (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            yield from differ(f"{case} {name}", rule["ServerSideEncryptionByDefault"], {
                "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "Encryption.DataKey.Arn"})
            yield from differ(f"{case} {name}", bucket, {
                "VersioningConfiguration": {"Status": "Enabled"},
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "PublicAccessBlockConfiguration": dict.fromkeys(
                    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)})
            (deny,) = policies[name]
            yield from differ(f"{case} {name} policy", deny, {
                "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "Resource": [f"{name}.Arn", f"{name}.Arn/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
        (rule,) = buckets["DeadLetters.DeadLetterBucket"]["LifecycleConfiguration"]["Rules"]
        yield from differ(f"{case} dead letters", rule, {"Status": "Enabled", "ExpirationInDays": 90})
        (rule,) = buckets["Delivery.DataBucket"]["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule:
            yield f"{case}: the data bucket forgets its data"


@check
def state_can_be_restored_and_found_when_due(cases):
    for case, env, _, stack in cases.each():
        table = stack.of_type("AWS::DynamoDB::Table")["State.StateTable"]
        yield from differ(f"{case} table", table, {
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"},
                                     {"AttributeName": "due_bucket", "AttributeType": "S"},
                                     {"AttributeName": "due_at", "AttributeType": "N"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "due",
                "KeySchema": [{"AttributeName": "due_bucket", "KeyType": "HASH"},
                              {"AttributeName": "due_at", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"}}],
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": "Encryption.DataKey.Arn"},
            "DeletionProtectionEnabled": env == "prod"})


@check
def the_secret_is_encrypted_and_holds_nothing(cases):
    for case, _, _, stack in cases.each():
        secret = stack.of_type("AWS::SecretsManager::Secret")["Secret.ApiKeySecret"]
        yield from differ(f"{case} secret", secret, {
            "KmsKeyId": "Encryption.DataKey.Arn",
            "SecretString": '{"apikey":"","plan":"free","entitlement":null}'})
        for name, key in stack.of_type("AWS::KMS::Key").items():
            yield from differ(f"{case} {name}", key, {"EnableKeyRotation": True})
    raw = load(ROOT / "infra/secret.yaml")["Resources"]["ApiKeySecret"]["Properties"]["SecretString"]
    if not isinstance(raw, str):
        yield "the placeholder depends on a parameter: a change of it would overwrite the key"


@check
def what_holds_data_outlives_its_stack(cases):
    keepers = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"}
    for name, resource in cases.stacks["prod", "p75"].every_resource():
        if resource["Type"] in keepers:
            yield from differ(name, resource, {
                "DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"})
