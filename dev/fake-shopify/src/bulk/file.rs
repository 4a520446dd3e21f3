//! A finished result file: the rendered batches as they are, and the order their lines are read in.
//!
//! Without `groupObjects` Shopify promises no order, so lines are mixed across the whole file: children come before
//! their parents as often as after. Roots keep their order among themselves, as recorded. The text is never copied for
//! that; a reader of some range gathers the lines it needs. Peak memory is the file plus twenty bytes a line.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::lines::{Lines, Mark};
use crate::catalogue::Mix;

/// How much one piece of a download gathers.
const PIECE: u64 = 256 * 1024;

/// A result file.
#[derive(Debug, Default)]
pub struct ResultFile {
    batches: Vec<Bytes>,
    order: Vec<(u32, Mark)>,
    /// Where each line ends in the file.
    ends: Vec<u64>,
    /// The entity tag, quotes included.
    pub etag: String,
}

impl ResultFile {
    /// A file of these batches. `mixed` is the seed of the order, none to leave it; `missing` lines are left out at
    /// the end.
    pub fn new(batches: Vec<Lines>, mixed: Option<u64>, missing: usize, final_newline: bool) -> Self {
        let mut file = Self::default();
        for (batch, lines) in batches.into_iter().enumerate() {
            let batch = u32::try_from(batch).expect("there are few batches");
            file.order.extend(lines.marks.into_iter().map(|mark| (batch, mark)));
            file.batches.push(lines.bytes.into());
        }
        if let Some(seed) = mixed {
            file.mix(seed);
        }
        file.order.truncate(file.order.len().saturating_sub(missing));
        if let Some((_, last)) = file.order.last_mut().filter(|_| !final_newline) {
            last.len -= 1;
        }
        let mut end = 0;
        file.ends = file
            .order
            .iter()
            .map(|(_, mark)| {
                end += u64::from(mark.len);
                end
            })
            .collect();
        file.etag = format!(
            "\"{:016x}\"",
            Mix::new(end ^ mixed.unwrap_or(0) ^ file.ends.len() as u64).next()
        );
        file
    }

    fn mix(&mut self, seed: u64) {
        let roots: Vec<(u32, Mark)> = self.order.iter().filter(|(_, mark)| mark.root).copied().collect();
        Mix::new(seed).shuffle(&mut self.order);
        let mut next = roots.into_iter();
        for slot in self.order.iter_mut().filter(|(_, mark)| mark.root) {
            *slot = next.next().expect("there are as many roots as places for them");
        }
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// One piece beginning at `from` and not going beyond `to`; empty when there is no more.
    pub fn piece(&self, range: Range<u64>) -> Bytes {
        let to = range.end.min(self.size()).min(range.start + PIECE);
        let mut from = range.start;
        if from >= to {
            return Bytes::new();
        }
        let mut line = self.ends.partition_point(|end| *end <= from);
        let mut piece = BytesMut::with_capacity((to - from) as usize);
        while from < to {
            let (batch, mark) = self.order[line];
            let line_start = self.ends[line] - u64::from(mark.len);
            let skip = (from - line_start) as usize;
            let take = (mark.len as usize - skip).min((to - from) as usize);
            let start = mark.start as usize + skip;
            piece.extend_from_slice(&self.batches[batch as usize][start..start + take]);
            from += take as u64;
            line += 1;
        }
        piece.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(from: usize, number: usize) -> Lines {
        let mut lines = Lines::default();
        for at in from..from + number {
            let start = lines.bytes.len();
            lines.bytes.extend_from_slice(format!("{{\"line\":{at}}}\n").as_bytes());
            lines.mark(start, at % 3 == 0);
        }
        lines
    }

    fn whole(file: &ResultFile) -> Vec<u8> {
        file.piece(0..u64::MAX).to_vec()
    }

    #[test]
    fn any_range_is_a_slice_of_the_whole() {
        let file = ResultFile::new(vec![lines(0, 40), lines(40, 25)], Some(9), 0, true);
        let all = whole(&file);
        assert_eq!(all.len() as u64, file.size());
        for from in 0..all.len() {
            let to = (from + 17).min(all.len());
            assert_eq!(file.piece(from as u64..to as u64), all[from..to], "{from}");
        }
    }

    #[test]
    fn mixing_keeps_every_line_and_the_order_of_roots() {
        let plain = whole(&ResultFile::new(vec![lines(0, 90)], None, 0, true));
        let mixed = whole(&ResultFile::new(vec![lines(0, 90)], Some(4), 0, true));
        assert_ne!(plain, mixed);
        let split = |bytes: &[u8]| -> Vec<usize> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.lines()
                .map(|line| line[8..line.len() - 1].parse().unwrap())
                .collect()
        };
        let (mut sorted, order) = (split(&mixed), split(&mixed));
        sorted.sort_unstable();
        assert_eq!(sorted, split(&plain));
        assert!(order.iter().filter(|line| *line % 3 == 0).is_sorted());
        assert_eq!(mixed, whole(&ResultFile::new(vec![lines(0, 90)], Some(4), 0, true)));
    }

    #[test]
    fn a_file_can_lack_lines_and_its_last_newline() {
        let file = ResultFile::new(vec![lines(0, 5)], None, 2, false);
        assert_eq!(whole(&file), b"{\"line\":0}\n{\"line\":1}\n{\"line\":2}");
    }
}
