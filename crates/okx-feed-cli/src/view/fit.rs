//! Texts that are shown whole or not at all.

use ratatui::text::Span;

/// The mark for the left-out middle of a name.
const ELLIPSIS: char = '…';

/// The fewest columns in which a shortened name still says something.
const MIN_NAME: u16 = 7;

/// The columns that a text takes on a terminal.
pub(super) fn columns_of(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// A name, without its middle if there are too few columns; `None` if even that is too short. The
/// end is kept, since instruments of one family differ there. Never for numbers.
pub(super) fn shortened(name: &str, columns: u16) -> Option<String> {
    if columns_of(name) <= columns {
        return Some(name.to_owned());
    }
    if columns < MIN_NAME {
        return None;
    }
    let (mut head, mut tail) = (String::new(), String::new());
    let (mut left, mut right) = (name.chars(), name.chars().rev());
    let fits = |head: &str, tail: &str| columns_of(head) + columns_of(tail) < columns;
    while let (Some(first), Some(last)) = (left.next(), right.next()) {
        head.push(first);
        if !fits(&head, &tail) {
            head.pop();
            break;
        }
        tail.insert(0, last);
        if !fits(&head, &tail) {
            tail.remove(0);
            break;
        }
    }
    Some(format!("{head}{ELLIPSIS}{tail}"))
}

/// Which texts of these widths fit beside each other, the most important first. Nothing is taken
/// after the first that does not fit, so that a wider window never shows less.
pub(super) fn fitting(widths: &[u16], room: u16, spacing: u16) -> usize {
    let mut taken = 0u16;
    let fits = |width: &&u16| {
        let gap = if taken == 0 { 0 } else { spacing };
        taken = taken.saturating_add(gap).saturating_add(**width);
        taken <= room
    };
    widths.iter().take_while(fits).count()
}

/// A text in lines of at most so many columns, broken between words.
pub(super) fn wrapped(text: &str, columns: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shortened(word, columns).unwrap_or_else(|| ELLIPSIS.to_string());
        match lines.last_mut() {
            Some(line) if columns_of(line) + 1 + columns_of(&word) <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_whole_or_keeps_both_ends_or_is_not_there() {
        let name = "books5:BTC-USD-190517";
        assert_eq!(shortened(name, 21).as_deref(), Some(name));
        assert_eq!(shortened(name, 20).as_deref(), Some("books5:BTC…SD-190517"));
        assert_eq!(shortened(name, 7).as_deref(), Some("boo…517"));
        assert_eq!(shortened(name, 6), None);
        for columns in 7..30 {
            assert!(
                columns_of(&shortened("币安人生:BTC-币安人生-USDT", columns).unwrap()) <= columns
            );
        }
    }

    #[test]
    fn less_important_texts_are_left_out_first() {
        let widths = [5, 10, 3];
        let shown = |room| fitting(&widths, room, 2);
        assert_eq!(
            [shown(4), shown(5), shown(16), shown(17), shown(21), shown(22)],
            [0, 1, 1, 2, 2, 3]
        );
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(
            wrapped("no connection to ws://127.0.0.1:8443/ws", 14),
            ["no connection", "to", "ws://12…443/ws"]
        );
        assert_eq!(wrapped("abcdefghij", 3), ["…"]);
    }
}
