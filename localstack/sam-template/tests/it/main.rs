//! Whole templates: our own, and others as people write them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on stops there")]

use proptest::prelude::*;
use sam_template::{Function, Given, Part, Pseudo, Template, Value};

const OWN: &str = include_str!("../../../../template.yaml");
const ORDERS: &str = include_str!("../fixtures/orders.yaml");
const STREAM: &str = include_str!("../fixtures/stream.json");

fn functions(text: &str, parameters: &[(&str, &str)]) -> Vec<Function> {
    Template::parse(text).unwrap().functions(&Given::parameters(parameters.iter().copied())).unwrap()
}

fn text(value: Option<&Value>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

#[test]
fn our_own_template_has_its_schedules_by_plan() {
    let schedules = |parameters: &[(&str, &str)]| -> Vec<String> {
        let functions = functions(OWN, parameters);
        let polled = functions.iter().filter(|function| function.id.starts_with("Poll"));
        let events = polled.flat_map(|function| &function.events).filter(|event| event.kind == "ScheduleV2");
        events
            .map(|event| ["ScheduleExpression", "State", "Input"].map(|key| text(event.properties.get(key))).join(" "))
            .collect()
    };
    let free = schedules(&[]);
    assert!(free.contains(&r#"cron(30 18 ? * MON-FRI *) ENABLED {"job":"quotes"}"#.to_owned()), "{free:#?}");
    assert!(free.contains(&r#"cron(* 10-15 ? * MON-FRI *) DISABLED {"job":"intraday"}"#.to_owned()), "{free:#?}");
    let paid = schedules(&[("Plan", "p75")]);
    assert!(paid.contains(&r#"cron(* 10-15 ? * MON-FRI *) ENABLED {"job":"intraday"}"#.to_owned()), "{paid:#?}");
    assert!(paid.contains(&r#"rate(1 minute) ENABLED {"job":"rates"}"#.to_owned()), "{paid:#?}");
    let local = schedules(&[("Plan", "p75"), ("Env", "local"), ("ScheduleState", "DISABLED")]);
    assert!(local.contains(&r#"rate(1 minute) DISABLED {"job":"quotes"}"#.to_owned()), "{local:#?}");
}

#[test]
fn our_own_functions_are_filled_in() {
    let functions = functions(OWN, &[("Symbols", "IBM!"), ("Env", "prod")]);
    let poller = functions.iter().find(|function| function.id == "PollEquitiesFunction").unwrap();
    assert_eq!(poller.properties.get("Timeout").unwrap().integer(), Some(60));
    assert_eq!(poller.properties.get("Runtime").unwrap().text(), Some("provided.al2023"));
    assert_eq!(poller.variable("SYMBOLS"), Some("IBM!"));
    assert_eq!(poller.variable("KINETICK_ENV"), Some("prod"), "from Globals");
    assert_eq!(poller.properties.get("ReservedConcurrentExecutions"), None, "AWS::NoValue");
    let stream = poller.properties.at(&["Environment", "Variables", "KINESIS_FINANCIAL_STREAM"]).unwrap();
    let output = Part::Attribute("Streams".into(), "Outputs.FinancialStreamName".into());
    assert_eq!(*stream, Value::Symbol(vec![output]));
    let computing = functions.iter().find(|function| function.id == "ComputeIndicatorsFunction").unwrap();
    let financial = &computing.events[0];
    assert_eq!(
        (financial.kind.as_str(), financial.properties.get("BatchSize").unwrap().integer()),
        ("Kinesis", Some(10_000))
    );
    assert_eq!(text(financial.properties.get("FunctionResponseTypes")), "[ReportBatchItemFailures]");
}

#[test]
fn every_intrinsic_function_of_a_foreign_template_has_its_value() {
    let functions = functions(ORDERS, &[]);
    assert_eq!(functions.iter().map(|function| &function.id).collect::<Vec<_>>(), ["Consumer"]);
    let consumer = &functions[0];
    let of = |path: &[&str]| text(consumer.properties.at(path));
    for (path, expected) in [
        ("FunctionName", "test-consumer"),
        ("Runtime", "python3.13"),
        ("Timeout", "60"),
        ("MemorySize", "256"),
        ("Layers", "[${Layer}, arn:aws:lambda:us-east-1:1:layer:x:1]"),
        ("ReservedConcurrentExecutions", ""),
        ("VpcConfig", "{SubnetIds: [subnet-1, subnet-2], SecurityGroupIds: [{Fn::ImportValue: shared-group}]}"),
    ] {
        assert_eq!(of(&[path]), expected, "{path}");
    }
    for (name, expected) in [
        ("STAGE", "test"),
        ("LOG", "debug"),
        ("QUEUE", "${Queue}"),
        ("QUEUE_ARN", "${Queue.Arn}"),
        ("QUEUE_NAME", "${Queue.QueueName}"),
        ("TOPIC", "arn:aws:sns:us-east-1:123456789012:test-topic-${Queue.QueueName}-${literal}"),
        ("SECOND", "two"),
        ("SUBNET", "subnet-1"),
        ("SUBNETS", "subnet-1,subnet-2"),
        ("ZONES", "ab"),
        ("ZONE", "{Fn::Select: [0, {Fn::GetAZs: }]}"),
        ("SECRET", "plain"),
        ("IMAGE", "${LatestImage}"),
        ("VERSION", "1.10"),
        ("ACCOUNT", "012345678901"),
        ("QUOTED", "42"),
        ("NOTHING", "null"),
    ] {
        assert_eq!(of(&["Environment", "Variables", name]), expected, "{name}");
    }
    let [orders, nightly, web] = &consumer.events[..] else { panic!("{:?}", consumer.events) };
    assert_eq!((orders.kind.as_str(), text(orders.properties.get("BatchSize"))), ("SQS", "10".into()));
    assert_eq!(text(nightly.properties.get("Schedule")), "cron(0 3 * * ? *)");
    assert_eq!(web.properties, Value::Map(vec![]));
    assert_eq!(ORDERS.lines().nth(nightly.line - 1).unwrap().trim(), "Type: Schedule");
}

#[test]
fn conditions_follow_what_is_given() {
    let template = Template::parse(ORDERS).unwrap();
    for (stage, region, expected) in
        [("live", "eu-west-1", true), ("live", "us-east-2", false), ("test", "eu-west-1", false)]
    {
        let pseudo = Pseudo { region: region.into(), ..Pseudo::default() };
        let given = Given { pseudo, ..Given::parameters([("Stage", stage)]) };
        assert_eq!(template.condition("IsLiveAbroad", &given), Ok(expected), "{stage} {region}");
        assert_eq!(template.functions(&given).unwrap().len(), if expected { 2 } else { 1 });
    }
    let parameters = template.parameters();
    assert_eq!((parameters[1].name.as_str(), parameters[1].kind.as_str()), ("Subnets", "CommaDelimitedList"));
    assert_eq!((parameters[2].default.as_deref(), parameters[4].default.as_deref()), (Some("256"), None));
}

#[test]
fn json_is_read_with_its_tabs() {
    let functions = functions(STREAM, &[]);
    let [reader, plain] = &functions[..] else { panic!("{functions:?}") };
    let variables = reader.environment();
    assert_eq!(variables[0].1, Value::Text("a\tb é".into()));
    assert_eq!((&variables[1].1, &variables[3].1), (&Value::Bool(true), &Value::Null));
    assert_eq!(variables[2].1.integer(), Some(12));
    assert_eq!(text(reader.events[0].properties.get("Stream")), "${Stream.Arn}");
    assert_eq!(
        (plain.kind.as_str(), text(plain.properties.get("Handler"))),
        ("AWS::Lambda::Function", "index.main".into())
    );
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let head = "Parameters:\n  P: {Type: String}\n  A: {Type: String, Default: x, AllowedValues: [x, y]}\nConditions:\n  \
                C: !Equals [!Ref A, x]\n  Loop: !Not [!Condition Loop]\nMappings:\n  M: {a: {b: c}}\n\
                Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      X: ";
    let check = |value: &str, expected: &str| {
        let template = Template::parse(&format!("{head}{value}\n"));
        let error = template.and_then(|template| template.functions(&Given::default())).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{value}: {error}");
    };
    check("!Cidr [a, 1, 2]", "line 13: intrinsic function `Fn::Cidr` is not known");
    check("{Fn::Nonsense: 1}", "line 13: intrinsic function `Fn::Nonsense` is not known");
    check("{Fn::Sub: a, Other: b}", "line 13: `Fn::Sub` must be the only entry of its map");
    check("!Ref Nobody", "line 13: `Nobody` is neither a parameter nor a resource");
    check("!Ref P", "line 13: parameter `P` has no default: give it a value");
    check("!GetAtt A.Arn", "line 13: `A` is no resource of this template");
    check("!GetAtt F", "line 13: `Fn::GetAtt` takes a resource and its attribute");
    check("!Sub 'a${Nobody}'", "line 13: `Nobody` is neither");
    check("!Sub 'a${A'", "line 13: `${` in `a${A` is not closed");
    check("!If [Nothing, a, b]", "line 13: there is no condition `Nothing`");
    check("!If [C, a]", "line 13: `Fn::If` takes a list of a condition and two values");
    check("!If [Loop, a, b]", "line 6: condition `Loop` depends on itself");
    check("!FindInMap [N, a, b]", "line 13: there is no mapping `N`");
    check("!FindInMap [M, b, b]", "line 13: mapping `M` has no `b`");
    check("!FindInMap [M, a, d]", "line 13: mapping `M` has no `d` in `a`");
    check("!Select [3, [a]]", "line 13: index 3 is beyond the list, which has 1");
    check("!Select [x, [a]]", "line 13: `Fn::Select` takes an index from 0 on, not `x`");
    check("!Join [',', a]", "line 13: `Fn::Join` takes a list, not `a`");
    check("!Split ['', a]", "line 13: `Fn::Split` takes a delimiter first");
    check("{a: 1, a: 2}", "line 13: `a` stands twice in the same map");
    check("*anchor", "line 13: ");
    check("[1", "line ");
    let given = |name: &str, value: &str| {
        let template = Template::parse(ORDERS).unwrap();
        template.functions(&Given::parameters([(name, value)])).unwrap_err().to_string()
    };
    assert_eq!(given("Stage", "prod"), "line 7: parameter `Stage` is `prod`; allowed: test, live");
    assert!(given("Stag", "test").contains("there is no parameter `Stag`; there are: LatestImage, Memory"));
    for (text, expected) in [
        ("", "line 1: the template is empty"),
        ("[]", "line 1: a template is a map with `Resources` in it, this is a list"),
        ("Outputs: {}", "line 1: the template has no `Resources`"),
    ] {
        let template = Template::parse(text);
        let error = template.and_then(|template| template.functions(&Given::default())).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is cut out of a template or put into it: a value or an error, never a panic.
    #[test]
    fn damaged_templates_never_panic(from in 0usize..4_000, length in 0usize..60, put in "[!\\[\\]{}:,'\"*&| \nA-z]{0,8}") {
        let from = (0..=from.min(ORDERS.len())).rev().find(|at| ORDERS.is_char_boundary(*at)).unwrap_or(0);
        let to = (from + length).min(ORDERS.len());
        let text = format!("{}{put}{}", &ORDERS[..from], ORDERS.get(to..).unwrap_or_default());
        if let Ok(template) = Template::parse(&text) {
            drop(template.functions(&Given::default()));
        }
    }
}

#[test]
fn depth_is_bounded() {
    let error = Template::parse(&format!("a: {}x{}", "[".repeat(150), "]".repeat(150))).unwrap_err();
    assert!(error.to_string().contains("deeper than 100"), "{error}");
}
