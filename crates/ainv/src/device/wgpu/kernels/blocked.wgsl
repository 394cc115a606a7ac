// What the kernels of larger orders share. They work on n x n matrices in place, by panels of PANEL columns:
//
//     scale, load     A' = 2^rows A 2^columns, in the matrix's own place
//     for each panel, from the left:
//       panel         P A' = L U in its columns; L goes to `panels`, the block of U on the diagonal to
//                     `diagonals`; in the matrix the block of L^-1 on the diagonal takes their place, over zeros
//       exchange      the rows of the other columns follow the pivots, and those of the panel are solved with L
//       product       the rows below -= L (rows of the panel): right of the panel that leaves U, left L^-1
//     for each panel, from the right:
//       lift          U right of the diagonal block goes to `panels`, zeros take its place
//       product       the rows of the panel -= U (rows of X below)
//       substitute    and are solved with the diagonal block of U
//     store           A^-1 = 2^columns X P 2^rows
//
// Right-hand sides stand behind all matrices. To solve is the same, but nothing is done left of a panel: its rows, right
// of it and in B, follow; then the rows of B are substituted, of which solution.wgsl makes X.
//
// Lower triangles are factors that are given: triangle_panel.wgsl stands for `panel`, nothing is exchanged, and the rows of
// the columns left of the panel follow, which leaves L^-1. Where L stands for L L^H the second half of it follows, L^H taken
// for U.
//
// Of positive definite matrices L is found first, panel by panel: cholesky_panel, cholesky_rows, and a product right and
// below. Their systems follow both halves in B alone, as those of general matrices.
//
// Larger ones are done by blocks of panels, each factored column by column (panel_column): what is above stands for a
// block's own columns. `panels` keeps L of the whole block; its rows are exchanged with the block's. The other columns
// follow when the block is factored: all its exchanges, then panel by panel its rows, then in one deep product the rows
// below. From the right all panels of a block are lifted first, and what the rows of X below it have in its own is
// subtracted by one product; then its panels follow, each with the rows below in the block.
//
// It is the elimination of small.wgsl by blocks: diagonal blocks are solved by substitution, never multiplied
// by their inverses, and the right residual A X - I is bounded.

struct Call {
    order: u32,
    // Whether suspects are scaled by rows and columns.
    balanced: u32,
    // Columns of B, or zero.
    rhs: u32,
    // The order, and of large matrices some more for panel_column.wgsl: how many rows `diagonals` has, and half of `places`.
    rows: u32,
    // The panel's first column, and its columns.
    first: u32,
    width: u32,
    // How many rows are exchanged, from the panel's first on; of a panel by columns, which one it is.
    exchanges: u32,
    // The leading dimension of `panels`, and which of its columns is the panel's first.
    leading: u32,
    beside: u32,
    // The product: rows top.. of the matrix -= left (rows inner.. of the matrix).
    top: u32,
    height: u32,
    inner: u32,
    depth: u32,
    // Where `left` begins in the panels, and the steps of its rows and columns.
    left: u32,
    left_row: u32,
    left_column: u32,
    // The columns that are worked on: where those of the first matrix begin, the step of their rows, how many there
    // are, and which of them are the panel's own, if any.
    begin: u32,
    step: u32,
    columns: u32,
    own: u32,
    // Of triangles, as triangle.wgsl has it.
    mode: u32,
}

@group(0) @binding(0) var<storage, read_write> matrices: array<Entry>;
@group(0) @binding(1) var<storage, read_write> results: array<Entry>;
// Of each matrix the flags and the first zero pivot.
@group(0) @binding(2) var<storage, read_write> outcomes: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> call: Call;
// Of each row `leading` entries, and PANEL.
@group(0) @binding(4) var<storage, read_write> panels: array<Entry>;
@group(0) @binding(5) var<storage, read_write> diagonals: array<Entry>;
// Of each matrix the powers of its rows, then those of its columns and the sizes of its right-hand sides.
@group(0) @binding(6) var<storage, read_write> powers: array<i32>;
// Of each matrix which row of A stands here after the exchanges, then with which row each was exchanged.
@group(0) @binding(7) var<storage, read_write> places: array<u32>;

fn powers_of(matrix: u32) -> u32 {
    return matrix * (2u * call.order + call.rhs);
}

fn places_of(matrix: u32) -> u32 {
    return matrix * 2u * call.rows;
}

fn diagonals_of(matrix: u32) -> u32 {
    return matrix * call.rows * PANEL;
}

fn panels_of(matrix: u32) -> u32 {
    return matrix * call.order * call.leading;
}

// The panel's columns of them.
fn panel_of(matrix: u32) -> u32 {
    return panels_of(matrix) + call.beside;
}

// The columns that are worked on.
fn columns_of(matrix: u32) -> u32 {
    return call.begin + matrix * call.order * call.step;
}

fn zero() -> Entry {
    return entry(real(Real(0.0)));
}
