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
// of it and in B, follow; then the rows of B are substituted, of which solution.cu makes X.
//
// Lower triangles are factors that are given: triangle_panel.cu stands for `panel`, nothing is exchanged, and the rows of
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
// It is the elimination of small.cu by blocks: diagonal blocks are solved by substitution, never multiplied
// by their inverses, and the right residual A X - I is bounded.

struct Call {
    Number *matrices;
    Number *results;
    // Of each matrix the flags and the first zero pivot.
    unsigned *outcomes;
    // Of each row `leading` entries, and PANEL.
    Number *panels;
    Number *diagonals;
    // Of each matrix the powers of its rows, then those of its columns and the sizes of its right-hand sides.
    int *powers;
    // Of each matrix which row of A stands here after the exchanges, then with which row each was exchanged.
    unsigned *places;
    size_t order;
    // Whether suspects are scaled by rows and columns; or AGAIN.
    size_t balanced;
    // Columns of B, or zero.
    size_t rhs;
    // The order, and of large matrices some more for panel_column.cu: how many rows `diagonals` has, and half of `places`.
    size_t rows;
    // The panel's first column, and its columns.
    size_t first;
    size_t width;
    // How many rows are exchanged, from the panel's first on; of a panel by columns, which one it is.
    size_t exchanges;
    // The leading dimension of `panels`, and which of its columns is the panel's first.
    size_t leading;
    size_t beside;
    // The product: rows top.. of the matrix -= left (rows inner.. of the matrix).
    size_t top;
    size_t height;
    size_t inner;
    size_t depth;
    // Where `left` begins in the panels, and the steps of its rows and columns.
    size_t left;
    size_t left_row;
    size_t left_column;
    // The columns that are worked on: where those of the first matrix begin, the step of their rows, how many there
    // are, and which of them are the panel's own, if any.
    size_t begin;
    size_t step;
    size_t columns;
    size_t own;
    // Of triangles, as triangle.cu has it.
    size_t mode;

    // What a matrix has of each.
    int *powers_of(size_t matrix) const {
        return powers + matrix * (2 * order + rhs);
    }
    unsigned *places_of(size_t matrix) const {
        return places + matrix * 2 * rows;
    }
    unsigned &flags_of(size_t matrix) const {
        return outcomes[2 * matrix];
    }
    unsigned &zero_pivot_of(size_t matrix) const {
        return outcomes[2 * matrix + 1];
    }
    Number *rows_of(size_t matrix) const {
        return matrices + matrix * order * order;
    }
    Number *panels_of(size_t matrix) const {
        return panels + matrix * order * leading;
    }
    // The panel's columns of them.
    Number *panel_of(size_t matrix) const {
        return panels_of(matrix) + beside;
    }
    Number *diagonals_of(size_t matrix) const {
        return diagonals + matrix * rows * PANEL;
    }
    // The columns that are worked on.
    Number *columns_of(size_t matrix) const {
        return matrices + begin + matrix * order * step;
    }
    // Whether a matrix is not this launch's: an earlier one decided it. scale.cu and cholesky_scale.cu mark the others.
    bool is_done(size_t matrix) const {
        return balanced == AGAIN && (flags_of(matrix) & IS_AGAIN) == 0;
    }
    bool has(unsigned flag) const {
        return (mode & flag) != 0;
    }
};

// Where a thread of a kernel is that has a thread an entry.
struct Place {
    size_t matrix, i, j;
};

Place placed() {
    return {blockIdx.z, blockIdx.y, blockIdx.x * size_t(blockDim.x) + threadIdx.x};
}

__shared__ Extent extents[WORKGROUP];
__shared__ unsigned words[WORKGROUP];

// Of all the threads of a block.
Extent extent_of_all(Extent mine) {
    return of_all(extents, mine, [](Extent a, Extent b) { a.take(b); return a; });
}

unsigned seen_by_all(unsigned mine) {
    return of_all(words, mine, [](unsigned a, unsigned b) { return a | b; });
}
