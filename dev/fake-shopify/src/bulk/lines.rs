//! Lines of a bulk result as they are written: one buffer and where each line stands in it.

/// A run of lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// The text.
    pub bytes: Vec<u8>,
    /// The lines in it, in order.
    pub marks: Vec<Mark>,
}

/// One line in a buffer, newline included.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// First byte.
    pub start: u32,
    /// Length.
    pub len: u32,
    /// Whether it has no parent.
    pub root: bool,
}

impl Lines {
    /// Says that a line stands between `start` and the end of the buffer.
    pub fn mark(&mut self, start: usize, root: bool) {
        let len = self.bytes.len() - start;
        let small = |number: usize| u32::try_from(number).expect("a batch of lines is far below 4 GiB");
        self.marks.push(Mark {
            start: small(start),
            len: small(len),
            root,
        });
    }

    /// Puts other lines behind these.
    pub fn append(&mut self, other: Lines) {
        let offset = u32::try_from(self.bytes.len()).expect("a batch of lines is far below 4 GiB");
        self.bytes.extend_from_slice(&other.bytes);
        self.marks.extend(other.marks.into_iter().map(|mark| Mark {
            start: mark.start + offset,
            ..mark
        }));
    }
}
