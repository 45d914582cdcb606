//! What may be recommended, and how a list is put together.

/// Narrows what is recommended. The default narrows nothing.
#[derive(Clone, Copy, Default)]
pub struct Selection<'a> {
    /// Whether an item may be recommended at all, from neighbours or as popular; every item when there is none.
    pub is_allowed: Option<&'a dyn Fn(u32) -> bool>,
    /// Similarities that rest on fewer users count nothing, as if they had not been published.
    pub min_support: u32,
    /// From 0 to 1: how much a list avoids items that are like those before them; see
    /// [`diversify`](super::diversity::diversify). 0 leaves the order by score.
    pub diversity: f32,
}

impl Selection<'_> {
    pub(super) fn allows(&self, item: u32) -> bool {
        self.is_allowed.is_none_or(|is_allowed| is_allowed(item))
    }
}
