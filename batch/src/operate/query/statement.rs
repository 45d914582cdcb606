//! Which statements are answered: those that only read.

use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};

use crate::failure::Failure;

/// Refuses what is no statement, more than one, or one that would write. Nothing that polars' SQL does reaches a store;
/// but who asks to delete should not be told that it was done.
///
/// # Errors
/// The statement is wrong.
pub fn check_that_it_reads(sql: &str) -> Result<(), Failure> {
    // As polars reads it.
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    let parser = Parser::new(&GenericDialect).with_options(options).try_with_sql(sql);
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let statements = statements.map_err(|error| {
        let problem = error.to_string().trim_start_matches("sql parser error: ").to_owned();
        Failure::Usage(format!("the query is no SQL: {problem}"))
    })?;
    match statements.as_slice() {
        [statement] if reads(statement) => Ok(()),
        [statement] => {
            let text = statement.to_string();
            let kind = text.split_whitespace().next().unwrap_or_default();
            Err(Failure::Usage(format!(
                "{kind} is refused, because a query only reads: ask with SELECT, WITH, VALUES, SHOW TABLES or EXPLAIN"
            )))
        }
        several => Err(Failure::Usage(format!(
            "a query is one statement, and these are {}: ask one at a time",
            several.len()
        ))),
    }
}

fn reads(statement: &Statement) -> bool {
    match statement {
        Statement::Query(query) => body_reads(&query.body),
        Statement::Explain { statement, .. } => reads(statement),
        Statement::ShowTables { .. } => true,
        _ => false,
    }
}

fn body_reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(query) => body_reads(&query.body),
        SetExpr::SetOperation { left, right, .. } => body_reads(left) && body_reads(right),
        SetExpr::Values(_) | SetExpr::Table(_) => true,
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> String {
        match check_that_it_reads(sql) {
            Ok(()) => panic!("{sql}"),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn what_reads_is_answered() {
        for sql in [
            "SELECT 1",
            "select title from items where title = 'DROP TABLE items';",
            "-- a note\nWITH best AS (SELECT * FROM items) SELECT * FROM best",
            "(SELECT 1) UNION ALL (SELECT 2)",
            "VALUES (1, 'a')",
            "SHOW TABLES",
            "EXPLAIN SELECT 1",
        ] {
            assert!(check_that_it_reads(sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn what_writes_is_refused_by_its_name() {
        for (sql, kind) in [
            ("INSERT INTO items VALUES (1)", "INSERT"),
            ("CREATE TABLE a AS SELECT * FROM items", "CREATE"),
            ("CREATE VIEW a AS SELECT * FROM items", "CREATE"),
            ("drop table items", "DROP"),
            ("DELETE FROM items", "DELETE"),
            ("UPDATE items SET title = 'a'", "UPDATE"),
            ("TRUNCATE TABLE items", "TRUNCATE"),
            ("ALTER TABLE items DROP COLUMN title", "ALTER"),
            ("COPY items TO 'a.csv'", "COPY"),
            ("SELECT * INTO a FROM items", "SELECT"),
            ("WITH a AS (SELECT 1) DELETE FROM items", "WITH"),
            ("EXPLAIN DELETE FROM items", "EXPLAIN"),
        ] {
            assert!(refused(sql).starts_with(&format!("{kind} is refused")), "{sql}");
        }
    }

    #[test]
    fn what_is_no_statement_is_said_with_its_place() {
        let said = refused("SELECT title FROM items WHERE");
        assert!(
            said.starts_with("the query is no SQL: Expected: an expression, found: EOF"),
            "{said}"
        );
        let said = refused("SELECT title\nFORM items");
        assert!(said.contains("Line: 2"), "{said}");
        assert!(refused("SELECT 1; SELECT 2").contains("these are 2"));
        assert!(refused(" -- nothing\n").contains("these are 0"));
    }
}
