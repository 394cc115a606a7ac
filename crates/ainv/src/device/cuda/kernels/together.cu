// How the threads of a block meet.

// Those of a team, so many lanes of a warp, wait for each other.
template <unsigned MEMBERS>
void together() {
    if (MEMBERS > 1) {
        __syncwarp((~0u >> (32 - MEMBERS)) << (threadIdx.x % 32 / MEMBERS * MEMBERS));
    }
}

// What all the threads of a block make of what each has, by halves.
template <class T, unsigned THREADS, class F>
T of_all(T (&shared)[THREADS], T mine, F both) {
    __syncthreads();
    shared[threadIdx.x] = mine;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            shared[threadIdx.x] = both(shared[threadIdx.x], shared[threadIdx.x + half]);
        }
    }
    __syncthreads();
    return shared[0];
}

// Where the first of the largest entries stands.
struct Pivot {
    Real size;
    unsigned at;
};

Pivot larger(Pivot a, Pivot b) {
    return b.size > a.size || (b.size == a.size && b.at < a.at) ? b : a;
}
