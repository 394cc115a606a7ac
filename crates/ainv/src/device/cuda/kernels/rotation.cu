// What both ways of pseudo-inverses share: one-sided Jacobi rotations (Hestenes; Golub and Van Loan, Matrix Computations,
// 4th ed., section 8.6.3). A has no more rows than columns. The rows of W = A are rotated by pairs, and with them those of
// Q = I, until the rows of W are orthogonal. A = Q^H W then, the lengths s of the rows are the singular values, and
//
//     A^+ = the sum of (w / s)^H q / s over the rows whose s is over the cut-off
//
// The largest entry is brought to the exponent HIGH. A row is squared only after it was divided by the power of two of its
// largest entry, so that no square underflows.

struct Call {
    // And behind all of them, for each, its two tolerances: each a number and a power of two.
    Number *matrices;
    Number *results;
    // Of each matrix the flags, and zero.
    unsigned *outcomes;
    // Of larger ones. Q.
    Number *rotated;
    // Of each matrix the limits of its rotations, then the reciprocal lengths of its rows.
    Real *sizes;
    // Of each matrix its power, which row comes first in a reflection, then the power of the smallest row that is kept, and
    // those of the rows.
    int *powers;
    // Of each matrix whether it was rotated in this sweep, and whether it is at rest.
    unsigned *turns;
    size_t count;
    size_t order;
    size_t columns;
    size_t mode;
    // Of small ones the sweeps at most, of larger ones the round of the factorization or of the sweep.
    union {
        size_t sweeps, round;
    };

    // What a matrix has of each.
    Number *rows_of(size_t matrix) const {
        return matrices + matrix * order * columns;
    }
    Number *results_of(size_t matrix) const {
        return results + matrix * order * columns;
    }
    // Of larger ones, while there are no results: the reflection at hand, and the sums of the columns.
    Number *reflection_of(size_t matrix) const {
        return results_of(matrix);
    }
    Number *sums_of(size_t matrix) const {
        return results_of(matrix) + order;
    }
    const Number *tolerances_of(size_t matrix) const {
        return matrices + count * order * columns + 4 * matrix;
    }
    Number *rotated_of(size_t matrix) const {
        return rotated + matrix * order * order;
    }
    Real *sizes_of(size_t matrix) const {
        return sizes + matrix * (3 + order);
    }
    int *powers_of(size_t matrix) const {
        return powers + matrix * (2 + order);
    }
    unsigned *turns_of(size_t matrix) const {
        return turns + 2 * matrix;
    }
    bool has(unsigned flag) const {
        return (mode & flag) != 0;
    }
};

constexpr int HIGH = TOP - 27;
// A row under it would lose digits: it counts as zero.
constexpr int FAINT = MANTISSA + 2 - TOP;
// The lower triangle says all of A, as triangle.cu has it.
constexpr unsigned HERMITIAN = 4;

// The power of a row with this largest exponent.
int power_of_row(int largest) {
    return largest < FAINT ? NOTHING : largest;
}

// An entry as it is read.
Number given(const Call &call, Number x, bool diagonal) {
    return diagonal && call.has(HERMITIAN) ? number(real_part(x)) : x;
}

// Rows that meet, the one of the larger entry first; or their powers.
struct Pair {
    int first, second;
};

// The rows that meet in a round of the n - 1 (of an odd n: n) that a sweep has: each row has one partner. The second one may
// be no row.
Pair pair_of(unsigned i, unsigned round, unsigned n) {
    const unsigned last = (n + 1) / 2 * 2 - 1;
    const int j = (round + i) % last, k = i == 0 ? last : (round + last - i) % last;
    return {min(j, k), max(j, k)};
}

// The cut-off of the scaled matrix.
Real cut_off(const Call &call, size_t matrix, Real size, int shift) {
    Real tolerance[4];
    for (unsigned i = 0; i < 4; i++) {
        tolerance[i] = real_part(call.tolerances_of(matrix)[i]);
    }
    const Real relative = scalb(tolerance[0] * size, int(tolerance[1]));
    return max(relative, scalb(tolerance[2], int(tolerance[3]) + shift));
}

// What the rotations of a matrix are decided by.
struct Limits {
    // Of the cosine between two rows: what rounding makes of it, and a few units.
    Real oblique;
    // Rounding errors beside the norm.
    Real noise;
    // Such a row will be cut off whatever its direction: all of them together are under the cut-off.
    // It is orthogonal enough where what it has of another row is noise, of which more rotations would make only more.
    Real drop;
};

// Of a matrix whose entries, divided by 2^HIGH, have this sum of squares.
Limits limits_of(const Call &call, size_t matrix, Real squares, int shift) {
    const Real unit = power_of_two(-MANTISSA - 1);
    const Real norm = sqrt(max(squares, unit));
    const Real root = 1 / sqrt(Real(call.order));
    // The largest singular value is at least the root mean square of all.
    const Real drop = min(Real(0.25), root) * cut_off(call, matrix, scalb(norm * root, HIGH), shift);
    // What is over the cut-off is no noise.
    const Real noise = min(scalb(unit * norm, HIGH), drop);
    return {unit * 2 * sqrt(Real(call.columns + 3)), noise, drop};
}

// Products of two rows, each divided by the power of two of its largest entry: x^H x, y^H y and x^H y.
struct Products {
    Real xx, yy;
    Number xy;

    void take(Number x, Number y) {
        xx += squared(x);
        yy += squared(y);
        xy = less(xy, -conjugate(x), y);
    }
};

Products no_products() {
    return {0, 0, number(0)};
}

// Of the rows 2^first x and 2^second y, first >= second:
//
//     x <- cosine x - sine 2^(2 second - 2 first) y,  y <- cosine y + conj(sine) x
struct Rotation {
    bool turns;
    Real cosine;
    Number sine;
    // 2^(second - first)
    Real apart;

    // What both become.
    void turn(Number &x, Number &y) const {
        turn(x, y, sine * (apart * apart), sine);
    }

    // The same of Q's rows, which no power of two divides.
    void turn_whole(Number &x, Number &y) const {
        turn(x, y, sine * apart, sine * apart);
    }

  private:
    void turn(Number &x, Number &y, Number of_y, Number of_x) const {
        const Number z = less(x * cosine, of_y, y);
        y = less(y * cosine, -conjugate(of_x), x);
        x = z;
    }
};

Rotation rotation_of(Products of, Pair power, Limits limits) {
    const Real apart = power_of_two(power.second - power.first);
    const Real slant = modulus(of.xy), x = sqrt(of.xx), y = sqrt(of.yy);
    const Real shorter = min(scalb(x, power.first), scalb(y, power.second));
    const bool matters =
        shorter > limits.drop || scalb(slant / max(x, apart * y), power.second) > limits.noise;
    if (!(slant > limits.oblique * x * y && matters)) {
        return {false, 1, number(0), apart};
    }
    // The tangent is t apart, that of the smaller angle.
    const Real z = (of.yy * apart * apart - of.xx) / (2 * slant);
    const Real size = 1 / (fabs(z) + sqrt(fma(z, z, apart * apart)));
    const Real t = z < 0 ? -size : size;
    const Real cosine = 1 / sqrt(fma(t * apart, t * apart, Real(1)));
    return {true, cosine, conjugate(direction(of.xy, slant)) * (cosine * t), apart};
}
