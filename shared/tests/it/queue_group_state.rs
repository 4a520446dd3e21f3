//! The model of a queue with groups: which messages there are, what a receive may bring, and how it must share.

use std::collections::{BTreeMap, BTreeSet};

use shared::queue::{DeadMessage, Message, MessageId, ReceiptHandle, SendOutcome};

pub const TIMEOUT: u64 = 5_000;
pub const MAX_RECEIVES: u32 = 3;
pub const RETENTION: u64 = 60_000;
/// Groups that exist, that of the messages without one included.
pub const GROUPS: usize = 4;

/// A group; `None` is that of the messages without one.
pub type Group = Option<u8>;

/// The messages that may be received, group by group, in their order.
type Waiting = BTreeMap<Group, Vec<MessageId>>;

#[derive(Clone)]
pub struct Entry {
    pub group: Group,
    /// The order within the group, before the identity.
    pub turn: u64,
    pub sent_at: u64,
    pub place: Place,
    pub receives: u64,
    pub counted: u32,
    pub fold: Option<Fold>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    Visible,
    InFlight { until: u64 },
    Delayed { until: u64 },
}

/// How a message takes the place of another.
#[derive(Clone)]
pub struct Fold {
    pub key: (u8, u8),
    pub order: u64,
    pub note: String,
    pub superseded: BTreeSet<String>,
}

#[derive(Default)]
pub struct State {
    pub fifo: bool,
    pub now: u64,
    pub turns: u64,
    pub messages: BTreeMap<MessageId, Entry>,
    pub dead: BTreeMap<MessageId, Entry>,
    /// The messages that may still be replaced.
    foldable: BTreeMap<(u8, u8), MessageId>,
    pub paused: BTreeSet<Group>,
    pub is_all_paused: bool,
    /// Whether a message has ended while it was visible: receive may find its place empty, and bring fewer.
    has_empty_places: bool,
}

impl State {
    pub fn new(fifo: bool, now: u64) -> Self {
        Self {
            fifo,
            now,
            ..Self::default()
        }
    }

    /// The message, if the receipt is of its latest receive.
    pub fn current(&mut self, receipt: ReceiptHandle) -> Option<&mut Entry> {
        let text = receipt.to_string();
        let receives: u64 = text.split(':').nth(1).unwrap().parse().unwrap();
        let entry = self.messages.get_mut(&receipt.message_id());
        entry.filter(|entry| entry.receives == receives)
    }

    pub fn in_flight(&mut self, receipt: ReceiptHandle) -> Option<&mut Entry> {
        let entry = self.current(receipt);
        entry.filter(|entry| matches!(entry.place, Place::InFlight { .. }))
    }

    /// Whether this receipt deletes its message: a FIFO message must still be hidden.
    pub fn is_deletable(&mut self, receipt: ReceiptHandle) -> bool {
        let (fifo, now) = (self.fifo, self.now);
        let is_held = |entry: &Entry| matches!(entry.place, Place::InFlight { until } if until > now);
        self.current(receipt).is_some_and(|entry| !fifo || is_held(entry))
    }

    pub fn end(&mut self, id: MessageId) -> Option<Entry> {
        let entry = self.messages.remove(&id)?;
        self.has_empty_places |= entry.place == Place::Visible;
        self.foldable.retain(|_, other| *other != id);
        Some(entry)
    }

    pub fn purge(&mut self) {
        self.messages.clear();
        self.foldable.clear();
        self.has_empty_places = false;
    }

    pub fn send(&mut self, id: MessageId, mut entry: Entry) -> SendOutcome {
        if let Some(mut fold) = entry.fold.take() {
            if let Some(other) = self.foldable.get(&fold.key).copied() {
                let theirs = self.messages.get_mut(&other).unwrap().fold.as_mut().unwrap();
                if fold.order < theirs.order {
                    theirs.superseded.insert(fold.note);
                    return SendOutcome::Superseded;
                }
                fold.superseded = std::mem::take(&mut theirs.superseded);
                fold.superseded.insert(theirs.note.clone());
                // Place and age are those of the one that is replaced.
                entry = self.messages.remove(&other).unwrap();
            }
            self.foldable.insert(fold.key, id);
            entry.fold = Some(fold);
        }
        self.messages.insert(id, entry);
        SendOutcome::Sent
    }

    /// Checks what a receive brought and whom it found dead, and takes note of it.
    pub fn receive(&mut self, max: usize, messages: &[Message], letters: &[DeadMessage]) {
        let now = self.now;
        let died: Vec<_> = letters
            .iter()
            .filter(|letter| !self.dead.contains_key(&letter.id))
            .collect();
        if self.is_all_paused {
            assert!(messages.is_empty() && died.is_empty(), "the queue is paused");
            return;
        }
        for entry in self.messages.values_mut() {
            if matches!(entry.place, Place::InFlight { until } | Place::Delayed { until } if until <= now) {
                entry.place = Place::Visible;
            }
        }
        let before = self.waiting();
        let mut left = before.clone();
        // What was sent back from the dead letters, or only snoozed so far, is handed out once whatever its age.
        let is_spared = |entry: &Entry| entry.receives > 0 && entry.counted == 0;
        let is_old = |entry: &Entry| entry.sent_at + RETENTION < now && !is_spared(entry);
        for letter in &died {
            let entry = self.take(&mut left, letter.id);
            assert!(
                is_old(&entry) || entry.counted == MAX_RECEIVES,
                "a message died before its time"
            );
            let reason = if is_old(&entry) {
                "expired"
            } else {
                "max receive count exceeded"
            };
            assert_eq!(letter.reason, reason);
            self.dead.insert(letter.id, entry);
        }
        let mut last: BTreeMap<Group, (u64, MessageId)> = BTreeMap::new();
        for message in messages {
            let mut entry = self.take(&mut left, message.id);
            assert!(
                !is_old(&entry) && entry.counted < MAX_RECEIVES,
                "a message came that had to die"
            );
            let at = (entry.turn, message.id);
            let previous = last.insert(entry.group, at);
            assert!(
                entry.group.is_none() || previous.is_none_or(|previous| previous < at),
                "a group's order"
            );
            entry.receives += 1;
            entry.counted += 1;
            entry.place = Place::InFlight { until: now + TIMEOUT };
            assert_eq!((message.receive_count, message.sent_at), (entry.counted, entry.sent_at));
            assert_eq!(message.group, entry.group.map(|group| group.to_string()));
            let superseded: BTreeSet<String> = message.superseded.iter().cloned().collect();
            assert_eq!(
                superseded,
                entry
                    .fold
                    .as_ref()
                    .map(|fold| fold.superseded.clone())
                    .unwrap_or_default()
            );
            self.messages.insert(message.id, entry);
        }
        for (group, left) in left.iter().filter(|(group, _)| group.is_some()) {
            assert!(
                before[group].ends_with(left),
                "the first ones of group {group:?} did not come first"
            );
        }
        if messages.is_empty() {
            assert!(left.values().all(Vec::is_empty), "nothing came though {left:?} waits");
        }
        self.assert_fair(max, messages.len(), &before, &left, !died.is_empty());
    }

    /// Every group that waits has its share, and what one does not use goes to the others.
    fn assert_fair(&self, max: usize, brought: usize, before: &Waiting, left: &Waiting, has_died: bool) {
        let used = |group: &Group| before[group].len() - left[group].len();
        // What died and places left empty use up a part of a share; so there is room for every group only if there is
        // for those too.
        let is_exact = !has_died && !self.has_empty_places;
        if is_exact || max >= GROUPS {
            let share = if is_exact { max / before.len().max(1) } else { 1 };
            for (group, ids) in before.iter().filter(|(group, _)| is_exact || group.is_some()) {
                assert!(
                    used(group) >= share.min(ids.len()),
                    "group {group:?} had less than its share"
                );
            }
        }
        if is_exact && !self.fifo {
            let all: usize = before.values().map(Vec::len).sum();
            assert_eq!(brought, max.min(all), "there was room for more");
            if before.len() >= max {
                assert!(
                    before.keys().all(|group| used(group) <= 1),
                    "one had two places, another none"
                );
            }
        }
    }

    fn waiting(&self) -> Waiting {
        let in_flight = self
            .messages
            .values()
            .filter(|entry| matches!(entry.place, Place::InFlight { .. }));
        let blocked: BTreeSet<Group> = in_flight.filter(|_| self.fifo).map(|entry| entry.group).collect();
        let mut waiting: BTreeMap<Group, Vec<(u64, MessageId)>> = BTreeMap::new();
        for (&id, entry) in &self.messages {
            let is_held = self.paused.contains(&entry.group) || blocked.contains(&entry.group);
            if entry.place == Place::Visible && !is_held {
                waiting.entry(entry.group).or_default().push((entry.turn, id));
            }
        }
        let ordered = waiting.into_iter().map(|(group, mut ids)| {
            ids.sort();
            (group, ids.into_iter().map(|(_, id)| id).collect())
        });
        ordered.collect()
    }

    /// Takes out a message that a receive has come across.
    fn take(&mut self, left: &mut Waiting, id: MessageId) -> Entry {
        let entry = self.messages.remove(&id).expect("the message is not there");
        self.foldable.retain(|_, other| *other != id);
        let ids = left.get_mut(&entry.group).expect("the group may not be received from");
        let at = ids.iter().position(|waiting| *waiting == id);
        ids.remove(at.expect("the message is not visible"));
        entry
    }
}
