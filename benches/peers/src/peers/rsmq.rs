//! rsmq_async: calls of one script each to send and to receive, and one transaction a message to delete.

use std::ops::Range;

use anyhow::Result;
use bytes::Bytes;
use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use rsmq_async::{RsmqConnection, RsmqMessage};

use crate::load::{Receiver, Sender};

const QUEUE: &str = "peers";

/// The client on one connection.
#[derive(Debug, Clone)]
pub struct Rsmq(rsmq_async::Rsmq);

impl Rsmq {
    /// Loads the scripts.
    pub async fn new(connection: MultiplexedConnection) -> Result<Self> {
        Ok(Self(
            rsmq_async::Rsmq::new_with_connection(connection, false, None).await?,
        ))
    }

    /// Makes the queue, for bodies of any size.
    pub async fn open(&mut self) -> Result<()> {
        Ok(self.0.create_queue(QUEUE, None, None, Some(-1)).await?)
    }
}

impl Sender for Rsmq {
    async fn send(&mut self, body: &Bytes, numbers: Range<usize>) -> Result<()> {
        if numbers.len() == 1 {
            self.0.send_message(QUEUE, body.to_vec(), None).await?;
        } else {
            let bodies = vec![body.to_vec(); numbers.len()];
            self.0.send_message_batch(QUEUE, bodies, None).await?;
        }
        Ok(())
    }
}

impl Receiver for Rsmq {
    async fn receive(&mut self, max: usize, delete: bool) -> Result<usize> {
        let messages: Vec<RsmqMessage<Vec<u8>>> = if max == 1 {
            self.0.receive_message(QUEUE, None).await?.into_iter().collect()
        } else {
            let max = max.try_into()?;
            self.0.receive_message_batch(QUEUE, None, max).await?
        };
        if delete {
            // It has no call for more than one; side by side they share round trips.
            try_join_all(messages.iter().map(|message| {
                let mut client = self.0.clone();
                async move { client.delete_message(QUEUE, &message.id).await }
            }))
            .await?;
        }
        Ok(messages.len())
    }
}
