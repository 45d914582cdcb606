//! Reading and cleaning ratings.
