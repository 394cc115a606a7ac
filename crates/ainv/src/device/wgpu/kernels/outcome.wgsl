// What became of a matrix: some of these, and the 1-based number of its first zero pivot or zero.

// It holds a NaN, or an infinity without being a diagonal.
const NON_FINITE = 1u;
// The inverse of the scaled matrix overflowed.
const OVERFLOWED = 2u;
// A pivot is so small that products with its reciprocal may have underflowed unseen.
const IS_STEEP = 4u;
// The exponents lie so far apart that scaling by rows and columns may help.
const IS_WIDE = 8u;
// It was scaled by rows and columns.
const IS_BALANCED = 16u;
// A right-hand side was not brought near one, so that its smallest entries count: what overflows need not, near one.
const IS_RAISED = 32u;
// The rows did not become orthogonal.
const NOT_CONVERGED = 64u;

// The power of what is infinite: of a row whose diagonal entry is, in a diagonal, where its reciprocal is zero; of a
// right-hand side that holds an infinity or a NaN.
const INFINITE = 200000;

// What was seen of entries.
const SAW_NAN = 1u;
const SAW_INFINITE = 2u;
const SAW_OFF_DIAGONAL = 4u;

fn look(x: Entry, diagonal: bool) -> u32 {
    return select(0u, SAW_NAN, entry_is_nan(x)) | select(0u, SAW_INFINITE, entry_is_infinite(x))
        | select(0u, SAW_OFF_DIAGONAL, !diagonal && !entry_is_zero(x));
}

// The power of two that a right-hand side is divided by, whose exponents lie between these: it comes near one, or as far above
// it as keeps its smallest entries numbers.
fn size_of_rhs(smallest: i32, largest: i32, near_one: bool) -> i32 {
    if largest == NOTHING || near_one {
        return select(largest, 0, largest == NOTHING);
    }
    return max(min(largest, smallest + BIG), largest - BIG);
}

// Whether rows and columns are scaled apart, where the lines' largest exponents lie above `faintest`: where a line is faint,
// where entries would be lost, and for suspects.
fn is_balanced(smallest: i32, faintest: i32, largest: i32, suspect: bool) -> bool {
    return largest - faintest > GRADED || largest - smallest >= TOP || suspect;
}

fn is_non_finite(seen: u32) -> bool {
    return (seen & SAW_NAN) != 0u || (seen & (SAW_INFINITE | SAW_OFF_DIAGONAL)) == (SAW_INFINITE | SAW_OFF_DIAGONAL);
}

// The reciprocal of a pivot, or what stands for that of zero.
fn reciprocal_or(pivot: Number, otherwise: Real) -> Number {
    if size(pivot) > Real(0.0) {
        return reciprocal(pivot);
    }
    return real(otherwise);
}

// The entry (i, j) of a Hermitian matrix from the lower one of (i, j) and (j, i).
fn mirrored(x: Entry, i: u32, j: u32) -> Entry {
    if i == j {
        return entry_of_diagonal(x);
    }
    if i < j {
        return entry_conjugate(x);
    }
    return x;
}
