// Dense matrices divided by the power of two of their largest entry: condition numbers do not know of scale. One that holds a
// NaN or an infinity is NaN. A block a matrix: its entries read twice, written once.

struct Call {
    Number *matrices;
    // Where suspects alone are meant, what became of the matrices; else null.
    const unsigned *outcomes;
    size_t size;
};

__shared__ unsigned words[LANES];
__shared__ int exponents[LANES];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const size_t matrix = blockIdx.x;
    if (call.outcomes && !is_suspect(call.outcomes[2 * matrix], call.outcomes[2 * matrix + 1])) {
        return;
    }
    Number *a = call.matrices + matrix * call.size;
    unsigned unbounded = 0;
    int largest = NOTHING;
    for (size_t at = threadIdx.x; at < call.size; at += LANES) {
        unbounded |= !is_finite(a[at]);
        largest = max(largest, exponent(a[at]));
    }
    unbounded = of_all(words, unbounded, [](unsigned a, unsigned b) { return a | b; });
    largest = of_all(exponents, largest, [](int a, int b) { return max(a, b); });
    for (size_t at = threadIdx.x; at < call.size; at += LANES) {
        a[at] = unbounded != 0 ? no_number() : scaled(a[at], power_against(largest));
    }
}
