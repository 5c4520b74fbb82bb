//! Tables on one page, as text and as HTML. What stands in them is hostile text.

use std::io::{self, Write};

use serde::Serialize;

use crate::output::printable;
use crate::paint::{BOLD, DIM, painted};

/// A page. As JSON: `title`, and `sections` with `title`, `head`, `rows`, `note`.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) sections: Vec<Section>,
}

/// A table under a title, with a sentence where there is something to say.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) note: Option<String>,
}

/// What makes it readable, on paper as well. Nothing is loaded, and nothing runs.
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\
     h1{font-size:1.4rem}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}table{border-collapse:collapse;width:100%}\
     th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}\
     th{color:#555;font-weight:600}p{color:#555;margin:.3rem 0}\
     @media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}th,p{color:#a5a5a5}th,td{border-color:#333}}";

impl Page {
    pub(crate) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", painted(BOLD, &self.title))?;
        for Section { title, head, rows, note } in &self.sections {
            writeln!(out, "\n{}", painted(BOLD, title))?;
            let rows: Vec<Vec<String>> =
                rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
            let width = |column: usize| {
                let cells = rows.iter().filter_map(|row| row.get(column));
                let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
                longest.max(head.get(column).map_or(0, |name| name.len()))
            };
            let widths: Vec<usize> = (0..head.len()).map(width).collect();
            let line = |cells: &mut dyn Iterator<Item = &str>| {
                let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
                format!("  {}", padded.collect::<Vec<_>>().join("  ").trim_end())
            };
            if !rows.is_empty() {
                writeln!(out, "{}", painted(DIM, line(&mut head.iter().copied())))?;
            }
            for row in &rows {
                writeln!(out, "{}", line(&mut row.iter().map(String::as_str)))?;
            }
            if let Some(note) = note {
                writeln!(out, "  {}", painted(DIM, note))?;
            }
        }
        Ok(())
    }

    pub(crate) fn html(&self, out: &mut dyn Write) -> io::Result<()> {
        let title = escaped(&self.title);
        writeln!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>"
        )?;
        for Section { title, head, rows, note } in &self.sections {
            writeln!(out, "<h2>{}</h2>", escaped(title))?;
            if !rows.is_empty() {
                let cells = head.iter().map(|name| format!("<th>{}", escaped(name)));
                writeln!(out, "<table>\n<tr>{}", cells.collect::<String>())?;
                for row in rows {
                    let cells = row.iter().map(|cell| format!("<td>{}", escaped(cell)));
                    writeln!(out, "<tr>{}", cells.collect::<String>())?;
                }
                writeln!(out, "</table>")?;
            }
            if let Some(note) = note {
                writeln!(out, "<p>{}</p>", escaped(note))?;
            }
        }
        writeln!(out, "</html>")
    }
}

/// A text that is nothing but text in HTML, and turns no line around.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for sign in printable(text).chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Page, Section};

    #[test]
    fn what_stands_in_a_log_is_nothing_but_text_on_a_page() {
        let hostile = "<script>\"'&\u{1b}[2J\u{202e}\n</td>".to_owned();
        let section = Section {
            title: "A",
            head: vec!["b"],
            rows: vec![vec![hostile.clone()]],
            note: Some(hostile),
        };
        let page = Page { title: "t".to_owned(), sections: vec![section] };
        let (mut html, mut text) = (Vec::new(), Vec::new());
        page.html(&mut html).unwrap();
        page.text(&mut text).unwrap();
        let (html, text) = (String::from_utf8(html).unwrap(), String::from_utf8(text).unwrap());
        let safe = "&lt;script&gt;&quot;&#39;&amp;\\u{1b}[2J\\u{202e}\\u{a}&lt;/td&gt;";
        assert_eq!(html.matches(safe).count(), 2, "{html}");
        assert!(!html.contains("<script"));
        assert!(!text.contains("\u{1b}[2J") && !text.contains('\u{202e}'), "{text}");
    }
}
