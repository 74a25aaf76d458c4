//! Access control, and who a session is.

use zookeeper_client::{Acl, Acls, AuthId, CreateMode, Error, Permission};

use crate::harness::*;

pub async fn world(place: &Place) -> Done {
    let client = place.connect().await?;
    let path = format!("{}/ro", place.root(&client).await?);
    let read_only = CreateMode::Persistent.with_acls(Acls::anyone_read());
    client.create(&path, b"v", &read_only).await?;
    equal("data", "v".into(), read(&client, &path).await?)?;
    refused("set", Error::NoAuth, client.set_data(&path, b"w", None).await)?;
    let child = format!("{path}/c");
    refused("create below", Error::NoAuth, client.create(&child, b"", &PERSISTENT).await)?;
    let all = [Acl::new(Permission::ALL, AuthId::anyone())];
    refused("set the ACL", Error::NoAuth, client.set_acl(&path, &all, None).await)?;
    let (acl, stat) = client.get_acl(&path).await?;
    equal("ACL", vec![Acl::new(Permission::READ, AuthId::anyone())], acl)?;
    equal("aversion", 0, stat.aversion)
}

/// `printf user:secret | openssl sha1 -binary | base64`, behind the name.
const DIGEST: &str = "user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=";

pub async fn digest(place: &Place) -> Done {
    let owner = place.connect().await?;
    owner.auth("digest", b"user:secret").await?;
    let root = place.root(&owner).await?;
    let path = format!("{root}/mine");
    owner.create(&path, b"v", &CreateMode::Persistent.with_acls(Acls::creator_all())).await?;
    let (acl, _) = owner.get_acl(&path).await?;
    equal("ACL of the creator", vec![Acl::new(Permission::ALL, AuthId::new("digest", DIGEST))], acl)?;
    let other = place.connect().await?;
    other.sync(root).await?;
    refused("get of a stranger", Error::NoAuth, other.get_data(&path).await)?;
    other.auth("digest", b"user:wrong").await?;
    refused("get with a wrong password", Error::NoAuth, other.get_data(&path).await)?;
    other.auth("digest", b"user:secret").await?;
    equal("data with the right one", "v".into(), read(&other, &path).await?)?;
    let reading = [Acl::new(Permission::READ, AuthId::new("digest", DIGEST))];
    equal("aversion", 1, other.set_acl(&path, &reading, Some(0)).await?.aversion)?;
    refused("set after the new ACL", Error::NoAuth, owner.set_data(&path, b"w", None).await)
}

pub async fn ip(place: &Place) -> Done {
    let client = place.connect().await?;
    let root = place.root(&client).await?;
    for (name, address) in [("own", "127.0.0.1"), ("other", "10.9.8.7")] {
        let acl = [Acl::new(Permission::ALL, AuthId::new("ip", address))];
        let options = CreateMode::Persistent.with_acls(Acls::new(&acl));
        client.create(&format!("{root}/{name}"), b"v", &options).await?;
    }
    equal("data", "v".into(), read(&client, &format!("{root}/own")).await?)?;
    refused("get", Error::NoAuth, client.get_data(&format!("{root}/other")).await)
}

pub async fn who_am_i(place: &Place) -> Done {
    let client = place.connect().await?;
    client.auth("digest", b"user:secret").await?;
    let users = client.list_auth_users().await?;
    let mut seen: Vec<String> = users.iter().map(|user| format!("{} {}", user.scheme(), user.user())).collect();
    seen.sort();
    equal("identities", vec!["digest user".to_string(), "ip 127.0.0.1".to_string()], seen)
}
