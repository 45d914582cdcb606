//! The best of the pairs that a pass finds, item by item.

/// What a pair is worth to either of its items: bounds for many at a time, and the exact similarity of those that may be
/// among the best. The *own* item is the one whose best are kept; all are named by rank.
pub trait Scores: Sync {
    /// Whether a sum tells only within what a similarity lies: it is off by half a user at most. No similarity is negative
    /// then.
    const INTERVALS: bool = false;

    /// What a bound needs of an item as the own one, and as the other.
    fn factors(&self, rank: usize) -> [f32; 2];

    /// Whether an item's factors differ by side.
    fn is_directed(&self) -> bool;

    /// A numerator and a denominator, neither negative: no pair has a similarity of a magnitude above their quotient, but
    /// for what [`SLACK`] allows. What is no number stands for none.
    fn bound(&self, sum: f32, count: f32, own: f32, other: f32) -> [f32; 2];

    /// The same from below: the pair's similarity is of a magnitude of at least their quotient, but for what [`SLACK`]
    /// allows. Nothing where not so much is known.
    fn least(&self, sum: f32, count: f32, own: f32, other: f32) -> [f32; 2];

    /// Fewer users are no pair; 1 or more.
    fn least_count(&self) -> f32;

    /// The similarity as it is kept; `None` where there is none.
    fn exact(&self, sum: f64, count: u32, own: usize, other: usize) -> Option<f32>;

    /// Whether anybody wants the best of this item.
    fn is_wanted(&self, rank: usize) -> bool;

    /// Leaves of entries with intervals the best, scored.
    fn decide(&self, _own: usize, _entries: &mut Vec<Entry>, _top_k: usize, _item_of: &[u32]) {}

    /// Told when so many intervals of one item overlap that the best are not looked for any more.
    fn give_up(&self) {}
}

/// What rounding may take from a bound: some ten operations in single precision.
const SLACK: f32 = 1.0 / (1 << 18) as f32;

/// Below it a bound might round to nothing.
const SMALL: f32 = 1e-30;

/// As many times the room of a list its entries with intervals may take.
const MOST_OPEN: usize = 8;

/// A pair, in the list of one of its items.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Before it is scored the sum's bits; then a number that is greater for what comes first, or an interval.
    key: u64,
    /// The other item's rank.
    pub other: u32,
    /// Users who rated both.
    pub count: u32,
}

impl Entry {
    pub fn new(sum: f64, other: usize, count: u32) -> Self {
        Self { key: sum.to_bits(), other: other as u32, count }
    }

    /// Within what its similarity lies.
    fn with_interval(self, least: f32, most: f32) -> Self {
        let key = u64::from(most.to_bits()) << 32 | u64::from(least.to_bits());
        Self { key, ..self }
    }

    /// The least and the greatest similarity that it can have.
    pub fn interval(self) -> (f32, f32) {
        (f32::from_bits(self.key as u32), f32::from_bits((self.key >> 32) as u32))
    }

    /// What sorts the best first, once scored.
    pub fn order(self) -> u64 {
        !self.key
    }

    /// Greater magnitude first, then the smaller item number. The sign is kept, below all.
    pub fn scored(self, score: f32, item: u32) -> Self {
        let magnitude = u64::from(score.abs().to_bits()) << 33;
        let key = magnitude | u64::from(!item) << 1 | u64::from(score < 0.0);
        Self { key, ..self }
    }

    /// The similarity, once scored.
    pub fn score(self) -> f32 {
        let magnitude = f32::from_bits((self.key >> 33) as u32);
        if self.key & 1 == 1 { -magnitude } else { magnitude }
    }

    /// The other item's number, once scored.
    pub fn item(self) -> u32 {
        !((self.key >> 1) as u32)
    }
}

/// How the best are kept.
pub struct Keep<'a, S> {
    /// How many an item keeps.
    pub top_k: usize,
    /// The item of each rank: ties go by it.
    pub item_of: &'a [u32],
    /// What decides.
    pub scores: &'a S,
}

// Derived, they would ask the same of the scores.
impl<S> Clone for Keep<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Keep<'_, S> {}

/// The best of one item: what was found since it was last cut to the best K is scored only then.
#[derive(Debug, Default)]
pub struct List {
    entries: Vec<Entry>,
    /// How many of them are scored: the first ones.
    scored: usize,
    /// A pair with a smaller bound is none of the best.
    pub threshold: f32,
}

/// How many entries a list has room for before it is cut.
pub const fn room(top_k: usize) -> usize {
    let half = top_k / 2;
    top_k.saturating_add(if half > 64 { half } else { 64 })
}

impl List {
    /// Of an item that nobody asks for: no number is as great, so that nothing is ever offered.
    pub const UNWANTED: f32 = f32::NAN;

    /// Empty, with the threshold of another list of the same item.
    pub fn new(threshold: f32) -> Self {
        Self { entries: Vec::new(), scored: 0, threshold }
    }

    /// Forgets everything but its memory.
    pub fn reset(&mut self, threshold: f32) {
        self.entries.clear();
        self.scored = 0;
        self.threshold = threshold;
    }

    /// Whether nothing is known of the item's pairs by now, though they are wanted.
    pub fn is_new(&self) -> bool {
        self.entries.is_empty() && self.threshold == 0.0
    }

    /// Told that as many pairs as are kept have at least this similarity, but for what [`SLACK`] allows.
    pub fn expect(&mut self, least: f32) {
        if least > SMALL {
            self.threshold = self.threshold.max(least * (1.0 - SLACK));
        }
    }

    /// Takes in a pair.
    #[inline(always)]
    pub fn offer<S: Scores>(&mut self, own: usize, entry: Entry, keep: Keep<'_, S>) {
        if self.entries.len() == self.entries.capacity() {
            self.make_room(own, keep);
        }
        self.entries.push(entry);
    }

    #[inline(never)]
    fn make_room<S: Scores>(&mut self, own: usize, keep: Keep<'_, S>) {
        let (length, room) = (self.entries.len(), room(keep.top_k));
        if length < room {
            self.entries.reserve_exact(length.max(16).min(room - length));
            return;
        }
        self.cut(own, keep);
        if self.entries.len() > room.saturating_mul(MOST_OPEN) {
            keep.scores.give_up();
            self.entries.truncate(keep.top_k);
            self.scored = self.entries.len();
        }
    }

    /// Scores all, and keeps the best.
    #[inline(never)]
    fn cut<S: Scores>(&mut self, own: usize, keep: Keep<'_, S>) {
        self.score(own, keep);
        let (entries, top_k) = (&mut self.entries, keep.top_k);
        if entries.len() < top_k || top_k == 0 {
            return;
        }
        let least = if S::INTERVALS {
            // At least so many are as similar as this.
            let mut least: Vec<f32> = entries.iter().map(|entry| entry.interval().0).collect();
            let (_, bar, _) = least.select_nth_unstable_by(top_k - 1, |a, b| b.total_cmp(a));
            let bar = *bar;
            entries.retain(|entry| entry.interval().1 >= bar);
            bar
        } else {
            if entries.len() > top_k {
                entries.select_nth_unstable_by_key(top_k - 1, |entry| entry.order());
                entries.truncate(top_k);
            }
            let least = entries.iter().map(|entry| entry.key).min().unwrap_or(0);
            f32::from_bits((least >> 33) as u32)
        };
        self.scored = entries.len();
        self.expect(least);
    }

    #[inline(always)]
    fn score<S: Scores>(&mut self, own: usize, keep: Keep<'_, S>) {
        let mut end = self.scored;
        for at in self.scored..self.entries.len() {
            let entry = self.entries[at];
            let (sum, other) = (f64::from_bits(entry.key), entry.other as usize);
            let score = |sum| keep.scores.exact(sum, entry.count, own, other);
            let scored = if S::INTERVALS {
                let half = f64::from(entry.count) / 2.0;
                score(sum + half).map(|most| {
                    entry.with_interval(score((sum - half).max(0.0)).unwrap_or(0.0), most)
                })
            } else {
                score(sum).map(|score| entry.scored(score, keep.item_of[other]))
            };
            if let Some(scored) = scored {
                self.entries[end] = scored;
                end += 1;
            }
        }
        self.entries.truncate(end);
        self.scored = end;
    }

    /// Takes in what another list of the same item found.
    pub fn join<S: Scores>(&mut self, own: usize, more: &mut Self, keep: Keep<'_, S>) {
        if more.entries.is_empty() {
            return;
        }
        self.score(own, keep);
        more.score(own, keep);
        self.entries.extend_from_slice(&more.entries);
        self.scored = self.entries.len();
        if self.entries.len() > keep.top_k {
            self.cut(own, keep);
        }
    }

    /// The best; best first, but where they had intervals.
    pub fn finish<S: Scores>(mut self, own: usize, keep: Keep<'_, S>) -> Vec<Entry> {
        self.cut(own, keep);
        if S::INTERVALS {
            keep.scores.decide(own, &mut self.entries, keep.top_k, keep.item_of);
        } else {
            self.entries.sort_unstable_by_key(|entry| entry.order());
        }
        self.entries.shrink_to_fit();
        self.entries
    }
}
