//! What to look at, and how much there is.

use crate::counting::thousands;
use crate::report::html::{Html, escape};
use crate::report::view::View;

/// What a person should look at, before all else.
pub fn warnings(html: &mut Html, warnings: &[String]) {
    if warnings.is_empty() {
        html.put(format_args!(
            "<section class=\"look calm\"><p>Nothing stands out: no warning of this version.</p></section>\n"
        ));
        return;
    }
    html.put(format_args!("<section class=\"look\"><h2>Look at this first</h2>\n<ul>\n"));
    for warning in warnings {
        html.put(format_args!("<li>{}</li>\n", escape(warning)));
    }
    html.put(format_args!("</ul></section>\n"));
}

/// How much there is of everything, and how much more or less than before.
pub fn tiles(html: &mut Html, view: &View) {
    let counts = view.manifest.counts;
    let then = view.before().map(|before| before.counts);
    html.put(format_args!("<div class=\"tiles\">\n"));
    for (name, now, then) in [
        ("ratings", counts.ratings, then.map(|then| then.ratings)),
        ("users", counts.users, then.map(|then| then.users)),
        ("items", counts.items, then.map(|then| then.items)),
        ("titles", view.tables.titled(), view.titled_before),
        ("pairs of neighbours", counts.pairs, then.map(|then| then.pairs)),
    ] {
        let change = match then.map(|then| (now.checked_sub(then), then)) {
            None if view.before().is_none() => String::new(),
            None => "before: unknown".to_owned(),
            Some((Some(0), _)) => "as before".to_owned(),
            Some((Some(more), _)) => format!("+{} since before", thousands(more)),
            Some((None, then)) => format!("\u{2212}{} since before", thousands(then - now)),
        };
        html.put(format_args!(
            "<div><span>{name}</span><b>{}</b><span>{change}</span></div>\n",
            thousands(now)
        ));
    }
    html.put(format_args!("</div>\n"));
}
