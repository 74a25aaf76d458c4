//! Across connections, processes and replicas: close, hand-over, move, expiry.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use zookeeper_client::{Client, Error, SessionState};

use crate::harness::*;

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default()
}

/// Holds an ephemeral, says since when at the earliest it is silent, and prints `expired` when its library says
/// so.
pub async fn be_victim(hosts: &str, path: &str, timeout_ms: &str) {
    let timeout = Duration::from_millis(timeout_ms.parse().expect("milliseconds"));
    let client = Client::connector().with_session_timeout(timeout).connect(hosts).await.expect("connected");
    client.create(path, b"", &EPHEMERAL).await.expect("created");
    let silent_since_ms = now_ms();
    client.get_data(path).await.expect("read");
    println!("{silent_since_ms} {}", client.session_timeout().as_millis());
    let mut states = client.state_watcher();
    while states.changed().await != SessionState::Expired {}
    println!("expired");
}

/// A client in a process of its own, to be frozen. It ends with the check.
struct Victim {
    process: Child,
    lines: Receiver<String>,
}

impl Victim {
    fn start(hosts: &str, path: &str, timeout_ms: &str) -> Result<Self, std::io::Error> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["victim", hosts, path, timeout_ms])
            .stdout(Stdio::piped())
            .spawn()?;
        let (sender, lines) = channel();
        let output = process.stdout.take();
        std::thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            // A reader that has gone, and a pipe that has broken, end it alike.
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Victim { process, lines })
    }

    fn line(&self) -> Result<String, Stop> {
        let line = self.lines.recv_timeout(WAIT);
        line.map_err(|error| failed(format!("the other process says nothing: {error}")))
    }

    fn signal(&self, name: &str) -> Done {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([name, &id]).status().map_err(|error| failed(error.to_string()))?;
        holds("kill succeeds", status.success())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // One that has ended by itself is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub async fn close(place: &Place) -> Done {
    let (root, watcher, owner) = place.two_clients().await?;
    let path = format!("{root}/e");
    owner.create(&path, b"", &EPHEMERAL).await?;
    watcher.sync(root).await?;
    let (stat, watch) = watcher.check_and_watch_stat(&path).await?;
    holds("the ephemeral is there", stat.is_some())?;
    let before = Instant::now();
    drop(owner);
    equal("event", format!("NodeDeleted {path}"), next(watch).await?)?;
    holds(&format!("gone within 3 s, saw {:?}", before.elapsed()), before.elapsed() < Duration::from_secs(3))
}

/// A session outlives a client that is detached; one that was closed is expired.
pub async fn hand_over(place: &Place) -> Done {
    let other = place.connect().await?;
    let path = format!("{}/e", place.root(&other).await?);
    let connector = Client::connector().with_session_timeout(Duration::from_secs(10));
    let first = within("connected", connector.with_detached().connect(&place.hosts)).await??;
    first.create(&path, b"", &EPHEMERAL).await?;
    let session = first.into_session();
    let heir = Client::connector().with_session(session.clone());
    let heir = within("the heir is connected", heir.connect(&place.hosts)).await??;
    equal("session of the heir", session.id(), heir.session_id())?;
    equal("owner", session.id().0, owner(&heir, &path).await?)?;
    other.sync(&path).await?;
    let (stat, watch) = other.check_and_watch_stat(&path).await?;
    equal("owner as another reads it", Some(session.id().0), stat.map(|stat| stat.ephemeral_owner))?;
    drop(heir);
    equal("event", format!("NodeDeleted {path}"), next(watch).await?)?;
    let late = Client::connector().with_session(session);
    refused("the closed session", Error::SessionExpired, within("refused", late.connect(&place.hosts)).await?)
}

/// Has the proxy move the client and waits until it saw the cut and came back.
async fn cut(place: &Place, client: &Client) -> Done {
    let mut states = client.state_watcher();
    place.move_proxy()?;
    for expected in [SessionState::Disconnected, SessionState::SyncConnected] {
        equal("state", expected, within("a state", states.changed()).await?)?;
    }
    Ok(())
}

pub async fn move_session(place: &Place) -> Done {
    let other = place.connect().await?;
    let root = place.root(&other).await?;
    let path = format!("{root}/e");
    let mover = place.connect_to(&place.proxy).await?;
    mover.create(&path, b"", &EPHEMERAL).await?;
    let session = mover.session_id().0;
    cut(place, &mover).await?;
    equal("owner as the client reads it", session, owner(&mover, &path).await?)?;
    mover.set_data(root, b"after the move", None).await?;
    other.sync(root).await?;
    equal("owner as another client reads it", session, owner(&other, &path).await?)?;
    equal("a write after the move", "after the move".into(), read(&other, root).await?)
}

pub async fn move_watch(place: &Place) -> Done {
    let other = place.connect().await?;
    let root = place.root(&other).await?;
    let later = format!("{root}/later");
    let mover = place.connect_to(&place.proxy).await?;
    mover.sync(root).await?;
    let (_, _, data) = mover.get_and_watch_data(root).await?;
    let (_, created) = mover.check_and_watch_stat(&later).await?;
    let (_, names) = mover.list_and_watch_children(root).await?;
    cut(place, &mover).await?;
    other.set_data(root, b"x", None).await?;
    equal("event", format!("NodeDataChanged {root}"), next(data).await?)?;
    other.create(&later, b"", &PERSISTENT).await?;
    equal("event", format!("NodeCreated {later}"), next(created).await?)?;
    equal("event", format!("NodeChildrenChanged {root}"), next(names).await?)
}

pub async fn expiry(place: &Place) -> Done {
    let watcher = place.connect().await?;
    let root = place.root(&watcher).await?;
    let path = format!("{root}/e");
    let victim = Victim::start(&place.hosts, &path, "4000").map_err(|error| failed(error.to_string()))?;
    let fact = victim.line()?;
    victim.signal("-STOP")?;
    let (silent_since, timeout) = fact.split_once(' ').ok_or_else(|| failed(format!("victim: {fact}")))?;
    let silent_since_ms: u128 = silent_since.parse().map_err(|_| failed(format!("victim: {fact}")))?;
    equal("negotiated timeout, ms", "4000", timeout)?;
    watcher.sync(root).await?;
    let (stat, watch) = watcher.check_and_watch_stat(&path).await?;
    holds("the ephemeral is there", stat.is_some())?;
    equal("event", format!("NodeDeleted {path}"), next(watch).await?)?;
    let silent_ms = now_ms() - silent_since_ms;
    holds(&format!("not before 4000 ms of silence, saw {silent_ms}"), silent_ms >= 4000)?;
    holds(&format!("within 15000 ms of silence, saw {silent_ms}"), silent_ms < 15_000)?;
    victim.signal("-CONT")?;
    equal("what the client says on its return", "expired", victim.line()?.as_str())
}
