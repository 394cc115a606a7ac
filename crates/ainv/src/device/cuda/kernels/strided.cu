// Matrices that lie anywhere, as the arrays of other libraries do, beside the dense ones that kernels work on. A thread an entry.
//
// `Outer` is what their entries are: the kernel's numbers, or those of single precision where the work is done in double.

constexpr unsigned LANES = 256;
constexpr unsigned MOST_AXES = 8;

// What is read of a matrix; the rest is filled in.
constexpr size_t ALL = 0;
constexpr size_t SYMMETRIC = 1;
constexpr size_t MIRRORED = 2;
constexpr size_t LOWER = 3;
constexpr size_t UPPER = 4;
constexpr size_t DIAGONAL = 5;

struct OuterComplex {
    OuterReal re, im;
};

struct Call {
    Number *dense;
    // The entry (0, 0) of the first matrix of all.
    Outer *strided;
    // Where suspects alone are meant, what became of the matrices; else null.
    const unsigned *outcomes;
    // The numbers of the matrices that are meant; null: all.
    const size_t *numbers;
    // So many matrices, from that one on.
    size_t count;
    size_t first;
    size_t rows;
    size_t columns;
    // Steps, in entries.
    long long row;
    long long column;
    // The leading axes.
    size_t axes;
    size_t lengths[MOST_AXES];
    long long steps[MOST_AXES];
    size_t filled;
    // Imaginary parts of the diagonal are dropped that are so small beside the real ones; none if negative.
    double rounding;

    Outer &operator()(size_t matrix, size_t i, size_t j) const {
        size_t k = numbers ? numbers[first + matrix] : first + matrix;
        long long offset = (long long)i * row + (long long)j * column;
        for (size_t axis = axes; axis-- > 0;) {
            offset += (long long)(k % lengths[axis]) * steps[axis];
            k /= lengths[axis];
        }
        return strided[offset];
    }
};

Real inner(OuterReal x) {
    return x;
}

Complex inner(OuterComplex x) {
    return {x.re, x.im};
}

// Rounded to nearest; what is too large becomes infinite.
OuterReal outer(Real x) {
    return OuterReal(x);
}

OuterComplex outer(Complex x) {
    return {OuterReal(x.re), OuterReal(x.im)};
}

// Which entry a thread has: of the dense matrices that one, of a matrix the entry (i, j); or none.
struct Place {
    size_t at, matrix, i, j;
    bool is_one;
};

Place placed(const Call &call) {
    const size_t at = blockIdx.x * size_t(LANES) + threadIdx.x, size = call.rows * call.columns;
    return {at, at / size, at % size / call.columns, at % call.columns, at < call.count * size};
}
