//! A function that does what its event says. It runs as a process of the host, not as a test.

use std::{io::Write, time::Duration};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[test]
#[ignore = "it is a program that the other tests run"]
fn serves() {
    if std::env::var_os("FAIL_INIT").is_some() {
        std::process::exit(3);
    }
    if std::env::var_os("HANG_INIT").is_some() {
        loop {
            std::thread::sleep(Duration::from_secs(60));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(lambda_runtime::run(service_fn(obey))).unwrap();
}

async fn obey(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    let wait = Duration::from_millis(event["ms"].as_u64().unwrap_or(60_000));
    match event["do"].as_str().unwrap_or("return") {
        "return" => {}
        "say" => {
            println!("{}", event["text"].as_str().unwrap());
            std::io::stdout().flush().unwrap();
        }
        "fail" => return Err("as told".into()),
        "panic" => panic!("as told"),
        "exit" => std::process::exit(i32::try_from(event["code"].as_i64().unwrap()).unwrap()),
        "abort" => std::process::abort(),
        // Holds up the whole process, as a loop without end would.
        "hang" => std::thread::sleep(wait),
        "wait" => tokio::time::sleep(wait).await,
        "leak" => {
            let mut held = Vec::new();
            loop {
                held.push(vec![1_u8; 8 << 20]);
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        "large" => return Ok(json!("x".repeat(7 << 20))),
        other => return Err(format!("`{other}` is nothing that can be done").into()),
    }
    Ok(json!({
        "event": event,
        "pid": std::process::id(),
        "request_id": context.request_id,
        "arn": context.invoked_function_arn,
        "left_ms": context.deadline().duration_since(std::time::SystemTime::now()).unwrap().as_millis() as u64,
        "trace": context.xray_trace_id,
        "memory": context.env_config.memory,
        "variables": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
    }))
}
