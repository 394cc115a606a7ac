//! The dispatches of larger orders by panels, of all but pseudo-inverses: blocked.wgsl and blocked.cu have the algorithm.

use super::dispatches::Dispatch;
use super::kernels::{Kernel, LINES};
use super::work::{TILE, Work};

/// Columns that kernels work on: some of A's, or those of B.
#[derive(Clone, Copy)]
struct Columns {
    begin: usize,
    step: usize,
    count: usize,
    /// The first of the panel's own among them.
    own: Option<usize>,
}

/// A panel, and the product that follows, as `Call` of blocked has them.
#[derive(Default)]
struct Panel {
    first: usize,
    width: usize,
    top: usize,
    height: usize,
    inner: usize,
    depth: usize,
    /// Where the left factor begins, and the steps of its rows and columns.
    left: [usize; 3],
}

/// The dispatches by panels. `stages` are the kernels that read matrices, factor panels and write results, which differ.
pub(super) fn by_panels(
    n: usize,
    work: Work,
    [scale, load, factor, store]: [Kernel; 4],
    panel: usize,
    count: usize,
    balanced: bool,
) -> Vec<Dispatch> {
    // A matrix a group, a column a thread, an entry a thread, and tiles of the product.
    let matrices = [count, 1, 1];
    let lines = |columns: usize| [columns.div_ceil(LINES), 1, count];
    let entries = |columns: usize| [columns.div_ceil(LINES), n, count];
    let tiles =
        |rows: usize, columns: usize| [columns.div_ceil(TILE[1]), rows.div_ceil(TILE[0]), count];
    let call = |at: Panel, on: Columns| {
        let Panel { first, width, top, height, inner, depth, left: [left, left_row, left_column] } =
            at;
        let Columns { begin, step, count, own } = on;
        // The words of `Call`.
        [
            n,
            balanced.into(),
            work.rhs(),
            first,
            width,
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
    };
    let of_a = |begin, count, own| Columns { begin, step: n, count, own };
    let results = match work {
        Work::Solve(k) | Work::DefiniteSolve(k) => {
            Columns { begin: count * n * n, step: k, count: k, own: None }
        }
        _ => of_a(0, n, None),
    };

    let whole = call(Panel::default(), results);
    let mut all = vec![];
    let mut add = |kernel, call, groups: [usize; 3]| {
        if !groups.contains(&0) {
            all.push(Dispatch { kernel, call, groups });
        }
    };
    add(scale, whole, matrices);
    add(load, whole, entries(n));
    add(Kernel::Rhs, whole, lines(work.rhs()));
    let panels =
        (0..n).step_by(panel).map(|first| (first, panel.min(n - first), n.min(first + panel)));
    let down = |(first, width, next): (usize, usize, usize), on| {
        let (top, height, left) = (next, n - next, [next * panel, panel, 1]);
        call(Panel { first, width, top, height, inner: first, depth: width, left }, on)
    };
    if work.is_definite() {
        for at @ (_, _, next) in panels.clone() {
            let rest = of_a(next, n - next, None);
            add(Kernel::CholeskyPanel, down(at, results), matrices);
            add(Kernel::Product, down(at, rest), tiles(n - next, n - next));
        }
    }
    // A factor alone is done.
    let inverts = work != Work::Definite { inverse: false };
    for at @ (first, _, next) in panels.clone().filter(|_| inverts) {
        let height = n - next;
        let call = |on| down(at, on);
        add(factor, call(results), matrices);
        let follow = match work {
            Work::Invert => &[of_a(0, n, Some(first))][..],
            Work::Solve(_) => &[of_a(next, height, None), results],
            Work::DefiniteSolve(_) => &[results],
            _ => &[of_a(0, next, Some(first))],
        };
        for &on in follow {
            add(Kernel::Exchange, call(on), lines(on.count));
            add(Kernel::Product, call(on), tiles(height, on.count));
        }
    }
    if inverts && !matches!(work, Work::Triangle { hermitian: false, .. }) {
        for (first, width, next) in panels.rev() {
            let (inner, depth, left) = (next, n - next, [next * panel, 1, panel]);
            let panel = Panel { first, width, top: first, height: width, inner, depth, left };
            let call = call(panel, results);
            if next < n {
                add(Kernel::Lift, call, lines(n - next));
                add(Kernel::Product, call, tiles(width, results.count));
            }
            add(Kernel::Substitute, call, lines(results.count));
        }
    }
    add(store, whole, entries(results.count));
    all
}
