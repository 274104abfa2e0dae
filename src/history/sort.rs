//! Lines sorted by instant within bounded memory: sorted runs go to temporary
//! files and are merged when they are read. Lines of one instant stay in the order
//! in which they came.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Error, Read, Result, Seek, Write};

use touchline_rules::UnixMs;

/// Bytes of lines that are sorted in memory.
const RUN_BYTES: usize = 32 << 20;
/// The most runs, each an open file: 16 GiB of lines.
const RUNS_MAX: usize = 512;
/// Bytes read or written at once for each run.
const BUFFER_BYTES: usize = 1 << 16;

/// Takes lines in any order.
pub struct Sorter {
    run_bytes: usize,
    bytes: usize,
    lines: Vec<(UnixMs, Box<[u8]>)>,
    runs: Vec<File>,
}

impl Sorter {
    /// Without any line.
    #[must_use]
    pub fn new() -> Sorter {
        Sorter { run_bytes: RUN_BYTES, bytes: 0, lines: Vec::new(), runs: Vec::new() }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the temporary folder has no room, or there is too much.
    pub fn add(&mut self, at: UnixMs, line: &[u8]) -> Result<()> {
        // What a line costs beside its own bytes.
        const OVERHEAD: usize = 40;
        self.bytes += line.len() + OVERHEAD;
        self.lines.push((at, line.into()));
        if self.bytes >= self.run_bytes {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        if self.runs.len() >= RUNS_MAX {
            let bytes = RUNS_MAX * self.run_bytes;
            return Err(Error::other(format!("there are more than {bytes} bytes to sort")));
        }
        self.lines.sort_by_key(|(at, _)| *at);
        let mut to = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile()?);
        for (at, line) in self.lines.drain(..) {
            to.write_all(&at.0.to_le_bytes())?;
            to.write_all(&(line.len() as u64).to_le_bytes())?;
            to.write_all(&line)?;
        }
        let mut file = to.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        self.bytes = 0;
        Ok(())
    }

    /// All lines, in order.
    ///
    /// # Errors
    /// When the temporary files cannot be read.
    pub fn sorted(mut self) -> Result<Sorted> {
        if !self.runs.is_empty() {
            self.spill()?;
        }
        self.lines.sort_by_key(|(at, _)| *at);
        let mut sorted = Sorted {
            memory: self.lines.into_iter(),
            runs: Vec::with_capacity(self.runs.len()),
            heads: BinaryHeap::with_capacity(self.runs.len()),
        };
        for (place, run) in self.runs.into_iter().enumerate() {
            sorted.runs.push(BufReader::with_capacity(BUFFER_BYTES, run));
            sorted.advance(place)?;
        }
        Ok(sorted)
    }
}

impl Default for Sorter {
    fn default() -> Self {
        Sorter::new()
    }
}

/// Lines in the order of their instants.
pub struct Sorted {
    memory: std::vec::IntoIter<(UnixMs, Box<[u8]>)>,
    runs: Vec<BufReader<File>>,
    /// The next line of each run.
    heads: BinaryHeap<Reverse<Head>>,
}

/// The next line of a run: instant, run, line.
type Head = (UnixMs, usize, Box<[u8]>);

impl Sorted {
    fn advance(&mut self, place: usize) -> Result<()> {
        let run = &mut self.runs[place];
        let mut word = [0; 8];
        if run.read(&mut word[..1])? == 0 {
            return Ok(());
        }
        run.read_exact(&mut word[1..])?;
        let at = UnixMs(i64::from_le_bytes(word));
        run.read_exact(&mut word)?;
        let length = usize::try_from(u64::from_le_bytes(word)).map_err(Error::other)?;
        let mut line = vec![0; length];
        run.read_exact(&mut line)?;
        self.heads.push(Reverse((at, place, line.into_boxed_slice())));
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = Result<(UnixMs, Box<[u8]>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(Reverse((at, place, line))) = self.heads.pop() else {
            return self.memory.next().map(Ok);
        };
        Some(self.advance(place).map(|()| (at, line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn lines_come_out_as_a_stable_sort_has_them(instants in proptest::collection::vec(-5i64..5, 0..60), run_bytes in 40usize..2_000) {
            let mut sorter = Sorter { run_bytes, ..Sorter::new() };
            let mut lines: Vec<(UnixMs, Box<[u8]>)> = Vec::new();
            for (number, at) in instants.into_iter().enumerate() {
                let line = number.to_string();
                sorter.add(UnixMs(at), line.as_bytes()).unwrap();
                lines.push((UnixMs(at), line.as_bytes().into()));
            }
            lines.sort_by_key(|(at, _)| *at);
            let sorted: Vec<_> = sorter.sorted().unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(sorted, lines);
        }
    }
}
