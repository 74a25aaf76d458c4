//! Znodes: made, read, changed, counted, in transactions and in a row.

use std::time::Duration;

use zookeeper_client::{Client, CreateMode, Error, MultiWriteError, MultiWriteResult};

use crate::harness::*;

pub async fn connect(place: &Place) -> Done {
    let connector = Client::connector().with_session_timeout(Duration::from_secs(4));
    let client = within("connected", connector.connect(&place.hosts)).await??;
    equal("negotiated timeout", Duration::from_secs(4), client.session_timeout())?;
    holds("a session id that is not 0", client.session_id().0 != 0)
}

pub async fn create_persistent(place: &Place) -> Done {
    let client = place.connect().await?;
    let (stat, _) = client.create(&place.path, b"v", &PERSISTENT).await?;
    equal("owner", 0, stat.ephemeral_owner)?;
    equal("data length", 1, stat.data_length)?;
    equal("the Stat of create is that of get", (b"v".to_vec(), stat), client.get_data(&place.path).await?)
}

pub async fn create_ephemeral(place: &Place) -> Done {
    let client = place.connect().await?;
    let path = format!("{}/e", place.root(&client).await?);
    let (stat, _) = client.create(&path, b"v", &EPHEMERAL).await?;
    equal("owner in the answer", client.session_id().0, stat.ephemeral_owner)?;
    equal("owner", client.session_id().0, owner(&client, &path).await?)
}

pub async fn sequential(place: &Place, mode: CreateMode) -> Done {
    let client = place.connect().await?;
    let prefix = format!("{}/s-", place.root(&client).await?);
    for count in 0..3 {
        let (_, sequence) = client.create(&prefix, b"", &open(mode)).await?;
        equal("number", count, sequence.into_i64())?;
    }
    let expected = if mode == CreateMode::EphemeralSequential { client.session_id().0 } else { 0 };
    equal("owner", expected, owner(&client, &format!("{prefix}0000000000")).await?)
}

pub async fn create_container(place: &Place) -> Done {
    let client = place.connect().await?;
    client.create(&place.path, b"v", &open(CreateMode::Container)).await?;
    client.create(&format!("{}/child", place.path), b"", &PERSISTENT).await?;
    let (data, stat) = client.get_data(&place.path).await?;
    equal("data", b"v".to_vec(), data)?;
    equal("owner, children", (0, 1), (stat.ephemeral_owner, stat.num_children))
}

pub async fn create_refused(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    client.create(&format!("{root}/e"), b"", &EPHEMERAL).await?;
    refused("create again", Error::NodeExists, client.create(root, b"", &PERSISTENT).await)?;
    let orphan = format!("{root}/no/child");
    refused("create below nothing", Error::NoNode, client.create(&orphan, b"", &PERSISTENT).await)?;
    let child = format!("{root}/e/child");
    let answer = client.create(&child, b"", &PERSISTENT).await;
    refused("create below an ephemeral", Error::NoChildrenForEphemerals, answer)
}

pub async fn get(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    client.create(&format!("{root}/c"), b"", &PERSISTENT).await?;
    let (data, stat) = client.get_data(root).await?;
    equal("data", b"root".to_vec(), data)?;
    equal("version, cversion, aversion", (0, 1, 0), (stat.version, stat.cversion, stat.aversion))?;
    equal("data length, children", (4, 1), (stat.data_length, stat.num_children))?;
    holds("czxid = mzxid < pzxid", stat.czxid == stat.mzxid && stat.mzxid < stat.pzxid)?;
    holds("ctime = mtime > 2020", stat.ctime == stat.mtime && stat.ctime > 1_577_836_800_000)?;
    refused("get nothing", Error::NoNode, client.get_data(&format!("{root}/no")).await)
}

pub async fn set(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    equal("version after set at 0", 1, client.set_data(root, b"one", Some(0)).await?.version)?;
    refused("set at 0 again", Error::BadVersion, client.set_data(root, b"two", Some(0)).await)?;
    equal("data after the refused set", "one".into(), read(&client, root).await?)?;
    let stat = client.set_data(root, b"three", None).await?;
    equal("version after set at any", 2, stat.version)?;
    holds("mzxid moves, czxid not", stat.mzxid > stat.czxid)?;
    refused("set nothing", Error::NoNode, client.set_data(&format!("{root}/no"), b"", None).await)
}

pub async fn delete(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    let child = format!("{root}/c");
    client.create(&child, b"", &PERSISTENT).await?;
    refused("delete with a child", Error::NotEmpty, client.delete(root, None).await)?;
    refused("delete at 7", Error::BadVersion, client.delete(&child, Some(7)).await)?;
    client.delete(&child, Some(0)).await?;
    refused("delete again", Error::NoNode, client.delete(&child, None).await)?;
    client.delete(root, None).await?;
    equal("exists afterwards", None, client.check_stat(root).await?)
}

pub async fn exists(place: &Place) -> Done {
    let client = place.connect().await?;
    equal("absent", None, client.check_stat(&place.path).await?)?;
    let root = place.root(&client).await?;
    equal("version", Some(0), client.check_stat(root).await?.map(|stat| stat.version))
}

pub async fn children(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    for name in ["b", "a", "c"] {
        client.create(&format!("{root}/{name}"), b"", &PERSISTENT).await?;
    }
    client.delete(&format!("{root}/b"), None).await?;
    let (mut names, stat) = client.get_children(root).await?;
    names.sort();
    equal("children", vec!["a".to_string(), "c".to_string()], names)?;
    equal("numChildren, cversion", (2, 4), (stat.num_children, stat.cversion))?;
    let mut listed = client.list_children(root).await?;
    listed.sort();
    equal("children without Stat", vec!["a".to_string(), "c".to_string()], listed)?;
    equal("children of a leaf", Vec::new(), client.list_children(&format!("{root}/a")).await?)?;
    refused("children of nothing", Error::NoNode, client.list_children(&format!("{root}/no")).await)
}

pub async fn sync(place: &Place) -> Done {
    let (writer, reader) = (place.at(0).await?, place.at(1).await?);
    let root = place.root(&writer).await?;
    for count in 0..20 {
        let value = count.to_string();
        writer.set_data(root, value.as_bytes(), None).await?;
        reader.sync(root).await?;
        equal("value read after sync", value, read(&reader, root).await?)?;
    }
    Ok(())
}

pub async fn multi_success(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    let (old, new) = (format!("{root}/old"), format!("{root}/new"));
    client.create(&old, b"", &PERSISTENT).await?;
    let mut writer = client.new_multi_writer();
    writer.add_check_version(root, 0)?;
    writer.add_create(&new, b"1", &PERSISTENT)?;
    writer.add_create(&format!("{root}/s-"), b"", &open(CreateMode::PersistentSequential))?;
    writer.add_set_data(&new, b"2", None)?;
    writer.add_delete(&old, None)?;
    let results = writer.commit().await.map_err(Error::from)?;
    let paths: Vec<&str> = results
        .iter()
        .filter_map(
            |result| if let MultiWriteResult::Create { path, .. } = result { Some(path.as_str()) } else { None },
        )
        .collect();
    equal("created", vec![new.as_str(), &format!("{root}/s-0000000002")], paths)?;
    let is_set = matches!(&results[3], MultiWriteResult::SetData { stat } if stat.version == 1);
    holds("version 1 in the result of set", is_set)?;
    equal("check and delete", (&MultiWriteResult::Check, &MultiWriteResult::Delete), (&results[0], &results[4]))?;
    equal("data", "2".into(), read(&client, &new).await?)?;
    equal("old", None, client.check_stat(&old).await?)
}

pub async fn multi_failure(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    let mut writer = client.new_multi_writer();
    writer.add_create(&format!("{root}/new"), b"1", &PERSISTENT)?;
    writer.add_check_version(root, 7)?;
    writer.add_create(&format!("{root}/other"), b"2", &PERSISTENT)?;
    let expected = MultiWriteError::OperationFailed { index: 1, source: Error::BadVersion };
    equal("answer", Err(expected), writer.commit().await)?;
    equal("children", Vec::new(), client.list_children(root).await?)
}

pub async fn config(place: &Place) -> Done {
    let (data, _) = place.connect().await?.get_config().await?;
    // The suite asks the addresses in it.
    if let Ok(mut detail) = place.detail.lock() {
        *detail = String::from_utf8_lossy(&data).into_owned();
    }
    Ok(())
}

pub async fn large_value(place: &Place) -> Done {
    let client = place.connect().await?;
    let value: Vec<u8> = (0..1_000_000_u32).map(|index| (index * 7 % 251) as u8).collect();
    client.create(&place.path, &value, &PERSISTENT).await?;
    let (data, stat) = client.get_data(&place.path).await?;
    equal("length", 1_000_000, stat.data_length)?;
    holds("the bytes read are those written", data == value)?;
    let reversed: Vec<u8> = value.into_iter().rev().collect();
    client.set_data(&place.path, &reversed, None).await?;
    let other = place.connect().await?;
    other.sync(&place.path).await?;
    holds("another client reads the second value", other.get_data(&place.path).await?.0 == reversed)
}

/// A request leaves when its future is made, in that order, whenever its answer is waited for.
pub async fn pipeline(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    let prefix = format!("{root}/s-");
    let mut asked = Vec::new();
    for count in 0..100 {
        let set = client.set_data(root, count.to_string().as_bytes(), None);
        let get = client.get_data(root);
        let create = client.create(&prefix, b"", &open(CreateMode::PersistentSequential));
        asked.push((set, get, create));
    }
    for (count, (set, get, create)) in asked.into_iter().enumerate() {
        // The last first: the answers are kept until somebody wants them.
        equal("number", count as i64, create.await?.1.into_i64())?;
        equal("data right after the set", count.to_string().into_bytes(), get.await?.0)?;
        equal("version", count as i32 + 1, set.await?.version)?;
    }
    Ok(())
}
