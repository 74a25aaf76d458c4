//! What the client has beyond single calls: its lock, reads in one request, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zookeeper_client::{Acls, Client, Error, LockOptions, LockPrefix, MultiReadResult};

use crate::harness::*;

fn lock_options() -> Result<LockOptions<'static>, Error> {
    LockOptions::new(Acls::anyone_all()).with_ancestor_options(PERSISTENT)
}

/// Under the lock each raises a number in a znode without asking for its version: who read what the holder
/// before it had not yet written would lose a count.
async fn contend(client: Client, root: String, holders: Arc<AtomicUsize>) -> Done {
    let (number, directory) = (format!("{root}/number"), format!("{root}/locks/one"));
    for _round in 0..5 {
        let prefix = LockPrefix::new_curator(&directory, "lock-")?;
        let held = within("the lock", client.lock(prefix, b"", lock_options()?)).await??;
        equal("holders", 0, holders.fetch_add(1, Ordering::SeqCst))?;
        let read: usize = read(&client, &number).await?.parse().map_err(|_| failed("not a number".into()))?;
        held.set_data(&number, (read + 1).to_string().as_bytes(), None).await?;
        holders.fetch_sub(1, Ordering::SeqCst);
    }
    Ok(())
}

pub async fn lock(place: &Place) -> Done {
    let first = place.at(0).await?;
    let root = place.root(&first).await?;
    let number = format!("{root}/number");
    first.create(&number, b"0", &PERSISTENT).await?;
    let holders = Arc::new(AtomicUsize::new(0));
    let mut members = Vec::new();
    for member in 0..6 {
        let client = place.at(member % 3).await?;
        members.push(tokio::spawn(contend(client, root.to_string(), holders.clone())));
    }
    for member in members {
        member.await.map_err(|panic| failed(panic.to_string()))??;
    }
    first.sync(&number).await?;
    equal("number", "30".into(), read(&first, &number).await?)?;
    // Who has lost the lock writes nothing more under it.
    let directory = format!("{root}/locks/one");
    let held = first.lock(LockPrefix::new_curator(&directory, "lock-")?, b"", lock_options()?).await?;
    let thief = place.at(1).await?;
    thief.sync(&directory).await?;
    thief.delete(held.lock_path(), None).await?;
    let answer = held.set_data(&number, b"stolen", None).await;
    refused("a write under the lost lock", Error::RuntimeInconsistent, answer)?;
    equal("number", "30".into(), read(&first, &number).await?)
}

pub async fn multi_read(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    client.create(&format!("{root}/a"), b"", &PERSISTENT).await?;
    let mut reader = client.new_multi_reader();
    reader.add_get_data(root)?;
    reader.add_get_children(root)?;
    reader.add_get_data(&format!("{root}/no"))?;
    reader.add_get_data(&format!("{root}/a"))?;
    let results = reader.commit().await?;
    let seen: Vec<String> = results
        .into_iter()
        .map(|result| match result {
            MultiReadResult::Data { data, stat } => {
                format!("{} at version {}", String::from_utf8_lossy(&data), stat.version)
            }
            MultiReadResult::Children { children } => children.join(","),
            MultiReadResult::Error { err } => format!("{err:?}"),
            _ => "a result of another kind".into(),
        })
        .collect();
    let expected = ["root at version 0", "a", "NoNode", " at version 0"].map(String::from).to_vec();
    equal("results", expected, seen)
}

pub async fn counts(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    let (branch, leaf) = (format!("{root}/a"), format!("{root}/a/e"));
    client.create(&branch, b"", &PERSISTENT).await?;
    client.create(&leaf, b"", &EPHEMERAL).await?;
    equal("descendants", 2, client.count_descendants_number(root).await?)?;
    equal("own ephemerals", vec![leaf], client.list_ephemerals(root).await?)?;
    let other = place.connect().await?;
    equal("ephemerals of another", Vec::new(), other.list_ephemerals(root).await?)
}
