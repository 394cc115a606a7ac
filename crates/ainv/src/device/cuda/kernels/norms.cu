// Norms of dense matrices, and with those of their inverses the reciprocal condition numbers 1 / (norm(A) norm(A^-1)). A block
// a matrix, a thread a column: n^2 entries read.

// What counts of a matrix.
constexpr size_t ALL = 0;
constexpr size_t LOWER = 1;
// The same, with ones on the diagonal.
constexpr size_t UNIT = 2;
// The lower triangle, and its mirror image.
constexpr size_t MIRRORED = 3;
// The lower triangle L of which the matrix is the product L L^H.
constexpr size_t FACTOR = 4;

struct Call {
    const Number *matrices;
    // Of matrices; where conditions are asked for these are read, and the matrices are the inverses.
    Norm *norms;
    const unsigned *outcomes;
    void *conditions;
    size_t single;
    size_t order;
    size_t entries;
    // Whether rows are summed, not columns.
    size_t rows;
    // Whether the matrices were brought near one: their inverses may overflow, and then have an infinite norm.
    size_t near_one;
};

__shared__ double sums[LANES];
__shared__ Pivot pivots[LANES];

// Or NaN.
double larger_of(double a, double b) {
    return a >= b || a != a ? a : b;
}

double sum_of_column(const Call &call, const Number *a, size_t column, int down) {
    const size_t n = call.order;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (call.entries == UNIT && i == column) {
            sum += 1;
        } else if (call.entries == ALL || call.entries == MIRRORED || i >= column) {
            const bool turned = call.rows != 0 || (call.entries == MIRRORED && i < column);
            sum += wide_modulus(turned ? a[column * n + i] : a[i * n + column], down);
        }
    }
    return sum;
}

Norm norm_of(const Call &call, const Number *a) {
    Norm norm = {0, 0};
    for (int down = 0; down <= DOWN; down += DOWN) {
        double largest = 0;
        for (size_t column = threadIdx.x; column < call.order; column += LANES) {
            largest = larger_of(largest, sum_of_column(call, a, column, down));
        }
        norm = {of_all(sums, largest, larger_of), down};
        if (is_bounded(norm.value) || call.near_one != 0) {
            return norm;
        }
    }
    norm.value = no_double();
    return norm;
}

// The sum of that column of L L^H whose row of L is the largest, seldom under half of the norm: the product is not formed.
Norm norm_of_product(const Call &call, const Number *l) {
    const size_t n = call.order;
    Pivot top = {-1, 0};
    for (size_t i = threadIdx.x; i < n; i += LANES) {
        Real sum = 0;
        for (size_t j = 0; j <= i; j++) {
            sum += size(l[i * n + j]);
        }
        top = larger(top, Pivot{sum, unsigned(i)});
    }
    top = of_all(pivots, top, larger);
    // Near one, so that the products are in range if L is.
    const int e = exponent(top.size);
    if (e == NOTHING) {
        return {no_double(), 0};
    }
    double sum = 0;
    for (size_t i = threadIdx.x; i < n; i += LANES) {
        Number entry = number(0);
        for (size_t j = 0; j <= min(i, size_t(top.at)); j++) {
            entry = less(entry, -l[i * n + j], conjugate(scaled(l[top.at * n + j], -e)));
        }
        sum += wide_modulus(entry, 0);
    }
    return {of_all(sums, sum, [](double a, double b) { return a + b; }), e};
}

// 1 / (a x), where the product is out of range, too; NaN where one of them is not a number of its own.
double reciprocal_of_product(Norm a, Norm x) {
    if (!(a.value > 0 && x.value > 0 && is_bounded(a.value) && is_bounded(x.value))) {
        return no_double();
    }
    const int e = ilogb(a.value), f = ilogb(x.value);
    return ldexp(1 / ldexp(a.value, -e) / ldexp(x.value, -f), -(e + a.exponent) - (f + x.exponent));
}

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const size_t matrix = blockIdx.x;
    const Number *a = call.matrices + matrix * call.order * call.order;
    const Norm norm = call.entries == FACTOR ? norm_of_product(call, a) : norm_of(call, a);
    if (threadIdx.x != 0) {
        return;
    }
    if (!call.conditions) {
        call.norms[matrix] = norm;
        return;
    }
    const unsigned flags = call.outcomes[2 * matrix], zero_pivot = call.outcomes[2 * matrix + 1];
    const Norm of_matrix = call.norms[matrix];
    double found = call.near_one != 0 ? 1 / of_matrix.value / norm.value : reciprocal_of_product(of_matrix, norm);
    if ((flags & NON_FINITE) != 0) {
        found = no_double();
    } else if (zero_pivot != 0 || (flags & OVERFLOWED) != 0) {
        found = 0;
    }
    tell(call.conditions, call.single != 0, matrix, found);
}
