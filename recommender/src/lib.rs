//! The pure heart of Akin: what a profile is, how similar two items are, and what to recommend.
//!
//! Items and users are dense numbers here (`u32`), in the bytewise order of their identifiers, so that a tie broken by
//! number is a tie broken by identifier. This crate must not know files, networks, clocks, Arrow, async, or any other
//! crate of this workspace.

#[cfg(feature = "models")]
mod chance;
#[cfg(feature = "models")]
pub mod evaluation;
pub mod profile;
#[cfg(feature = "models")]
pub mod rating_weight;
#[cfg(feature = "models")]
pub mod scoring;
#[cfg(feature = "models")]
pub mod similarity;
