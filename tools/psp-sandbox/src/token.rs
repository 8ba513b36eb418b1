//! Test tokens, the means of payment a shop can try: each stands for one thing that goes right or wrong.

use serde::{Deserialize, Serialize};

/// A known token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Token {
    /// Authorised at once.
    #[serde(rename = "tok_ok")]
    Ok,
    /// Refused, without a reason.
    #[serde(rename = "tok_declined")]
    Declined,
    /// Refused: not enough money.
    #[serde(rename = "tok_insufficient_funds")]
    InsufficientFunds,
    /// The buyer approves or denies on a page of the sandbox.
    #[serde(rename = "tok_requires_action")]
    RequiresAction,
    /// Charged, and then no answer ever comes.
    #[serde(rename = "tok_timeout_after_charge")]
    TimeoutAfterCharge,
    /// Answered, and charged, after some seconds.
    #[serde(rename = "tok_slow")]
    Slow,
    /// The provider is down: 503, and nothing happened.
    #[serde(rename = "tok_down")]
    Down,
}

/// What becomes of an authorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Money is held.
    Authorised,
    /// Refused, with this code.
    Declined(&'static str),
    /// The buyer decides.
    RequiresAction,
}

impl Token {
    /// All of them, for messages.
    pub const ALL: [(&'static str, Token); 7] = [
        ("tok_ok", Token::Ok),
        ("tok_declined", Token::Declined),
        ("tok_insufficient_funds", Token::InsufficientFunds),
        ("tok_requires_action", Token::RequiresAction),
        ("tok_timeout_after_charge", Token::TimeoutAfterCharge),
        ("tok_slow", Token::Slow),
        ("tok_down", Token::Down),
    ];

    /// The token with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, token)| *token)
    }

    /// What it leads to once it is booked.
    pub fn outcome(self) -> Outcome {
        match self {
            Token::Ok | Token::TimeoutAfterCharge | Token::Slow | Token::Down => Outcome::Authorised,
            Token::Declined => Outcome::Declined("declined"),
            Token::InsufficientFunds => Outcome::Declined("insufficient_funds"),
            Token::RequiresAction => Outcome::RequiresAction,
        }
    }
}
