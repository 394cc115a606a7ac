// Reciprocal condition numbers of diagonals, whose entries stand alone, one after the other: the smallest over the largest. A
// block a matrix: n entries read twice.

struct Call {
    const Number *diagonals;
    void *conditions;
    size_t single;
    size_t order;
};

__shared__ unsigned words[LANES];
__shared__ int exponents[LANES];
__shared__ double sizes[LANES];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const size_t n = call.order, matrix = blockIdx.x;
    const Number *d = call.diagonals + matrix * n;
    unsigned unbounded = 0;
    int top = NOTHING;
    for (size_t i = threadIdx.x; i < n; i += LANES) {
        unbounded |= !is_finite(d[i]);
        top = max(top, exponent(d[i]));
    }
    unbounded = of_all(words, unbounded, [](unsigned a, unsigned b) { return a | b; });
    top = of_all(exponents, top, [](int a, int b) { return max(a, b); });
    const int down = -power_against(top);
    // Of the empty matrix nothing can be lost.
    const double infinite = 1 / double(0);
    double least = infinite, most = 0;
    for (size_t i = threadIdx.x; i < n; i += LANES) {
        least = min(least, wide_modulus(d[i], down));
        most = max(most, wide_modulus(d[i], down));
    }
    least = of_all(sizes, least, [](double a, double b) { return min(a, b); });
    most = of_all(sizes, most, [](double a, double b) { return max(a, b); });
    if (threadIdx.x == 0) {
        const double found = unbounded != 0 ? no_double() : n == 0 ? infinite : top == NOTHING ? 0 : least / most;
        tell(call.conditions, call.single != 0, matrix, found);
    }
}
