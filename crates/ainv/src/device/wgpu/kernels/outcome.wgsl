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

fn is_non_finite(seen: u32) -> bool {
    return (seen & SAW_NAN) != 0u || (seen & (SAW_INFINITE | SAW_OFF_DIAGONAL)) == (SAW_INFINITE | SAW_OFF_DIAGONAL);
}
