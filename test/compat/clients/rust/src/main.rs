//! Runs the checks it is told to run with zookeeper-client and prints one JSON line for each.
//!
//! ```text
//! compat-checks HOSTS PROXY PREFIX CHECK...     the checks
//! compat-checks victim HOSTS PATH TIMEOUT_MS    a client for others to freeze
//! ```

mod access;
mod harness;
mod nodes;
mod recipes;
mod sessions;
mod watches;

use std::sync::{Arc, Mutex};

use zookeeper_client::CreateMode;

use harness::{Done, Place, Stop, quote};

const NULL_DATA: &str = "zookeeper-client 0.11 has no call that writes no data: it writes empty data";
const REMOVE_WATCH: &str = "zookeeper-client 0.11 removes a watch with its receiver: nobody is left to see it fire";
const HAND_OVER: &str = "zookeeper-client 0.11 hands a session over as a whole: no other password can be tried";

async fn ask(name: &str, place: &Place) -> Done {
    match name {
        "connect" => nodes::connect(place).await,
        "create-persistent" => nodes::create_persistent(place).await,
        "create-ephemeral" => nodes::create_ephemeral(place).await,
        "create-persistent-sequential" => nodes::sequential(place, CreateMode::PersistentSequential).await,
        "create-ephemeral-sequential" => nodes::sequential(place, CreateMode::EphemeralSequential).await,
        "create-container" => nodes::create_container(place).await,
        "create-refused" => nodes::create_refused(place).await,
        "null-data" => Err(Stop::NotAvailable(NULL_DATA)),
        "get" => nodes::get(place).await,
        "set" => nodes::set(place).await,
        "delete" => nodes::delete(place).await,
        "exists" => nodes::exists(place).await,
        "children" => nodes::children(place).await,
        "sync" => nodes::sync(place).await,
        "large-value" => nodes::large_value(place).await,
        "pipeline" => nodes::pipeline(place).await,
        "config" => nodes::config(place).await,
        "watch-data" => watches::data(place).await,
        "watch-exist" => watches::exist(place).await,
        "watch-child" => watches::child(place).await,
        "watch-recursive" => watches::recursive(place).await,
        "remove-watch" => Err(Stop::NotAvailable(REMOVE_WATCH)),
        "multi-success" => nodes::multi_success(place).await,
        "multi-failure" => nodes::multi_failure(place).await,
        "acl-world" => access::world(place).await,
        "acl-digest" => access::digest(place).await,
        "acl-ip" => access::ip(place).await,
        "close" => sessions::close(place).await,
        "hand-over" => Err(Stop::NotAvailable(HAND_OVER)),
        "move" => sessions::move_session(place).await,
        "move-watch" => sessions::move_watch(place).await,
        "expiry" => sessions::expiry(place).await,
        "rust-hand-over" => sessions::hand_over(place).await,
        "rust-lock" => recipes::lock(place).await,
        "rust-multi-read" => recipes::multi_read(place).await,
        "rust-who-am-i" => access::who_am_i(place).await,
        "rust-counts" => recipes::counts(place).await,
        _ => Err(Stop::Failed("the Rust program has no such check".into())),
    }
}

async fn run(name: String, place: Arc<Place>) {
    println!("{{\"begin\": {}}}", quote(&name));
    let (asked, at) = (name.clone(), place.clone());
    // A task of its own, so that a check that panics fails alone.
    let ended = tokio::spawn(async move { ask(&asked, &at).await }).await;
    let (verdict, detail) = match ended {
        Ok(Ok(())) => ("ok", place.detail.lock().map(|text| text.clone()).unwrap_or_default()),
        Ok(Err(Stop::NotAvailable(reason))) => ("n/a", reason.to_string()),
        Ok(Err(Stop::Failed(reason))) => ("fail", reason),
        Err(panic) => ("fail", panic.to_string()),
    };
    println!("{{\"check\": {}, \"verdict\": \"{verdict}\", \"detail\": {}}}", quote(&name), quote(&detail));
}

async fn start(arguments: Vec<String>) {
    if let [role, hosts, path, timeout_ms] = arguments.as_slice() {
        if role == "victim" {
            return sessions::be_victim(hosts, path, timeout_ms).await;
        }
    }
    let [hosts, proxy, prefix, names @ ..] = arguments.as_slice() else {
        panic!("compat-checks HOSTS PROXY PREFIX CHECK...");
    };
    for name in names {
        let path = format!("{prefix}-{name}");
        let place = Place { hosts: hosts.clone(), proxy: proxy.clone(), path, detail: Mutex::default() };
        run(name.clone(), Arc::new(place)).await;
    }
}

fn main() {
    let arguments = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(start(arguments));
}
