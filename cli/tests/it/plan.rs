//! `kinetick plan`. Goldens are what it printed for `fixtures/template.yaml`, read over by a person;
//! `UPDATE_GOLDEN=1` writes them anew.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Exit code, standard output, standard error.
type Ran = (Option<i32>, String, String);

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn plan(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinetick"));
    let output = command.arg("plan").args(arguments).current_dir(here()).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// On the small template.
fn small(arguments: &[&str]) -> Ran {
    plan(&[&["--template", "tests/fixtures/template.yaml"], arguments].concat())
}

fn symbols(count: usize) -> String {
    (0..count).map(|number| format!("S{number}")).collect::<Vec<_>>().join(",")
}

#[track_caller]
fn golden(name: &str, arguments: &[&str]) {
    let (code, said, complained) = small(arguments);
    assert_eq!((code, complained.as_str()), (Some(0), ""), "{said}");
    let path: PathBuf = here().join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &said).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(said == expected, "{} differs; it is now:\n{said}", path.display());
}

#[test]
fn a_half_day_a_holiday_and_a_full_list_are_shown() {
    golden("half-day-free.txt", &["--date", "2026-11-27"]);
    golden("half-day-p75.txt", &["--date", "2026-11-27", "--plan", "75"]);
    golden("holiday-p75.txt", &["--date", "2026-11-26", "--plan", "p75"]);
    let forty = symbols(40);
    golden("forty-free.txt", &["--date", "2026-11-25", "--symbols", &forty]);
    golden("calls-free.txt", &["--date", "2026-11-27", "--calls"]);
}

#[test]
fn the_free_plan_refuses_forty_symbols_and_says_what_it_can() {
    let (code, said, complained) = small(&["--check", "--date", "2026-11-25", "--symbols", &symbols(40)]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    // 40 quotes, 8 rates, one daily bar.
    let expected = "error: the plan `free` has 24 usable calls a day, the schedule needs 49: \
                    each symbol can be polled once every 3 days, or 15 symbols as scheduled";
    assert!(complained.starts_with(expected), "{complained}");
    let accept = complained.trim_end().rsplit_once("--interval ").unwrap().1.to_owned();
    for (count, interval, expected) in
        [(15, None, 0), (16, None, 1), (40, Some(accept.as_str()), 0), (40, Some("1d"), 1)]
    {
        let list = symbols(count);
        let mut arguments = vec!["--check", "--date", "2026-11-25", "--symbols", &list];
        arguments.extend(interval.map(|interval| ["--interval", interval]).into_iter().flatten());
        let (code, said, complained) = small(&arguments);
        assert_eq!(code, Some(expected), "{count} {interval:?}: {said}{complained}");
    }
}

#[test]
fn a_paid_plan_names_the_interval_that_it_can_serve() {
    let list = symbols(500);
    let check = |more: &[&str]| {
        small(&[&["--check", "--date", "2026-11-25", "--plan", "p75", "--symbols", &list], more].concat())
    };
    let (code, _, complained) = check(&[]);
    assert_eq!(code, Some(1));
    // Each minute two of a run's 51 calls are for rates.
    let expected = "error: the plan `p75` has 75 calls a minute, 67 used, and a run has time for 51: `quotes` asks \
                    500 symbols every 11 minutes, wanted every minute; to accept that, say --interval 11m\n";
    assert_eq!(complained, expected);
    assert_eq!(check(&["--interval", "10m"]).0, Some(1));
    let (code, said, _) = check(&["--interval", "11m"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("the plan `p75` serves every entry within 11 minutes"), "{said}");
    let bulk = ["--check", "--date", "2026-11-25", "--plan", "600", "--entitlement", "realtime", "--symbols", &list];
    assert_eq!(small(&bulk).0, Some(0), "five calls of a hundred");
}

#[test]
fn json_says_the_same() {
    let (code, said, _) = small(&["--date", "2026-11-27", "--plan", "p75", "--json"]);
    let plan: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(plan["day"]["kind"], "half_day");
    assert_eq!(plan["day"]["close"], "2026-11-27T18:00:00Z");
    assert_eq!(plan["accepted"], true);
    let quotes = plan["calls"].as_array().unwrap().iter().filter(|call| call["job"] == "quotes");
    // 09:30 to 13:30, four symbols every minute.
    assert_eq!(quotes.clone().count(), 241 * 4);
    assert_eq!(quotes.map(|call| call["tick"].as_str().unwrap()).max(), Some("2026-11-27T18:30:00Z"));
    let mut quotes = plan["skipped"].as_array().unwrap().iter().filter(|skipped| skipped["job"] == "quotes");
    // 13:31 to 15:59, 16:00 and 16:35.
    assert!(quotes.all(|skipped| skipped["why"] == "half_day" && skipped["polls"] == 149 + 2));
    // On this Friday currencies rest from 17:00 on, in New York.
    let (_, said, _) = small(&["--date", "2026-11-20", "--plan", "p75", "--json"]);
    let plan: Value = serde_json::from_str(&said).unwrap();
    let rest = plan["skipped"].as_array().unwrap().iter().find(|skipped| skipped["why"] == "currencies_rest").unwrap();
    assert_eq!((&rest["subject"], &rest["polls"]), (&Value::from("EUR/USD"), &Value::from(7 * 60)));
}

#[test]
fn our_own_template_is_served_by_the_plans_of_samconfig() {
    for (name, plan_name) in [("default", "free"), ("dev", "free"), ("prod", "p75")] {
        let (code, said, complained) = plan(&["--check", "--overrides", "--config-env", name]);
        assert_eq!(code, Some(0), "{name}: {complained}");
        assert!(complained.starts_with(&format!("the plan `{plan_name}` serves the schedule")), "{complained}");
        let expected =
            if name == "prod" { "Env=prod LogRetentionDays=90 Plan=p75 ReserveConcurrency=true\n" } else { "Env=dev" };
        assert!(said.starts_with(expected), "{said}");
    }
    let given = ["--check", "--overrides", "--config-env", "prod", "--plan", "150", "--symbols", "IBM,MSFT"];
    assert_eq!(plan(&given).1, "Env=prod LogRetentionDays=90 Plan=p150 ReserveConcurrency=true Symbols=IBM,MSFT\n");
}

#[test]
fn values_with_blanks_stay_whole() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.yaml");
    fs::copy(here().join("../template.yaml"), &template).unwrap();
    let overrides = r#"Env=dev Alerts='close crosses SMA(20); RSI(14) > 70' Indicators=SMA(20);5min:RSI(14)"#;
    let samconfig = format!("[dev.deploy.parameters]\nparameter_overrides = {overrides:?}\n");
    fs::write(folder.path().join("samconfig.toml"), samconfig).unwrap();
    let given = ["--check", "--overrides", "--config-env", "dev", "--template", template.to_str().unwrap()];
    let expected = r#"Alerts="close crosses SMA(20); RSI(14) > 70" Env=dev Indicators=SMA(20);5min:RSI(14)"#;
    assert_eq!(plan(&given).1, format!("{expected}\n"));
}

#[test]
fn wrong_use_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let template = fs::read_to_string(here().join("tests/fixtures/template.yaml")).unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let job = written("job.yaml", &template.replace("\"rates\"", "\"guess\""));
    let cron = written("cron.yaml", &template.replace("cron(10 0 * * ? *)", "cron(10 0 * * *)"));
    let empty = written("empty.yaml", "Parameters: {Plan: {Type: String, Default: free}}\nResources: {}\n");
    for (arguments, expected) in [
        (&["--plan", "76"][..], "plan `76` is not known; allowed: free, 75, 150"),
        (&["--symbols", "AAPL,MSFT,AAPL"], "`AAPL` stands twice in the list, as entry 1 and as entry 3"),
        (&["--pairs", "BTC"], "entry 1 of the list: pair `BTC` is not valid"),
        (&["--interval", "10m"], "--check"),
        (&["--date", "2026-02-30"], "2026-02-30"),
        (&["--template", "no.yaml"], "cannot read `no.yaml`"),
        (&["--config-env", "prod", "--template", "tests/fixtures/template.yaml"], "samconfig.toml`"),
        (&["--config-env", "nobody"], "samconfig.toml has no `[nobody...]`; it has: default, dev, local, prod"),
        (
            &["--template", &job],
            "event `Rates` of `PollCrypto`: job `guess` is not known; known are: quotes with SYMBOLS",
        ),
        (&["--template", &cron], "event `Daily` of `PollCrypto`: "),
        (&["--template", &empty], "the template polls nothing"),
        (&["--template", "tests/fixtures/template.yaml", "--plan", "150"], "line 36: mapping `Plans` has no `p150`"),
    ] {
        let (code, said, complained) = plan(arguments);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{arguments:?}: {complained}");
        assert!(complained.contains(expected), "{arguments:?}: {complained}");
    }
}
