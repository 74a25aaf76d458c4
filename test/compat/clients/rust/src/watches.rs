//! Watches: once, and for ever.

use zookeeper_client::{AddWatchMode, Client, Error};

use crate::harness::*;

/// Events come in the order of the writes: once this one is there, all earlier ones are.
async fn fence(root: &str, writer: &Client, watcher: &Client) -> Done {
    let path = format!("{root}-fence");
    let (before, watch) = watcher.check_and_watch_stat(&path).await?;
    equal("fence before", None, before)?;
    writer.create(&path, b"", &PERSISTENT).await?;
    equal("fence", format!("NodeCreated {path}"), next(watch).await?)
}

/// A watch that fires once is a receiver of one event here. So the second write is fenced, and a watch that is
/// set after it must not be told of it.
pub async fn data(place: &Place) -> Done {
    let (root, writer, watcher) = place.two_clients().await?;
    let (_, _, watch) = watcher.get_and_watch_data(root).await?;
    writer.set_data(root, b"one", None).await?;
    writer.set_data(root, b"two", None).await?;
    equal("event", format!("NodeDataChanged {root}"), next(watch).await?)?;
    fence(root, &writer, &watcher).await?;
    let (data, _, watch) = watcher.get_and_watch_data(root).await?;
    equal("data", b"two".to_vec(), data)?;
    writer.delete(root, None).await?;
    equal("event", format!("NodeDeleted {root}"), next(watch).await?)?;
    refused("get", Error::NoNode, watcher.get_data(root).await)
}

pub async fn exist(place: &Place) -> Done {
    let (root, writer, watcher) = place.two_clients().await?;
    let path = format!("{root}/later");
    let (before, watch) = watcher.check_and_watch_stat(&path).await?;
    equal("before", None, before)?;
    writer.create(&path, b"", &PERSISTENT).await?;
    writer.set_data(&path, b"x", None).await?;
    equal("event", format!("NodeCreated {path}"), next(watch).await?)?;
    fence(root, &writer, &watcher).await?;
    let (stat, watch) = watcher.check_and_watch_stat(&path).await?;
    equal("version", Some(1), stat.map(|stat| stat.version))?;
    writer.delete(&path, None).await?;
    equal("event", format!("NodeDeleted {path}"), next(watch).await?)
}

pub async fn child(place: &Place) -> Done {
    let (root, writer, watcher) = place.two_clients().await?;
    let (names, watch) = watcher.list_and_watch_children(root).await?;
    equal("children before", Vec::new(), names)?;
    writer.set_data(root, b"not a child", None).await?;
    writer.create(&format!("{root}/a"), b"", &PERSISTENT).await?;
    writer.create(&format!("{root}/b"), b"", &PERSISTENT).await?;
    equal("event", format!("NodeChildrenChanged {root}"), next(watch).await?)?;
    fence(root, &writer, &watcher).await?;
    let (mut names, _, watch) = watcher.get_and_watch_children(root).await?;
    names.sort();
    equal("children after", vec!["a".to_string(), "b".to_string()], names)?;
    writer.delete(&format!("{root}/a"), None).await?;
    equal("event", format!("NodeChildrenChanged {root}"), next(watch).await?)
}

pub async fn recursive(place: &Place) -> Done {
    let (root, writer, watcher) = place.two_clients().await?;
    let mut below = watcher.watch(root, AddWatchMode::PersistentRecursive).await?;
    let path = format!("{root}/a");
    let mut expected = Vec::new();
    for _round in 0..2 {
        writer.create(&path, b"", &PERSISTENT).await?;
        writer.create(&format!("{path}/b"), b"", &PERSISTENT).await?;
        writer.set_data(&format!("{path}/b"), b"x", None).await?;
        writer.delete(&format!("{path}/b"), None).await?;
        writer.delete(&path, None).await?;
        expected.extend(["NodeCreated /a", "NodeCreated /a/b", "NodeDataChanged /a/b"]);
        expected.extend(["NodeDeleted /a/b", "NodeDeleted /a"]);
    }
    for event in expected {
        let seen = within("an event of the recursive watch", below.changed()).await?;
        let text = format!("{} {}", seen.event_type, seen.path.replacen(root, "", 1));
        equal("event", event, text.as_str())?;
    }
    Ok(())
}
