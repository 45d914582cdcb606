//! User ids in their order.

/// Ids, one after the other in one text.
#[derive(Debug, PartialEq, Default)]
pub struct UserIds {
    text: String,
    ends: Vec<usize>,
}

impl UserIds {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The id at a position that exists.
    pub fn get(&self, position: usize) -> &str {
        let begin = position.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[position]]
    }

    pub fn first(&self) -> Option<&str> {
        (self.len() > 0).then(|| self.get(0))
    }

    pub fn last(&self) -> Option<&str> {
        Some(self.get(self.len().checked_sub(1)?))
    }

    /// Adds one that comes after all others.
    pub fn push(&mut self, user: &str) {
        self.text.push_str(user);
        self.ends.push(self.text.len());
    }

    /// All of them, in no more memory than they need; none are left.
    pub fn take(&mut self) -> Self {
        let taken = Self { text: self.text.as_str().into(), ends: self.ends.as_slice().into() };
        self.text.clear();
        self.ends.clear();
        taken
    }

    /// How many do not come after a user.
    pub fn up_to(&self, user: &str) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle) <= user { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Where a user is.
    pub fn position(&self, user: &str) -> Option<usize> {
        let last = self.up_to(user).checked_sub(1)?;
        (self.get(last) == user).then_some(last)
    }
}
