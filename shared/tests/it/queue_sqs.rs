//! A queue of moto's SQS, reached with AWS's own SDK, and the dead-letter queue behind it.

use std::collections::BTreeMap;

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};
use uuid::Uuid;

pub struct Sqs {
    client: Client,
    url: String,
    dead_url: String,
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub body: String,
    pub delay: Option<i32>,
    pub group: Option<String>,
    pub dedup_id: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

/// Body, receives, group, attributes.
pub type Seen = (String, u32, Option<String>, BTreeMap<String, String>);

impl Sqs {
    /// A queue that no other test uses.
    pub async fn new(fifo: bool, visibility_timeout: u32, max_receive_count: u32) -> Self {
        let endpoint = std::env::var("AWS_ENDPOINT_URL_SQS").expect("AWS_ENDPOINT_URL_SQS is not set: run `make test`");
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .endpoint_url(endpoint)
            .build();
        let client = Client::from_conf(config);
        let suffix = if fifo { ".fifo" } else { "" };
        let name = format!("test-{}", Uuid::new_v4().simple());
        let create = |name: String| {
            let create = client.create_queue().queue_name(name);
            if !fifo {
                return create;
            }
            create
                .attributes(QueueAttributeName::FifoQueue, "true")
                .attributes(QueueAttributeName::ContentBasedDeduplication, "true")
        };
        let dead = create(format!("{name}-dlq{suffix}")).send().await.unwrap();
        let arn = format!("arn:aws:sqs:us-east-1:123456789012:{name}-dlq{suffix}");
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{max_receive_count}}}"#);
        let queue = create(format!("{name}{suffix}"))
            .attributes(QueueAttributeName::VisibilityTimeout, visibility_timeout.to_string())
            .attributes(QueueAttributeName::RedrivePolicy, redrive)
            .send()
            .await
            .unwrap();
        Self {
            url: queue.queue_url.unwrap(),
            dead_url: dead.queue_url.unwrap(),
            client,
        }
    }

    pub async fn send(&self, message: &Outgoing) {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(&message.body)
            .set_delay_seconds(message.delay)
            .set_message_group_id(message.group.clone())
            .set_message_deduplication_id(message.dedup_id.clone())
            .set_message_attributes(attributes(message))
            .send()
            .await
            .unwrap();
    }

    pub async fn send_batch(&self, messages: &[Outgoing]) {
        let entries = messages.iter().enumerate().map(|(n, message)| {
            SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(&message.body)
                .set_delay_seconds(message.delay)
                .set_message_group_id(message.group.clone())
                .set_message_deduplication_id(message.dedup_id.clone())
                .set_message_attributes(attributes(message))
                .build()
                .unwrap()
        });
        let batch = self.client.send_message_batch().queue_url(&self.url);
        let sent = batch.set_entries(Some(entries.collect())).send().await.unwrap();
        assert_eq!((sent.successful.len(), sent.failed.len()), (messages.len(), 0));
    }

    pub async fn receive(&self, max: i32) -> Vec<Message> {
        self.receive_from(&self.url, max).await
    }

    /// The bodies in the dead-letter queue.
    pub async fn dead(&self) -> Vec<String> {
        let mut dead = Vec::new();
        while let batch @ [_, ..] = &self.receive_from(&self.dead_url, 10).await[..] {
            dead.extend(batch.iter().map(|message| message.body.clone().unwrap()));
            let delete = |(n, message): (usize, &Message)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
                entry.receipt_handle(receipt(message)).build().unwrap()
            };
            let entries = batch.iter().enumerate().map(delete).collect();
            let delete = self.client.delete_message_batch().queue_url(&self.dead_url);
            delete.set_entries(Some(entries)).send().await.unwrap();
        }
        dead.sort();
        dead
    }

    async fn receive_from(&self, url: &str, max: i32) -> Vec<Message> {
        let receive = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(max)
            .wait_time_seconds(0)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        receive.send().await.unwrap().messages.unwrap_or_default()
    }

    pub async fn delete(&self, receipt: &str) {
        let delete = self.client.delete_message().queue_url(&self.url);
        delete.receipt_handle(receipt).send().await.unwrap();
    }

    pub async fn change_visibility(&self, receipt: &str, seconds: i32) {
        let change = self.client.change_message_visibility().queue_url(&self.url);
        let change = change.receipt_handle(receipt).visibility_timeout(seconds);
        change.send().await.unwrap();
    }

    pub async fn purge(&self) {
        self.client.purge_queue().queue_url(&self.url).send().await.unwrap();
    }

    /// How many messages are visible, in flight and delayed.
    pub async fn counts(&self) -> [u64; 3] {
        let ask = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = ask.attribute_names(QueueAttributeName::All).send().await.unwrap();
        let told = answer.attributes.unwrap();
        let count = |name| told[&name].parse().unwrap();
        [
            count(QueueAttributeName::ApproximateNumberOfMessages),
            count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
        ]
    }
}

pub fn receipt(message: &Message) -> String {
    message.receipt_handle.clone().unwrap()
}

/// What the queue says of a message, as ours must say it.
pub fn seen(message: &Message) -> Seen {
    let system = message.attributes.as_ref().unwrap();
    let count = system[&MessageSystemAttributeName::ApproximateReceiveCount]
        .parse()
        .unwrap();
    let group = system.get(&MessageSystemAttributeName::MessageGroupId).cloned();
    let attributes = message.message_attributes.iter().flatten();
    let text = |value: &MessageAttributeValue| value.string_value.clone().unwrap();
    let attributes = attributes.map(|(name, value)| (name.clone(), text(value))).collect();
    (message.body.clone().unwrap(), count, group, attributes)
}

fn attributes(message: &Outgoing) -> Option<std::collections::HashMap<String, MessageAttributeValue>> {
    let value = |text: &String| {
        let value = MessageAttributeValue::builder().data_type("String");
        value.string_value(text).build().unwrap()
    };
    let attributes = message.attributes.iter();
    Some(attributes.map(|(name, text)| (name.clone(), value(text))).collect())
}
