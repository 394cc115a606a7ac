// What the kernels of condition numbers share. Sums are of double numbers, whatever those of the matrices are, and made in the
// order that the host's are.

constexpr unsigned LANES = 256;
// The power of two that entries are divided by where their sum overflows.
constexpr int DOWN = 64;

// A norm that may be beyond the range: value 2^exponent.
struct Norm {
    double value;
    int exponent;
};

// |x| 2^-down
double wide_modulus(Real x, int down) {
    return fabs(ldexp(double(x), -down));
}

double wide_modulus(Complex x, int down) {
    const double re = ldexp(double(x.re), -down), im = ldexp(double(x.im), -down), square = re * re + im * im;
    // Where the square is out of range, or has lost digits there, it is taken another way.
    return 1e-280 < square && square < 1e300 ? sqrt(square) : hypot(re, im);
}

bool is_bounded(double x) {
    return x - x == 0;
}

double no_double() {
    return double(0) / double(0);
}

// Where those of a call go.
void tell(void *conditions, bool single, size_t matrix, double found) {
    if (single) {
        ((float *)conditions)[matrix] = float(found);
    } else {
        ((double *)conditions)[matrix] = found;
    }
}
