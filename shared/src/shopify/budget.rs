//! The points of a store's bucket, as the client sees them: taken before a call, settled after it.
//!
//! All calls of all functions to a store are paid from one bucket at Shopify, so whoever keeps its budget must be shared
//! by all of them. This module must not know how: it holds the contract only.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::ShopDomain;

/// Who goes first when points are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// Somebody waits for it: a webhook's fetch, an admin's call.
    #[default]
    Foreground,
    /// It has time: imports, lists. It leaves a part of the bucket to the foreground.
    Background,
}

/// A call that wants to go.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The name of its document. Documents of the background take turns, however much each of them costs.
    pub document: &'a str,
    /// How many points it needs.
    pub points: f64,
    /// Whether it goes first.
    pub priority: Priority,
}

/// Points that are held for one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reservation {
    /// Names the call.
    pub id: Uuid,
    /// How many.
    pub points: f64,
}

/// The answer to a request for points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taken {
    /// They are held for the call. Whoever gets this settles it.
    Reserved(Reservation),
    /// There are too few. Ask again after this long; there may be enough then.
    Wait(Duration),
    /// Nobody can say at the moment. The call goes on, and Shopify refuses it if it must.
    Unknown,
}

/// What Shopify tells of a store's bucket beside an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// How many points it holds when it is full.
    pub maximum: f64,
    /// How many are restored in a second.
    pub restore_rate: f64,
    /// How many were left when the call was done.
    pub available: f64,
    /// How many the call spent.
    pub spent: f64,
}

/// What became of the points of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Shopify told.
    Told(Told),
    /// The call was refused before it could cost anything, and nothing was told.
    NotRun,
    /// Nobody knows: the answer was lost, or says nothing.
    Unknown,
}

/// Keeps the budget of every store. It never fails: what it cannot say, it says so.
pub trait Budget: fmt::Debug + Send + Sync {
    /// Asks for the points of one call.
    fn take<'a>(&'a self, shop: &'a ShopDomain, call: Call<'a>) -> BoxFuture<'a, Taken>;

    /// Ends a call.
    fn settle<'a>(&'a self, shop: &'a ShopDomain, reservation: Reservation, outcome: Outcome) -> BoxFuture<'a, ()>;
}
