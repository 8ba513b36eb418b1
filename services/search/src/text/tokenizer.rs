//! The analysis as Tantivy takes it.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::{Analyzer, Term};

impl Tokenizer for Analyzer {
    type TokenStream<'a> = Terms;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms {
        Terms { terms: self.terms(text).into_iter(), token: Token::default() }
    }
}

/// Terms as the index writer takes them.
pub struct Terms {
    terms: std::vec::IntoIter<Term>,
    token: Token,
}

impl TokenStream for Terms {
    fn advance(&mut self) -> bool {
        let Some(term) = self.terms.next() else { return false };
        self.token = Token { position: term.position, text: term.text, ..Token::default() };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
