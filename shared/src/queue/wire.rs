//! What is stored, and how the scripts answer.
//!
//! A stored value is four parts, each but the last ended by a newline: the time of sending in ms, the attributes as JSON
//! (which has no newline of its own; nothing if there are none), the fold line, the body. The fold line is empty but for
//! a message with a coalescing key: `key order note`, then a tab and a note for each message it superseded; of a copy in another queue only these. A stored dead
//! letter is a line `time of death, receives, receives that count, length of the reason, length of the place`, then the
//! reason, the place, and the value as it was. A place is the group, NUL, and the order within it.
//!
//! Bodies are slices of what Redis answered; nothing is copied.

use bytes::Bytes;
use redis::Value;

use super::{DeadMessage, Error, Message, MessageAttributes, MessageId, Peeked, ReceiptHandle, Send, State};

/// The elements of a script's answer, to be taken one by one.
pub(super) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    pub fn new(value: Value) -> Result<Self, Error> {
        match value {
            Value::Array(items) => Ok(Self(items.into_iter())),
            _ => Err(Error::Corrupt {
                what: "an answer that is no list",
            }),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub fn integer(&mut self) -> Result<i64, Error> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(Error::Corrupt {
                what: "a number in an answer",
            }),
        }
    }

    /// A count, or `None` for the scripts' -1.
    pub fn count(&mut self) -> Result<Option<u64>, Error> {
        Ok(u64::try_from(self.integer()?).ok())
    }

    pub fn number(&mut self) -> Result<u64, Error> {
        self.count()?.ok_or(Error::Corrupt {
            what: "a count in an answer",
        })
    }

    pub fn bytes(&mut self) -> Result<Bytes, Error> {
        self.optional()?.ok_or(Error::Corrupt {
            what: "a string in an answer",
        })
    }

    /// A string, or `None` for what is not there.
    pub fn optional(&mut self) -> Result<Option<Bytes>, Error> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(Some(bytes.into())),
            Some(Value::Nil) => Ok(None),
            _ => Err(Error::Corrupt {
                what: "a string in an answer",
            }),
        }
    }

    pub fn id(&mut self) -> Result<MessageId, Error> {
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        text.parse().map_err(|_| Error::Corrupt { what: "a message id" })
    }

    /// A group, or `None` for the empty string.
    fn group(&mut self) -> Result<Option<String>, Error> {
        let group = self.bytes()?;
        Ok((!group.is_empty()).then(|| String::from_utf8_lossy(&group).into_owned()))
    }

    /// The messages of one group that nobody received before.
    pub fn found_new(&mut self, with_values: bool, found: &mut Vec<Found>) -> Result<(), Error> {
        let group = self.group()?;
        for _ in 0..self.number()? {
            found.push(Found {
                id: self.id()?,
                receives: 1,
                counted: 1,
                group: group.clone(),
                value: with_values.then(|| self.bytes()).transpose()?,
            });
        }
        Ok(())
    }

    pub fn found(&mut self) -> Result<Found, Error> {
        Ok(Found {
            id: self.id()?,
            receives: self.number()?,
            counted: self.number()?,
            group: self.group()?,
            // No value is empty.
            value: Some(self.bytes()?).filter(|value| !value.is_empty()),
        })
    }

    pub fn peeked(&mut self) -> Result<Peeked, Error> {
        let id = self.id()?;
        let state = match self.integer()? {
            0 => State::Visible,
            1 => State::InFlight,
            2 => State::Delayed,
            _ => {
                return Err(Error::Corrupt {
                    what: "the state of a message",
                });
            }
        };
        let visible_in = std::time::Duration::from_millis(self.number()?);
        let receive_count = self.number()? as u32;
        let error = self.bytes()?;
        let last_error = (!error.is_empty()).then(|| String::from_utf8_lossy(&error).into_owned());
        let group = group(&self.bytes()?);
        let stored = Stored::parse(self.bytes()?)?;
        Ok(Peeked {
            id,
            state,
            visible_in,
            receive_count,
            last_error,
            sent_at: stored.sent_at,
            group,
            attributes: stored.attributes,
            body: stored.body,
        })
    }

    pub fn dead_message(&mut self) -> Result<DeadMessage, Error> {
        let corrupt = || Error::Corrupt {
            what: "the head of a dead letter",
        };
        let id = self.id()?;
        let mut rest = self.bytes()?;
        let head = take_line(&mut rest).ok_or_else(corrupt)?;
        let head = std::str::from_utf8(&head).map_err(|_| corrupt())?;
        let numbers: Vec<u64> = head.split(' ').map_while(|word| word.parse().ok()).collect();
        let &[dead_at, _, receive_count, reason, place] = numbers.as_slice() else {
            return Err(corrupt());
        };
        if (rest.len() as u64) < reason.saturating_add(place) {
            return Err(corrupt());
        }
        let reason = rest.split_to(reason as usize);
        let group = group(&rest.split_to(place as usize));
        let stored = Stored::parse(rest)?;
        Ok(DeadMessage {
            id,
            reason: String::from_utf8_lossy(&reason).into_owned(),
            dead_at,
            receive_count: receive_count as u32,
            sent_at: stored.sent_at,
            group,
            attributes: stored.attributes,
            superseded: stored.superseded,
            body: stored.body,
        })
    }
}

/// A message that was received, and may still lack its value.
pub(super) struct Found {
    pub id: MessageId,
    receives: u64,
    counted: u64,
    group: Option<String>,
    pub value: Option<Bytes>,
}

impl Found {
    /// The message, unless its value is gone.
    pub fn message(self, received_at: u64) -> Result<Option<Message>, Error> {
        let Some(value) = self.value else {
            return Ok(None);
        };
        let bytes = value.len() as u64;
        let stored = Stored::parse(value)?;
        Ok(Some(Message {
            id: self.id,
            receipt: ReceiptHandle {
                id: self.id,
                receives: self.receives,
                received_at,
                sent_at: stored.sent_at,
                bytes,
            },
            receive_count: self.counted as u32,
            sent_at: stored.sent_at,
            group: self.group,
            attributes: stored.attributes,
            body: stored.body,
            superseded: stored.superseded,
        }))
    }
}

/// The group that a place names; an empty place names none.
fn group(place: &[u8]) -> Option<String> {
    let end = place.iter().position(|&byte| byte == 0)?;
    Some(String::from_utf8_lossy(&place[..end]).into_owned())
}

/// The place, among those of its group, of a message that was sent at this moment with this head start.
pub(super) fn place(group: &str, sent_at: u64, head_start_ms: u64) -> Vec<u8> {
    format!("{group}\0{:014}", sent_at.saturating_sub(head_start_ms)).into_bytes()
}

/// The value that is stored of a message sent at this moment.
pub(super) fn value(send: &Send, sent_at: u64) -> Vec<u8> {
    let attributes = attributes_line(&send.attributes);
    let fold = send.fold_line();
    let mut value = Vec::with_capacity(16 + attributes.len() + fold.len() + send.body.len());
    value.extend_from_slice(sent_at.to_string().as_bytes());
    for line in [&attributes, &fold] {
        value.push(b'\n');
        value.extend_from_slice(line.as_bytes());
    }
    value.push(b'\n');
    value.extend_from_slice(&send.body);
    value
}

/// The attributes as they are stored.
fn attributes_line(attributes: &MessageAttributes) -> String {
    if attributes.is_empty() {
        return String::new();
    }
    serde_json::to_string(attributes).expect("a map of strings is always valid JSON")
}

struct Stored {
    sent_at: u64,
    attributes: MessageAttributes,
    superseded: Vec<String>,
    body: Bytes,
}

impl Stored {
    fn parse(mut value: Bytes) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt {
            what: "the head of a message",
        };
        let sent_at = take_line(&mut value).ok_or_else(corrupt)?;
        let sent_at = std::str::from_utf8(&sent_at)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(corrupt)?;
        let attributes = take_line(&mut value).ok_or_else(corrupt)?;
        let attributes = if attributes.is_empty() {
            MessageAttributes::new()
        } else {
            serde_json::from_slice(&attributes).map_err(|_| corrupt())?
        };
        let fold = take_line(&mut value).ok_or_else(corrupt)?;
        let superseded = if fold.is_empty() {
            Vec::new()
        } else {
            String::from_utf8_lossy(&fold)
                .split('\t')
                .skip(1)
                .map(str::to_owned)
                .collect()
        };
        Ok(Self {
            sent_at,
            attributes,
            superseded,
            body: value,
        })
    }
}

/// Cuts the first line off, without its newline.
fn take_line(bytes: &mut Bytes) -> Option<Bytes> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let line = bytes.split_to(end);
    let _newline = bytes.split_to(1);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(items: Vec<Value>) -> Reply {
        Reply::new(Value::Array(items)).unwrap()
    }

    fn text(bytes: impl AsRef<[u8]>) -> Value {
        Value::BulkString(bytes.as_ref().to_vec())
    }

    #[test]
    fn attributes_with_newlines_stay_on_one_line() {
        let attributes = MessageAttributes::from([("a\nb".into(), "c\r\nd \u{0} é".into())]);
        let line = attributes_line(&attributes);
        assert!(!line.contains('\n'));
        let stored = Stored::parse(format!("5\n{line}\n\nbo\ndy").into()).unwrap();
        assert_eq!((stored.sent_at, stored.attributes), (5, attributes));
        assert_eq!(stored.body, "bo\ndy");
        assert!(stored.superseded.is_empty());
    }

    #[test]
    fn notes_come_with_the_message_that_superseded_theirs() {
        let stored = Stored::parse("5\n\nkey 9 own note\told one\told two\nbody".into()).unwrap();
        assert_eq!(stored.superseded, ["old one", "old two"]);
    }

    #[test]
    fn a_dead_letter_keeps_a_reason_of_any_form() {
        let id = MessageId::random();
        let value = "99 4 3 7 5\nwhy\nnotg\u{0}00112\n\n\nbody";
        let dead = reply(vec![text(id.to_string()), text(value)]).dead_message().unwrap();
        assert_eq!(
            (dead.id, dead.dead_at, dead.receive_count, dead.sent_at),
            (id, 99, 3, 12)
        );
        assert_eq!((dead.reason.as_str(), &dead.body[..]), ("why\nnot", &b"body"[..]));
        assert_eq!(dead.group.as_deref(), Some("g"));
    }

    #[test]
    fn what_no_script_answers_is_corrupt() {
        assert!(Reply::new(Value::Okay).is_err());
        let id = MessageId::random().to_string();
        for value in ["12", "12\n", "12\n\n", "x\n\n\nbody", "12\n{\n\nbody"] {
            let items = vec![text(&id), Value::Int(1), Value::Int(1), text(""), text(value)];
            assert!(
                matches!(reply(items).found().unwrap().message(0), Err(Error::Corrupt { .. })),
                "{value:?} was read"
            );
        }
        for value in ["", "1 2 3 4\nx", "1 2 3 99 0\nx", "1 2 3 0 99\nx", "1 2 3 x 0\nx"] {
            let items = vec![text(&id), text(value)];
            assert!(
                matches!(reply(items).dead_message(), Err(Error::Corrupt { .. })),
                "{value:?} was read"
            );
        }
    }
}
