//! What every check uses: its clients, its expectations, and the line that says how it ended.

use std::fmt::Debug;
use std::future::Future;
use std::panic::Location;
use std::sync::Mutex;
use std::time::Duration;

use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error, OneshotWatcher};

/// How long a check waits for one thing.
pub const WAIT: Duration = Duration::from_secs(20);

/// Why a check did not end well.
pub enum Stop {
    Failed(String),
    /// The client has no such call: n/a, with its reason.
    NotAvailable(&'static str),
}

pub type Done = Result<(), Stop>;

impl From<Error> for Stop {
    #[track_caller]
    fn from(error: Error) -> Self {
        failed(format!("{error:?}"))
    }
}

#[track_caller]
pub fn failed(what: String) -> Stop {
    let place = Location::caller();
    Stop::Failed(format!("{what} ({}:{})", place.file(), place.line()))
}

#[track_caller]
pub fn equal<T: PartialEq + Debug>(what: &str, expected: T, seen: T) -> Done {
    if expected == seen { Ok(()) } else { Err(failed(format!("{what}: expected {expected:?}, saw {seen:?}"))) }
}

#[track_caller]
pub fn holds(what: &str, fact: bool) -> Done {
    if fact { Ok(()) } else { Err(failed(format!("expected: {what}"))) }
}

#[track_caller]
pub fn refused<T: Debug>(what: &str, expected: Error, answer: Result<T, Error>) -> Done {
    match answer {
        Err(error) if error == expected => Ok(()),
        other => Err(failed(format!("{what}: expected {expected:?}, saw {other:?}"))),
    }
}

/// Waits for one thing, within the deadline.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T, Stop> {
    let answer = tokio::time::timeout(WAIT, future).await;
    answer.map_err(|_| Stop::Failed(format!("not within {WAIT:?}: {what}")))
}

/// A watch's one event, as text.
pub async fn next(watcher: OneshotWatcher) -> Result<String, Stop> {
    let event = within("an event of the watch", watcher.changed()).await?;
    Ok(format!("{} {}", event.event_type, event.path))
}

/// What a check needs: where to connect, and its own znode.
pub struct Place {
    pub hosts: String,
    pub proxy: String,
    pub path: String,
    /// What the check has to tell besides that it passed.
    pub detail: Mutex<String>,
}

pub const PERSISTENT: CreateOptions<'static> = open(CreateMode::Persistent);
pub const EPHEMERAL: CreateOptions<'static> = open(CreateMode::Ephemeral);

/// Options of a znode that everybody may use.
pub const fn open(mode: CreateMode) -> CreateOptions<'static> {
    mode.with_acls(Acls::anyone_all())
}

impl Place {
    /// A client that is given all replicas.
    pub async fn connect(&self) -> Result<Client, Stop> {
        self.connect_to(&self.hosts).await
    }

    pub async fn connect_to(&self, hosts: &str) -> Result<Client, Stop> {
        let connector = Client::connector().with_session_timeout(Duration::from_secs(10));
        Ok(within("connected", connector.connect(hosts)).await??)
    }

    /// A client that stays at one replica.
    pub async fn at(&self, replica: usize) -> Result<Client, Stop> {
        let host = self.hosts.split(',').nth(replica).unwrap_or_default();
        self.connect_to(host).await
    }

    /// Creates the check's own znode.
    pub async fn root(&self, client: &Client) -> Result<&str, Stop> {
        client.create(&self.path, b"root", &PERSISTENT).await?;
        Ok(&self.path)
    }

    /// A writer and a watcher that both see the check's znode.
    pub async fn two_clients(&self) -> Result<(&str, Client, Client), Stop> {
        let (writer, watcher) = (self.connect().await?, self.connect().await?);
        let root = self.root(&writer).await?;
        watcher.sync(root).await?;
        Ok((root, writer, watcher))
    }

    /// Has the proxy cut its connections and lead to another replica.
    pub fn move_proxy(&self) -> Done {
        println!("{{\"ask\": \"move\"}}");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(|error| failed(error.to_string()))?;
        equal("answer of the suite", "moved", answer.trim())
    }
}

pub async fn read(client: &Client, path: &str) -> Result<String, Stop> {
    let (data, _) = client.get_data(path).await?;
    Ok(String::from_utf8_lossy(&data).into_owned())
}

/// The owner of an ephemeral that has to be there.
pub async fn owner(client: &Client, path: &str) -> Result<i64, Stop> {
    let stat = client.check_stat(path).await?;
    Ok(stat.ok_or_else(|| failed(format!("{path} is not there")))?.ephemeral_owner)
}

/// A JSON string.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if (control as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
