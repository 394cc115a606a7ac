// The end of a sweep. A thread a matrix.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const size_t matrix = blockIdx.x * size_t(blockDim.x) + threadIdx.x;
    if (matrix >= call.count) {
        return;
    }
    unsigned *turns = call.turns_of(matrix);
    if (turns[0] == 0) {
        turns[1] = 1;
    }
    turns[0] = 0;
}
