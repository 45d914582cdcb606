//! The plan for people.

use std::fmt;

use akin_schemas::printable;

use super::{First, Plan};
use crate::counting::{counted, thousands};
use crate::operate::table::{Align, Table};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |ratings, is_counted| {
            format!("{}{}", if is_counted { "" } else { "about " }, thousands(ratings))
        };
        let about = if self.ratings_are_counted { "" } else { "about " };
        writeln!(
            f,
            "would read {about}{} from {}\n",
            counted(self.ratings, "rating"),
            counted(self.files.len(), "file")
        )?;
        let mut table = Table::new(&[
            ("file", Align::Left),
            ("recognised as", Align::Left),
            ("size", Align::Right),
            ("ratings", Align::Right),
            ("user", Align::Left),
            ("item", Align::Left),
            ("rating", Align::Left),
            ("timestamp", Align::Left),
        ]);
        for file in &self.files {
            table.row([
                file.path.clone(),
                file.recognised_as.clone(),
                size(file.bytes),
                count(file.ratings, file.ratings_are_counted),
                file.user_column.clone(),
                file.item_column.clone(),
                file.rating_column.clone(),
                file.timestamp_column.clone(),
            ]);
        }
        writeln!(f, "{table}\n")?;
        self.first_records(f)?;
        let all = if self.is_complete { "all" } else { "the first" };
        writeln!(
            f,
            "in {all} {}: {} and {}; {} would be rejected",
            counted(self.sampled, "record"),
            counted(self.users_at_least, "user"),
            counted(self.items_at_least, "item"),
            thousands(self.rejected_of_sampled)
        )?;
        if self.kept > 0 {
            writeln!(f, "of the current version at most {} stay", counted(self.kept, "rating"))?;
        }
        if let Some(items) = self.catalogue_items {
            writeln!(f, "the catalogue holds {}", counted(items, "item"))?;
        }
        writeln!(
            f,
            "a rating is more than {} and at most {}\n",
            self.rating_above, self.rating_at_most
        )?;
        let mut table = Table::new(&[("memory for", Align::Left), ("about", Align::Right)]);
        for stage in &self.memory {
            table.row([stage.stage.to_owned(), size(stage.bytes)]);
        }
        table.row(["allowed".to_owned(), size(self.memory_allowed)]);
        write!(f, "{table}\n\n{}", if self.fits { "it fits" } else { "it does not fit" })
    }
}

impl Plan {
    fn first_records(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More files are not shown record by record.
        const FILES: usize = 3;
        for file in self.files.iter().take(FILES) {
            writeln!(f, "first records of {}", printable(&file.path))?;
            let mut table = Table::new(&[
                ("  user", Align::Left),
                ("item", Align::Left),
                ("rating", Align::Right),
                ("rated at", Align::Left),
            ]);
            let mut rejected = Vec::new();
            for record in &file.first {
                match record {
                    First::Accepted { user, item, rating, rated_at } => {
                        let user = format!("  {user}");
                        table.row([user, item.clone(), rating.to_string(), rated_at.clone()]);
                    }
                    First::Rejected { line, rejected: reason, text } => {
                        rejected.push(format!("  {line}: rejected, {reason}: {text:?}"));
                    }
                }
            }
            writeln!(f, "{table}")?;
            for line in rejected {
                writeln!(f, "{line}")?;
            }
            if !file.rejected_of_sampled.is_empty() {
                let reasons = file.rejected_of_sampled.join(", ");
                writeln!(f, "  rejected among the first {}: {reasons}", thousands(file.sampled))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Bytes in the unit that leaves the fewest digits.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", thousands(bytes >> 20)),
    }
}
