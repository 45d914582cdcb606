//! Making up ratings.
