// What kernels of triangles share: how a lower triangle is read, and how it is balanced.

// A unit triangle, whose diagonal is not read.
constexpr unsigned UNIT = 1;
// Rows are counted from the last one: the caller's triangle was an upper one.
constexpr unsigned REVERSED = 2;
// The inverse of L L^H is asked for.
constexpr unsigned HERMITIAN = 4;
// L L^H is given, and L found first.
constexpr unsigned DEFINITE = 8;

// Sweeps of the balance at most; full triangles take under ten.
constexpr unsigned SWEEPS = 50;
// An entry so far over a diagonal near one is that of no positive definite matrix, and its square still is a number.
constexpr int BEYOND = 40;

// An infinity counts on the diagonal alone; elsewhere it is no better than a NaN.
unsigned look_at_triangle(Number x, bool diagonal) {
    const unsigned seen = look(x, diagonal);
    return seen | (!diagonal && (seen & SAW_INFINITE) != 0 ? SAW_NAN : 0);
}

// The 1-based number of row i, in the caller's order.
unsigned zero_number(const Call &call, unsigned i, unsigned n) {
    return (call.mode & REVERSED) != 0 ? n - i : i + 1;
}

// The smaller one of two numbers that are not zero.
unsigned first_of(unsigned a, unsigned b) {
    return a == 0 || b == 0 ? max(a, b) : min(a, b);
}

// The half of an exponent, rounded down; zero of nothing.
int half_of(int exponent) {
    return exponent == NOTHING ? 0 : exponent >> 1;
}

// What the row of a factor is divided by: its largest entry, or less, so that its diagonal entry stays a number. One that
// would not even be subnormal beside the largest is zero, as on the CPU.
int size_of_row(int largest, int diagonal) {
    const bool lost = diagonal == NOTHING || largest - diagonal > TOP - 1 + MANTISSA;
    return lost ? largest : min(largest, diagonal + GRADED);
}

// The power of a column, or more, so that its diagonal entry stays a number.
int power_of_column(int power, int diagonal, int row) {
    return diagonal == NOTHING ? power : max(power, -GRADED - diagonal - row);
}

// x * 2^power, or what has the exponent `most`.
Number scaled_to(Number x, int power, int most) {
    const int e = exponent(x);
    return e == NOTHING ? x : scaled(x, min(power, most - e));
}

// An entry of a positive definite matrix, brought near its diagonal.
Number definite_scaled(Number x, int power, bool diagonal) {
    const Number y = scaled_to(x, power, BEYOND);
    return diagonal ? number(real_part(y)) : y;
}

// What brings the mean of some exponents to zero.
struct Mean {
    float sum, entries;

    void take(int exponent, float power) {
        if (exponent != NOTHING) {
            sum += exponent + power;
            entries += 1;
        }
    }

    float power() const {
        return entries == 0 ? 0 : -sum / entries;
    }
};
