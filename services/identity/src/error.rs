//! Errors of identity, and the problems that callers see. A wrong password and a wrong address get the same answer.

use std::time::Duration;

use souk_db::DbError;
use souk_identity_api::MAX_ADDRESSES;
use souk_kernel::{FieldError, Kind, Problem};

/// Everything that can go wrong here.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The address has an account.
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    /// No such account, or another password.
    #[error("e-mail address or password are wrong")]
    WrongCredentials,
    /// The account rests.
    #[error("too many tries, please wait")]
    TooManyTries(Duration),
    /// The session is idle too long, too old, ended, or never was.
    #[error("the session has ended, please sign in")]
    SessionEnded,
    /// A refresh token that is spent, too old, or never was; clients are not told which.
    #[error("the refresh token is not valid, please sign in")]
    RefreshInvalid,
    /// The password given to prove oneself is another one.
    #[error("this is not your password")]
    WrongPassword,
    /// The password was changed by another request meanwhile.
    #[error("the password was changed meanwhile")]
    ChangedMeanwhile,
    /// A link that is used, too old, or was never sent; which of these is not told.
    #[error("this link was used or is too old, please ask for a new one")]
    LinkInvalid,
    /// None of this customer's.
    #[error("no such address")]
    NoSuchAddress,
    /// Enough.
    #[error("at most {MAX_ADDRESSES} addresses can be stored")]
    TooManyAddresses,
    /// More logins at once than this machine hashes in a few seconds.
    #[error("too many logins at once")]
    Overloaded,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Anything else that crossed a boundary as a problem already.
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Problem {
        let said = error.to_string();
        match error {
            IdentityError::EmailTaken => {
                let mut problem = Problem::conflict("email_taken", said.clone());
                problem.fields.push(FieldError { pointer: "/email".into(), detail: said });
                problem
            }
            IdentityError::WrongCredentials => Problem::new(Kind::Unauthenticated, "wrong_credentials", said),
            IdentityError::TooManyTries(wait) => {
                Problem::new(Kind::RateLimited, "too_many_tries", said).with_retry_after(wait)
            }
            IdentityError::SessionEnded => Problem::new(Kind::Unauthenticated, "session_ended", said),
            IdentityError::RefreshInvalid => Problem::new(Kind::Unauthenticated, "refresh_token_invalid", said),
            IdentityError::WrongPassword => {
                let fields = vec![FieldError { pointer: "/current_password".into(), detail: said.clone() }];
                Problem::invalid_fields("wrong_password", said, fields)
            }
            IdentityError::ChangedMeanwhile => Problem::conflict("password_changed", said),
            IdentityError::LinkInvalid => Problem::new(Kind::NotFound, "link_invalid", said),
            IdentityError::NoSuchAddress => Problem::not_found("address"),
            IdentityError::TooManyAddresses => Problem::conflict("too_many_addresses", said),
            IdentityError::Overloaded => {
                Problem::unavailable("overloaded", said).with_retry_after(Duration::from_secs(1))
            }
            IdentityError::Db(error) => error.into(),
            IdentityError::Problem(problem) => problem,
        }
    }
}
