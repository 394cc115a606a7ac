// Of each matrix 0, or the 1-based number of its zero pivot: Outcome::status of parts.rs has the same. A thread a matrix.

struct Call {
    const unsigned *outcomes;
    int *info;
    size_t count;
    size_t order;
};

extern "C" __global__ void __launch_bounds__(256) kernel(const Call call) {
    const size_t matrix = blockIdx.x * size_t(256) + threadIdx.x;
    if (matrix >= call.count) {
        return;
    }
    const unsigned flags = call.outcomes[2 * matrix], zero_pivot = call.outcomes[2 * matrix + 1];
    const unsigned at = zero_pivot != 0 ? zero_pivot : (flags & OVERFLOWED) != 0 ? unsigned(call.order) : 0;
    call.info[matrix] = (flags & NON_FINITE) != 0 ? 0 : int(at);
}
