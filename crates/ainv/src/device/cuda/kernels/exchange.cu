// Columns beside a panel: their rows are exchanged as the panel's, or its block's, were, and those of the panel solved with
// its lower block, on whose diagonal a zero stands for one. A thread a column: up to 2 entries read and
// written for each exchange, and width; width^2 / 2 multiply-adds.

constexpr unsigned LANES = 64;

__shared__ Number block[PANEL * PANEL];
__shared__ Number factors[PANEL];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const Place at = placed();
    if (call.is_done(at.matrix)) {
        return;
    }
    const size_t n = call.order, first = call.first, width = call.width;
    for (unsigned e = threadIdx.x; e < width * PANEL; e += LANES) {
        const unsigned i = e / PANEL, c = e % PANEL;
        block[e] = c < width ? call.panel_of(at.matrix)[(first + i) * call.leading + c] : number(0);
    }
    __syncthreads();
    if (threadIdx.x < width) {
        factors[threadIdx.x] = reciprocal_or(block[threadIdx.x * (PANEL + 1)], 1);
    }
    __syncthreads();
    if (at.j >= call.columns || (at.j >= call.own && at.j < call.own + width)) {
        return;
    }
    Number *column = call.columns_of(at.matrix) + at.j;
    const unsigned *exchanged = call.places_of(at.matrix) + n + first;
    for (size_t t = 0; t < call.exchanges; t++) {
        if (exchanged[t] != first + t) {
            Number &here = column[(first + t) * call.step], &there = column[exchanged[t] * call.step];
            const Number x = there;
            there = here;
            here = x;
        }
    }
    Number solved[PANEL];
    for (unsigned i = 0; i < width; i++) {
        Number s = column[(first + i) * call.step];
        for (unsigned k = 0; k < i; k++) {
            s = less(s, block[i * PANEL + k], solved[k]);
        }
        solved[i] = is_zero(block[i * PANEL + i]) ? s : times(s, factors[i]);
        column[(first + i) * call.step] = solved[i];
    }
}
