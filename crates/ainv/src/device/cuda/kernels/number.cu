// Numbers as IEEE 754 has them: subnormal ones are kept, division and roots are rounded once, and no product is contracted
// with a sum but where fma() says so. `Real` is float or double, `Number` is that or Complex.

struct Complex {
    Real re, im;
};

constexpr bool SINGLE = sizeof(Real) == 4;
// The bits of the fraction, and the largest exponent.
constexpr int MANTISSA = SINGLE ? 23 : 52;
constexpr int TOP = SINGLE ? 127 : 1023;
// Beyond this power of two the reciprocal of a pivot makes its matrix a suspect; in between right-hand sides stay as they are.
constexpr int BIG = SINGLE ? 100 : 900;
// Entries whose exponents differ by more are scaled by rows and columns apart, if the matrix is a suspect.
constexpr int SPREAD = SINGLE ? 25 : 225;
// So far under the largest entry a row or a column would make products that underflow.
constexpr int GRADED = SINGLE ? 60 : 500;
// Of a number that has no exponent: zero, NaN, an infinity.
constexpr int NOTHING = -100000;

// Real entries.

bool is_nan(Real x) {
    return x != x;
}

bool is_finite(Real x) {
    return x - x == 0;
}

bool is_infinite(Real x) {
    return !is_nan(x) && !is_finite(x);
}

bool is_zero(Real x) {
    return x == 0;
}

// e with 2^e <= |x| < 2^(e+1), of subnormal numbers, too.
int exponent(Real x) {
    return x == 0 || !is_finite(x) ? NOTHING : ilogb(x);
}

// Of the parts that are not zero.
int smallest_exponent(Real x) {
    return exponent(x);
}

// x * 2^power, rounded once. NVIDIA found an error of 0 ulp in ldexp, and in ilogb, over the full range of float and of double
// (CUDA C++ Programming Guide, Mathematical Functions: by extensive, not exhaustive tests). A zero has no sign: which one an
// elimination leaves is no one's concern.
Real scaled(Real x, int power) {
    return ldexp(x, power) + 0;
}

Real conjugate(Real x) {
    return x;
}

Real real_part(Real x) {
    return x;
}

// Of the imaginary part.
Real unreal(Real) {
    return 0;
}

// What pivots are compared by.
Real size(Real x) {
    return fabs(x);
}

Real times(Real a, Real b) {
    return a * b;
}

// c - a b
Real less(Real c, Real a, Real b) {
    return fma(-a, b, c);
}

// a b - c d, right to 1.5 units of rounding, by Kahan: what the second product lost is added to the difference.
Real difference_of_products(Real a, Real b, Real c, Real d) {
    Real product = c * d;
    Real lost = fma(-c, d, product);
    return fma(a, b, -product) + lost;
}

Real reciprocal(Real x) {
    return 1 / x;
}

// b / x, where x is not zero: zero for an infinite x.
Real quotient(Real b, Real x) {
    return b / x;
}

// |x|^2
Real squared(Real x) {
    return x * x;
}

Real modulus(Real x) {
    return fabs(x);
}

// x / |x|, where that modulus is not zero.
Real direction(Real x, Real) {
    return x < 0 ? -1 : 1;
}

// 2^e, no more than the largest one.
Real power_of_two(int e) {
    return ldexp(Real(1), min(e, TOP));
}

// x * 2^power, or the largest power of two if that is smaller; of x >= 0.
Real scalb(Real x, int power) {
    return min(ldexp(x, power), power_of_two(TOP));
}

// Complex entries.

bool is_nan(Complex x) {
    return is_nan(x.re) || is_nan(x.im);
}

bool is_finite(Complex x) {
    return is_finite(x.re) && is_finite(x.im);
}

bool is_infinite(Complex x) {
    return is_infinite(x.re) || is_infinite(x.im);
}

bool is_zero(Complex x) {
    return x.re == 0 && x.im == 0;
}

// The larger one of the parts'; nothing beside an infinity, too.
int exponent(Complex x) {
    return is_finite(x) ? max(exponent(x.re), exponent(x.im)) : NOTHING;
}

int smallest_exponent(Complex x) {
    int least = min(exponent(x.re), exponent(x.im));
    return least == NOTHING ? max(exponent(x.re), exponent(x.im)) : least;
}

Complex scaled(Complex x, int power) {
    return {scaled(x.re, power), scaled(x.im, power)};
}

Complex operator-(Complex x) {
    return {-x.re, -x.im};
}

Complex operator+(Complex x, Complex y) {
    return {x.re + y.re, x.im + y.im};
}

Complex operator*(Complex x, Real by) {
    return {x.re * by, x.im * by};
}

Complex conjugate(Complex x) {
    return {x.re, -x.im};
}

Real real_part(Complex x) {
    return x.re;
}

Real unreal(Complex x) {
    return fabs(x.im);
}

Real size(Complex x) {
    return fabs(x.re) + fabs(x.im);
}

Complex times(Complex a, Complex b) {
    return {fma(a.re, b.re, -(a.im * b.im)), fma(a.re, b.im, a.im * b.re)};
}

Complex less(Complex c, Complex a, Complex b) {
    return {fma(-a.re, b.re, fma(a.im, b.im, c.re)), fma(-a.re, b.im, fma(-a.im, b.re, c.im))};
}

// Four products a part: two compensated differences, then theirs.
Complex difference_of_products(Complex a, Complex b, Complex c, Complex d) {
    return {
        difference_of_products(a.re, b.re, a.im, b.im) - difference_of_products(c.re, d.re, c.im, d.im),
        difference_of_products(a.re, b.im, -a.im, b.re) - difference_of_products(c.re, d.im, -c.im, d.re),
    };
}

// 1 / x, brought near one by a power of two: the square of a modulus has twice its exponent.
Complex reciprocal(Complex x) {
    int e = exponent(x);
    Complex z = scaled(x, -e);
    Real modulus = fma(z.re, z.re, z.im * z.im);
    return scaled(Complex{z.re / modulus, -z.im / modulus}, -e);
}

// Of a b that is not finite NaN.
Complex quotient(Complex b, Complex x) {
    if (!is_finite(b)) {
        const Real nan = Real(0) / Real(0);
        return {nan, nan};
    }
    if (is_infinite(x) || is_zero(b)) {
        return {0, 0};
    }
    int e = exponent(x), f = exponent(b);
    Complex z = scaled(x, -e), product = times(scaled(b, -f), conjugate(z));
    Real modulus = fma(z.re, z.re, z.im * z.im);
    return scaled(Complex{product.re / modulus, product.im / modulus}, f - e);
}

Real squared(Complex x) {
    return fma(x.re, x.re, x.im * x.im);
}

// Of a number that is zero or near one.
Real modulus(Complex x) {
    return sqrt(squared(x));
}

Complex direction(Complex x, Real modulus) {
    return x * (1 / modulus);
}

// Both.

// The largest order that the CPU inverts by a closed form.
constexpr unsigned CLOSED = sizeof(Number) == sizeof(Real) ? 3 : 2;

// A real number as one of the kernel's: Number{x}, whose imaginary part is zero.
Number number(Real x) {
    return Number{x};
}

Number no_number() {
    Number x;
    Real *parts = (Real *)&x;
    for (unsigned i = 0; i < sizeof(Number) / sizeof(Real); i++) {
        parts[i] = Real(0) / Real(0);
    }
    return x;
}

// The reciprocal of a pivot, or what stands for that of zero.
Number reciprocal_or(Number pivot, Real otherwise) {
    return size(pivot) > 0 ? reciprocal(pivot) : number(otherwise);
}
