// The powers of two of the rows and columns of a lower triangle, and what is known of it. A block a matrix.
//
// Of a matrix: n^2 entries read, n^2 more in each sweep of the balance.

// While they are sought powers are numbers, in the bits of integers.
__shared__ unsigned moved;

// The powers of a triangle whose exponents lie far apart: as `balance` of small_triangle.cu.
void balance(const Number *a, int *rows, size_t n) {
    int *columns = rows + n;
    for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
        rows[i] = rows[i] == INFINITE ? INFINITE : __float_as_int(0);
        columns[i] = __float_as_int(0);
    }
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        if (threadIdx.x == 0) {
            moved = 0;
        }
        __syncthreads();
        for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
            Mean mean = {0, 0};
            for (size_t j = 0; j <= i; j++) {
                if (rows[j] != INFINITE) {
                    mean.take(exponent(a[i * n + j]), __int_as_float(columns[j]));
                }
            }
            if (rows[i] != INFINITE) {
                if (fabs(mean.power() - __int_as_float(rows[i])) >= 0.5f) {
                    atomicOr(&moved, 1);
                }
                rows[i] = __float_as_int(mean.power());
            }
        }
        __syncthreads();
        for (size_t j = threadIdx.x; j < n; j += WORKGROUP) {
            Mean mean = {0, 0};
            for (size_t i = j; i < n; i++) {
                if (rows[i] != INFINITE) {
                    mean.take(exponent(a[i * n + j]), __int_as_float(rows[i]));
                }
            }
            if (rows[j] != INFINITE) {
                columns[j] = __float_as_int(mean.power());
            }
        }
        __syncthreads();
        const bool settled = moved == 0;
        __syncthreads();
        if (settled) {
            break;
        }
    }
    for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
        if (rows[i] != INFINITE) {
            rows[i] = int(rint(__int_as_float(rows[i])));
        }
        columns[i] = int(rint(__int_as_float(columns[i])));
    }
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, matrix = blockIdx.x;
    const Number *a = call.rows_of(matrix);
    int *rows = call.powers_of(matrix), *columns = rows + n;
    const bool unit = call.has(UNIT), hermitian = call.has(HERMITIAN);
    Extent all = EMPTY;
    unsigned seen = 0;
    for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
        Extent along = EMPTY;
        unsigned seen_here = 0;
        for (size_t j = 0; j < i + !unit; j++) {
            along.take(exponent(a[i * n + j]));
            seen_here |= look_at_triangle(a[i * n + j], i == j);
        }
        all.take(along);
        seen |= seen_here;
        const int size = hermitian ? size_of_row(along.largest, exponent(a[i * n + i])) : along.largest;
        rows[i] = (seen_here & SAW_INFINITE) != 0 ? INFINITE : along.largest == NOTHING || unit ? 0 : -size;
        // Nothing is exchanged.
        call.places_of(matrix)[n + i] = i;
    }
    all = extent_of_all(all);
    seen = seen_by_all(seen);
    const bool wide = !unit && !hermitian && all.is_wide();
    if (wide) {
        balance(a, rows, n);
    }
    unsigned zero_at = 0;
    for (size_t j = threadIdx.x; j < n; j += WORKGROUP) {
        const Number pivot = a[j * n + j];
        Extent down = EMPTY;
        for (size_t i = j; i < n && !wide && !unit && !hermitian && rows[j] != INFINITE; i++) {
            if (rows[i] != INFINITE) {
                down.take(exponent(a[i * n + j]), rows[i]);
            }
        }
        int power = power_against(down.largest);
        if (wide) {
            power = rows[j] == INFINITE ? columns[j] : power_of_column(columns[j], exponent(pivot), rows[j]);
        }
        columns[j] = power;
        const bool lost = rows[j] != INFINITE && size(scaled_to(pivot, rows[j] + power, TOP)) == 0;
        if (!unit && lost) {
            zero_at = first_of(zero_at, zero_number(call, j, n));
        }
    }
    zero_at = of_all(words, zero_at, first_of);
    if (threadIdx.x == 0) {
        call.flags_of(matrix) = (seen & SAW_NAN) != 0 ? NON_FINITE : 0;
        call.zero_pivot_of(matrix) = zero_at;
    }
}
