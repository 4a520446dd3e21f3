//! Cuts a stream of bytes into lines, with the place of each in the file.

/// A line longer than this is not a line of a bulk result; it would only fill the memory.
const LONGEST: usize = 16 << 20;

/// Collects bytes and gives out whole lines. Holds no more than one line beyond what was pushed last.
#[derive(Debug)]
pub struct LineSplitter {
    buffer: Vec<u8>,
    /// Where the next line starts in the buffer.
    start: usize,
    /// Up to here the buffer is known to hold no newline.
    searched: usize,
    /// Where `start` lies in the file.
    offset: u64,
}

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where its first byte lies in the file.
    pub offset: u64,
    /// Where the next line starts in the file.
    pub end: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A line is longer than any line of a bulk result.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a line is longer than {LONGEST} bytes")]
pub struct TooLong;

impl LineSplitter {
    /// Starts at the byte `offset` of the file, which must be the first of a line.
    pub fn new(offset: u64) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            offset,
        }
    }

    /// Where the next line starts in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Adds the bytes that follow.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.len() > LONGEST {
            return Err(TooLong);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole line, if its newline has been pushed.
    pub fn next_line(&mut self) -> Option<Line<'_>> {
        match memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            None => {
                self.searched = self.buffer.len();
                None
            }
            Some(found) => Some(self.take(self.searched + found, 1)),
        }
    }

    /// The last line of the file, if it lacks its newline.
    pub fn rest(&mut self) -> Option<Line<'_>> {
        if self.start == self.buffer.len() {
            None
        } else {
            Some(self.take(self.buffer.len(), 0))
        }
    }

    fn take(&mut self, line_end: usize, newline: usize) -> Line<'_> {
        let line_start = self.start;
        let offset = self.offset;
        self.start = line_end + newline;
        self.searched = self.start;
        self.offset += (self.start - line_start) as u64;
        Line {
            offset,
            end: self.offset,
            bytes: &self.buffer[line_start..line_end],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &[u8], step: usize) -> Vec<(u64, Vec<u8>)> {
        let mut splitter = LineSplitter::new(0);
        let mut lines = Vec::new();
        for piece in text.chunks(step.max(1)) {
            splitter.push(piece).unwrap();
            while let Some(line) = splitter.next_line() {
                lines.push((line.offset, line.bytes.to_vec()));
            }
        }
        if let Some(line) = splitter.rest() {
            lines.push((line.offset, line.bytes.to_vec()));
        }
        assert_eq!(splitter.offset(), text.len() as u64);
        lines
    }

    #[test]
    fn the_last_line_may_lack_its_newline() {
        assert_eq!(split(b"a\nbc", 2), [(0, b"a".to_vec()), (2, b"bc".to_vec())]);
        assert_eq!(split(b"a\n", 1), [(0, b"a".to_vec())]);
        assert_eq!(split(b"", 1), []);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_arrive(text in "[ab\n]{0,40}", step in 1usize..10) {
            let whole: Vec<Vec<u8>> = text.split_terminator('\n').map(|line| line.as_bytes().to_vec()).collect();
            let got: Vec<Vec<u8>> = split(text.as_bytes(), step).into_iter().map(|(_, line)| line).collect();
            prop_assert_eq!(got, whole);
        }
    }
}
