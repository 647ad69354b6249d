//! Checks a cluster as programs with the kube crate use it, and prints one TAP line a check.
//! KUBECONFIG names the cluster. Exit code 1 when a check failed.
mod objects;
mod pods;

use std::{error::Error, process::ExitCode, time::Duration};

use kube::Client;

pub const NAMESPACE: &str = "rust-client";
pub type Checked = Result<(), Box<dyn Error>>;

const CHECK_TIMEOUT: Duration = Duration::from_secs(60);

pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Checked {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got:?}, not {wanted:?}").into()) }
}

/// The order matters: the first check makes what the others use, the last removes it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let client = match Client::try_default().await {
        Ok(client) => client,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut tap = Tap::default();
    macro_rules! check {
        ($name:literal, $run:path) => {
            tap.line($name, tokio::time::timeout(CHECK_TIMEOUT, $run(client.clone())).await.unwrap_or_else(|late| Err(late.into())))
        };
    }
    check!("create, get, replace, conflict", objects::life);
    check!("errors have a code and a reason", objects::errors);
    check!("json, merge and strategic merge patch", objects::patches);
    check!("server-side apply, conflict and force", objects::apply);
    check!("a watcher with a watch list sees add, update and delete", objects::watcher_tells);
    check!("a dynamic object by discovery", objects::discovered);
    check!("a pod runs and a watch tells", pods::runs);
    check!("exec: outputs, input and exit code", pods::exec);
    check!("logs follow", pods::logs);
    check!("port-forward", pods::forward);
    check!("delete collection, pod and namespace", objects::deletion);
    tap.end()
}

#[derive(Default)]
struct Tap {
    number: u32,
    failed: bool,
}

impl Tap {
    fn line(&mut self, name: &str, result: Checked) {
        self.number += 1;
        match result {
            Ok(()) => println!("ok {} - {name}", self.number),
            Err(error) => {
                self.failed = true;
                println!("not ok {} - {name} # {}", self.number, error.to_string().replace('\n', " "));
            }
        }
    }

    fn end(self) -> ExitCode {
        println!("1..{}", self.number);
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
