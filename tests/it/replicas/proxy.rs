//! A proxy that cuts its connections now and then.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// Listens in front of a server; every connection is cut after up to so long.
pub(super) async fn cutting(to: String, after: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let Ok(mut far) = TcpStream::connect(&to).await else { return };
                let life = after.mul_f64(0.2 + 0.8 * fastrand::f64());
                let _ = tokio::time::timeout(life, tokio::io::copy_bidirectional(&mut near, &mut far)).await;
                let _ = (near.shutdown().await, far.shutdown().await);
            });
        }
    });
    address
}
