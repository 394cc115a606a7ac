// What became of a matrix: some of these, and the 1-based number of its first zero pivot or zero.

// It holds a NaN, or an infinity without being a diagonal.
constexpr unsigned NON_FINITE = 1;
// The inverse of the scaled matrix overflowed.
constexpr unsigned OVERFLOWED = 2;
// A pivot is so small that products with its reciprocal may have underflowed unseen.
constexpr unsigned IS_STEEP = 4;
// The exponents lie so far apart that scaling by rows and columns may help.
constexpr unsigned IS_WIDE = 8;
// It was scaled by rows and columns.
constexpr unsigned IS_BALANCED = 16;
// A right-hand side was not brought near one, so that its smallest entries count: what overflows need not, near one.
constexpr unsigned IS_RAISED = 32;
// The rows did not become orthogonal.
constexpr unsigned NOT_CONVERGED = 64;
// It is done again, by launches that leave the others alone.
constexpr unsigned IS_AGAIN = 128;

// What a call's `balanced` says if the launch is for suspects alone, which an earlier one left: they are scaled by rows and
// columns, and right-hand sides come near one.
constexpr size_t AGAIN = 2;

// Whether that may give the matrix a result, or another one: Outcome::is_suspect of run.rs.
bool is_suspect(unsigned flags, unsigned zero_pivot) {
    const bool doubtful = zero_pivot != 0 || (flags & (OVERFLOWED | IS_STEEP)) != 0;
    const bool unbalanced = doubtful && (flags & (IS_WIDE | IS_BALANCED)) == IS_WIDE;
    const bool raised = (flags & OVERFLOWED) != 0 && (flags & IS_RAISED) != 0;
    return (unbalanced || raised) && (flags & NON_FINITE) == 0;
}

// The power of what is infinite: of a row whose diagonal entry is, in a diagonal, where its reciprocal is zero; of a
// right-hand side that holds an infinity or a NaN.
constexpr int INFINITE = 200000;

// What was seen of entries.
constexpr unsigned SAW_NAN = 1;
constexpr unsigned SAW_INFINITE = 2;
constexpr unsigned SAW_OFF_DIAGONAL = 4;

unsigned look(Number x, bool diagonal) {
    return (is_nan(x) ? SAW_NAN : 0) | (is_infinite(x) ? SAW_INFINITE : 0)
        | (!diagonal && !is_zero(x) ? SAW_OFF_DIAGONAL : 0);
}

bool is_non_finite(unsigned seen) {
    const unsigned both = SAW_INFINITE | SAW_OFF_DIAGONAL;
    return (seen & SAW_NAN) != 0 || (seen & both) == both;
}

// The exponents of some entries.
struct Extent {
    int largest, smallest;

    // That of an entry that a power of two is multiplied with.
    void take(int exponent, int power = 0) {
        if (exponent != NOTHING) {
            take(Extent{exponent + power, exponent + power});
        }
    }

    void take(Extent other) {
        largest = max(largest, other.largest);
        smallest = min(smallest, other.smallest);
    }

    bool is_wide() const {
        return largest - smallest > SPREAD;
    }
};

constexpr Extent EMPTY = {NOTHING, -NOTHING};

// What brings the exponent to zero.
int power_against(int exponent) {
    return exponent == NOTHING ? 0 : -exponent;
}

// The power of two that a right-hand side is divided by: it comes near one, or as far above it as keeps its smallest entries
// numbers.
int size_of_rhs(Extent of, bool near_one) {
    if (of.largest == NOTHING || near_one) {
        return -power_against(of.largest);
    }
    return max(min(of.largest, of.smallest + BIG), of.largest - BIG);
}

// Whether rows and columns are scaled apart, where the lines' largest exponents lie above `faintest`: where a line is faint,
// where entries would be lost, and for suspects.
bool is_balanced(Extent of, int faintest, bool suspect) {
    return of.largest - faintest > GRADED || of.largest - of.smallest >= TOP || suspect;
}

// The entry (i, j) of a Hermitian matrix from the lower one of (i, j) and (j, i).
Number mirrored(Number x, size_t i, size_t j) {
    return i == j ? number(real_part(x)) : i < j ? conjugate(x) : x;
}
