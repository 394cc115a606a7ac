//! The dispatches of larger orders by panels, of all but pseudo-inverses: blocked.wgsl and blocked.cu have the algorithm.

use super::dispatches::{Dispatch, WORDS};
use super::kernels::{Kernel, LINES};
use super::work::{TILE, Work, block, groups, leading, rows};
use std::ops::Range;

/// Columns that kernels work on: some of A's, or those of B.
#[derive(Clone, Copy)]
struct Columns {
    begin: usize,
    step: usize,
    count: usize,
    /// The first of the panel's own among them.
    own: Option<usize>,
}

/// Rows top.. of the columns -= left (rows inner.. of the columns).
#[derive(Clone, Copy, Default)]
struct Update {
    top: usize,
    height: usize,
    inner: usize,
    depth: usize,
    /// Where the left factor begins in the panels, and the steps of its rows and columns.
    left: [usize; 3],
}

/// Columns first..next of a matrix, where they stand in their block's part of the panels, and how many rows are exchanged.
#[derive(Clone, Copy, Default)]
struct Panel {
    first: usize,
    next: usize,
    beside: usize,
    exchanges: usize,
}

impl Panel {
    /// All columns of a block as one.
    fn of(block: &Range<usize>) -> Panel {
        Panel { first: block.start, next: block.end, ..Panel::default() }
    }
}

/// A product by itself, of one matrix of a dispatch: C -= A B, A height x depth, B depth x columns. Numbers are counted from the
/// matrix's own.
#[cfg(feature = "cuda")]
pub(crate) struct Product {
    pub(crate) height: usize,
    pub(crate) columns: usize,
    pub(crate) depth: usize,
    /// Where A begins in the panels, and the steps of its rows and columns, of which one is 1.
    pub(crate) a: [usize; 3],
    /// Where B and C begin in the matrices, and the step of their rows.
    pub(crate) b: usize,
    pub(crate) c: usize,
    pub(crate) step: usize,
    /// From one matrix to the next, in the panels and in the matrices.
    pub(crate) next: [usize; 2],
    pub(crate) matrices: usize,
}

/// What is the same in all dispatches of a part.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) order: usize,
    pub(super) work: Work,
    pub(super) panel: usize,
    pub(super) count: usize,
    pub(super) balanced: bool,
}

impl Part {
    /// The words of `Call`.
    fn call(self, panel: Panel, update: Update, on: Columns) -> [usize; WORDS] {
        let Part { order, work, panel: width, balanced, .. } = self;
        let Panel { first, next, beside, exchanges } = panel;
        let Update { top, height, inner, depth, left: [left, left_row, left_column] } = update;
        let Columns { begin, step, count, own } = on;
        [
            order,
            balanced.into(),
            work.rhs(),
            rows(order),
            first,
            next - first,
            exchanges,
            leading(order, width),
            beside,
            top,
            height,
            inner,
            depth,
            left,
            left_row,
            left_column,
            begin,
            step,
            count,
            own.unwrap_or(count),
            work.mode(),
        ]
    }

    /// Columns of A.
    fn of_a(self, columns: Range<usize>, own: Option<usize>) -> Columns {
        Columns { begin: columns.start, step: self.order, count: columns.len(), own }
    }

    /// What becomes X.
    fn results(self) -> Columns {
        match self.work {
            Work::Invert | Work::Triangle { .. } | Work::Definite { .. } => {
                self.of_a(0..self.order, None)
            }
            // B stands behind all matrices.
            work => {
                let rows = if let Work::DiagonalSolve(_) = work { 1 } else { self.order };
                let (begin, k) = (self.count * rows * self.order, work.rhs());
                Columns { begin, step: k, count: k, own: None }
            }
        }
    }

    /// A matrix a group.
    fn matrices(self) -> [usize; 3] {
        [self.count, 1, 1]
    }

    /// A column a thread.
    fn lines(self, columns: usize) -> [usize; 3] {
        [columns.div_ceil(LINES), 1, self.count]
    }

    /// An entry a thread.
    fn entries(self, columns: usize) -> [usize; 3] {
        [columns.div_ceil(LINES), self.order, self.count]
    }

    /// Tiles of a product.
    fn tiles(self, rows: usize, columns: usize) -> [usize; 3] {
        [columns.div_ceil(TILE[1]), rows.div_ceil(TILE[0]), self.count]
    }
}

/// The dispatches so far, and what more there are.
struct Panels {
    part: Part,
    all: Vec<Dispatch>,
}

/// The dispatches by panels. `stages` are the kernels that read matrices, factor panels and write results, which differ.
pub(super) fn by_panels(part: Part, [scale, load, factor, store]: [Kernel; 4]) -> Vec<Dispatch> {
    let Part { order: n, work, .. } = part;
    let mut panels = Panels { part, all: vec![] };
    panels.over_all(scale, part.matrices());
    panels.over_all(load, part.entries(n));
    panels.over_all(Kernel::Rhs, part.lines(work.rhs()));
    let block = block(n);
    let blocks = (0..n).step_by(block).map(|begin| begin..n.min(begin + block));
    if work.is_definite() {
        blocks.clone().for_each(|block| panels.cholesky(block));
    }
    // A factor alone is done.
    if work != (Work::Definite { inverse: false }) {
        blocks.clone().for_each(|block| panels.down(block, factor));
        if !matches!(work, Work::Triangle { hermitian: false, .. }) {
            blocks.rev().for_each(|block| panels.up(block));
        }
    }
    panels.over_all(store, part.entries(part.results().count));
    panels.all
}

/// Systems of diagonals: a matrix a group, then an entry of X a thread.
pub(super) fn quotients(part: Part) -> Vec<Dispatch> {
    let mut panels = Panels { part, all: vec![] };
    panels.over_all(Kernel::Diagonal, part.matrices());
    panels.over_all(Kernel::Quotients, part.entries(part.work.rhs()));
    panels.all
}

impl Panels {
    fn add(&mut self, kernel: Kernel, call: [usize; WORDS], groups: [usize; 3]) {
        if !groups.contains(&0) {
            self.all.push(Dispatch { kernel, call, groups });
        }
    }

    /// What has nothing to do with panels.
    fn over_all(&mut self, kernel: Kernel, groups: [usize; 3]) {
        let call = self.part.call(Panel::default(), Update::default(), self.part.results());
        self.add(kernel, call, groups);
    }

    /// Nothing, where the factors have no depth.
    fn product(&mut self, panel: Panel, update: Update, on: Columns) {
        if update.depth == 0 {
            return;
        }
        let call = self.part.call(panel, update, on);
        self.add(Kernel::Product, call, self.part.tiles(update.height, on.count));
    }

    /// The panels of a block. One that is all of the matrix keeps each panel until the next alone.
    fn of(&self, block: &Range<usize>) -> impl DoubleEndedIterator<Item = Panel> + use<> {
        let (Range { start, end }, width, whole) =
            (block.clone(), self.part.panel, self.is_whole(block));
        (start..end).step_by(width).map(move |first| {
            let next = end.min(first + width);
            let beside = if whole { 0 } else { first - start };
            Panel { first, next, beside, exchanges: next - first }
        })
    }

    fn is_whole(&self, block: &Range<usize>) -> bool {
        block.len() == self.part.order
    }

    /// The rows to `end` below a panel, or below a block of them.
    fn below(&self, panel: Panel, end: usize) -> Update {
        let Panel { first, next, beside, .. } = panel;
        let leading = leading(self.part.order, self.part.panel);
        let left = [next * leading + beside, leading, 1];
        Update { top: next, height: end - next, inner: first, depth: next - first, left }
    }

    /// L of a block's columns, of a positive definite matrix.
    fn cholesky(&mut self, block: Range<usize>) {
        let n = self.part.order;
        for panel in self.of(&block) {
            let (update, rest) = (self.below(panel, n), panel.next..block.end);
            let call = self.part.call(panel, update, self.part.results());
            self.add(Kernel::CholeskyPanel, call, self.part.matrices());
            self.add(Kernel::CholeskyRows, call, self.part.lines(n - panel.next));
            self.product(panel, update, self.part.of_a(rest, None));
        }
        let all = Panel::of(&block);
        self.product(all, self.below(all, n), self.part.of_a(block.end..n, None));
    }

    /// Factors a block, and has the columns follow that L is applied to.
    fn down(&mut self, block: Range<usize>, factor: Kernel) {
        let (part, n, whole) = (self.part, self.part.order, self.is_whole(&block));
        let Range { start, end } = block;
        for panel in self.of(&block) {
            let update = self.below(panel, n);
            if !whole && factor == Kernel::Panel {
                self.by_columns(panel);
            } else {
                // A triangle's is copied, a row a thread.
                let blocks = if factor == Kernel::Panel { 1 } else { groups(n - panel.first) };
                let call = part.call(panel, update, part.results());
                self.add(factor, call, [blocks, 1, part.count]);
            }
            let own = Some(panel.first - start);
            let within = match part.work {
                Work::Invert => part.of_a(block.clone(), own),
                Work::Solve(_) => part.of_a(panel.next..end, None),
                Work::DefiniteSolve(_) => part.of_a(0..0, None),
                _ => part.of_a(start..panel.next, own),
            };
            let results = (whole && part.work.rhs() > 0).then(|| part.results());
            for on in [within].into_iter().chain(results) {
                self.follow(panel, update, on);
            }
        }
        if whole {
            return;
        }
        let others = match part.work {
            Work::Invert => vec![part.of_a(0..start, None), part.of_a(end..n, None)],
            Work::Solve(_) => vec![part.of_a(end..n, None), part.results()],
            Work::DefiniteSolve(_) => vec![part.results()],
            _ => vec![part.of_a(0..start, None)],
        };
        for on in others {
            for panel in self.of(&block) {
                // All rows stand where they belong before the first is solved.
                let exchanges = if panel.first == start { end - start } else { 0 };
                self.follow(Panel { exchanges, ..panel }, self.below(panel, end), on);
            }
            let all = Panel::of(&block);
            self.product(all, self.below(all, n), on);
        }
    }

    /// LU of a panel by many groups.
    fn by_columns(&mut self, panel: Panel) {
        let part = self.part;
        let all = [groups(part.order - panel.first), 1, part.count];
        for exchanges in 0..=panel.next - panel.first {
            let at = Panel { exchanges, ..panel };
            self.add(Kernel::PanelColumn, part.call(at, Update::default(), part.results()), all);
        }
    }

    /// The panel's rows of columns, and what they change below.
    fn follow(&mut self, panel: Panel, update: Update, on: Columns) {
        self.add(Kernel::Exchange, self.part.call(panel, update, on), self.part.lines(on.count));
        self.product(panel, update, on);
    }

    /// The block's rows of X. Its part of U is out of their way before the first is written.
    fn up(&mut self, block: Range<usize>) {
        let (part, n, results) = (self.part, self.part.order, self.part.results());
        let whole = self.is_whole(&block);
        if !whole {
            self.of(&block).for_each(|panel| self.lift(panel));
            let all = Panel::of(&block);
            self.product(all, self.above(all, n), results);
        }
        for panel in self.of(&block).rev() {
            if whole {
                self.lift(panel);
            }
            self.product(panel, self.above(panel, block.end), results);
            let call = part.call(panel, Update::default(), results);
            self.add(Kernel::Substitute, call, part.lines(results.count));
        }
    }

    /// U right of a panel's diagonal block.
    fn lift(&mut self, panel: Panel) {
        let call = self.part.call(panel, Update::default(), self.part.results());
        self.add(Kernel::Lift, call, self.part.lines(self.part.order - panel.next));
    }

    /// The panel's rows of X, or a block's, in which those below have a part, to `end`.
    fn above(&self, panel: Panel, end: usize) -> Update {
        let Panel { first, next, beside, .. } = panel;
        let leading = leading(self.part.order, self.part.panel);
        let left = [next * leading + beside, 1, leading];
        Update { top: first, height: next - first, inner: next, depth: end - next, left }
    }
}

#[cfg(feature = "cuda")]
impl Dispatch {
    /// The product that it is, if that is all it does and a library's is worth it and gives the same bits whatever else is
    /// in the part: no [suspects](super::Dispatches::of_suspects) are left out, and how B and C are aligned, by which libraries
    /// choose their kernels, does not depend on how many matrices are before them.
    pub(crate) fn product(&self) -> Option<Product> {
        const LEAST: usize = 64;
        let [order, balanced, _, _, _, _, _, leading, ..] = self.call;
        let [
            ..,
            top,
            height,
            inner,
            depth,
            left,
            left_row,
            left_column,
            begin,
            step,
            columns,
            _,
            _,
        ] = self.call;
        let is_one = self.kernel == Kernel::Product && balanced == 0;
        // Of an even order all matrices begin at multiples of four numbers; of an odd one rows of an even length would not.
        let is_aligned = order % 2 == 0 || step % 2 == 1;
        (is_one && is_aligned && height.min(depth).min(columns) >= LEAST).then_some(Product {
            height,
            columns,
            depth,
            a: [left, left_row, left_column],
            b: begin + inner * step,
            c: begin + top * step,
            step,
            next: [order * leading, order * step],
            matrices: self.groups[2],
        })
    }
}
