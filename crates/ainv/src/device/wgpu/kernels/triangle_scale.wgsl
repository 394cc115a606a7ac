// The powers of two of the rows and columns of a lower triangle, and what is known of it. A workgroup a matrix.

const LANES = WORKGROUP;

var<workgroup> seen_of: array<u32, LANES>;
var<workgroup> zero_of: array<u32, LANES>;
var<workgroup> largest_of: array<i32, LANES>;
var<workgroup> smallest_of: array<i32, LANES>;
var<workgroup> some_wide: u32;
var<workgroup> moved: atomic<u32>;
var<workgroup> moves: u32;

// The powers of a triangle whose exponents lie far apart: as `balance` of small_triangle.wgsl.
fn balance(lane: u32, corner: u32, rows: u32) {
    let n = call.order;
    for (var i = lane; i < n; i += LANES) {
        if powers[rows + i] != INFINITE {
            powers[rows + i] = 0;
        }
        powers[rows + n + i] = 0;
    }
    storageBarrier();
    workgroupBarrier();
    for (var sweep = 0u; sweep < SWEEPS; sweep++) {
        for (var i = lane; i < n; i += LANES) {
            if powers[rows + i] == INFINITE {
                continue;
            }
            var sum = 0.0f;
            var entries = 0.0f;
            for (var j = 0u; j <= i; j++) {
                let e = entry_exponent(matrices[corner + i * n + j]);
                if e != NOTHING && powers[rows + j] != INFINITE {
                    sum += f32(e) + sought(powers[rows + n + j]);
                    entries += 1.0;
                }
            }
            let power = found(sum, entries);
            if abs(sought(power) - sought(powers[rows + i])) >= 0.5 {
                atomicStore(&moved, 1u);
            }
            powers[rows + i] = power;
        }
        storageBarrier();
        workgroupBarrier();
        for (var j = lane; j < n; j += LANES) {
            if powers[rows + j] == INFINITE {
                continue;
            }
            var sum = 0.0f;
            var entries = 0.0f;
            for (var i = j; i < n; i++) {
                let e = entry_exponent(matrices[corner + i * n + j]);
                if e != NOTHING && powers[rows + i] != INFINITE {
                    sum += f32(e) + sought(powers[rows + i]);
                    entries += 1.0;
                }
            }
            powers[rows + n + j] = found(sum, entries);
        }
        storageBarrier();
        workgroupBarrier();
        if lane == 0u {
            moves = atomicExchange(&moved, 0u);
        }
        if workgroupUniformLoad(&moves) == 0u {
            break;
        }
    }
    for (var i = lane; i < n; i += LANES) {
        if powers[rows + i] != INFINITE {
            powers[rows + i] = whole(powers[rows + i]);
        }
        powers[rows + n + i] = whole(powers[rows + n + i]);
    }
    storageBarrier();
    workgroupBarrier();
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let matrix = group.x;
    let corner = matrix * n * n;
    let rows = powers_of(matrix);
    let unit = (call.mode & UNIT) != 0u;
    var seen = 0u;
    var largest = NOTHING;
    var smallest = -NOTHING;
    for (var i = lane; i < n; i += LANES) {
        var along = NOTHING;
        var seen_here = 0u;
        for (var j = 0u; j <= i; j++) {
            if j == i && unit {
                continue;
            }
            let x = matrices[corner + i * n + j];
            let e = entry_exponent(x);
            along = max(along, e);
            smallest = min(smallest, select(e, -NOTHING, e == NOTHING));
            seen_here |= look_at_triangle(x, i == j);
        }
        seen |= seen_here;
        largest = max(largest, along);
        var size = along;
        if (call.mode & HERMITIAN) != 0u {
            size = size_of_row(along, entry_exponent(matrices[corner + i * n + i]));
        }
        let power = select(-size, 0, along == NOTHING || unit);
        powers[rows + i] = select(power, INFINITE, (seen_here & SAW_INFINITE) != 0u);
        // Nothing is exchanged.
        places[places_of(matrix) + n + i] = i;
    }
    seen_of[lane] = seen;
    largest_of[lane] = largest;
    smallest_of[lane] = smallest;
    storageBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            largest_of[lane] = max(largest_of[lane], largest_of[lane + half]);
            smallest_of[lane] = min(smallest_of[lane], smallest_of[lane + half]);
        }
    }
    if lane == 0u {
        let apart = (call.mode & (UNIT | HERMITIAN)) == 0u && largest_of[0] - smallest_of[0] > SPREAD;
        some_wide = select(0u, 1u, apart);
        atomicStore(&moved, 0u);
    }
    let wide = workgroupUniformLoad(&some_wide) != 0u;
    if wide {
        balance(lane, corner, rows);
    }
    var zero_at = 0u;
    for (var j = lane; j < n; j += LANES) {
        var down = NOTHING;
        if !wide && (call.mode & (UNIT | HERMITIAN)) == 0u && powers[rows + j] != INFINITE {
            for (var i = j; i < n; i++) {
                let e = entry_exponent(matrices[corner + i * n + j]);
                if e != NOTHING && powers[rows + i] != INFINITE {
                    down = max(down, e + powers[rows + i]);
                }
            }
        }
        var power = select(-down, 0, down == NOTHING);
        let pivot = matrices[corner + j * n + j];
        if wide {
            power = powers[rows + n + j];
            if powers[rows + j] != INFINITE {
                power = power_of_column(power, entry_exponent(pivot), powers[rows + j]);
            }
        }
        powers[rows + n + j] = power;
        let lost = powers[rows + j] != INFINITE && size(entry_scaled_to(pivot, powers[rows + j] + power, TOP)) == Real(0.0);
        if !unit && (entry_is_zero(pivot) || lost) {
            zero_at = first_of(zero_at, zero_number(j, n));
        }
    }
    zero_of[lane] = zero_at;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            seen_of[lane] |= seen_of[lane + half];
            zero_of[lane] = first_of(zero_of[lane], zero_of[lane + half]);
        }
    }
    if lane == 0u {
        atomicStore(&outcomes[2u * matrix], select(0u, NON_FINITE, (seen_of[0] & SAW_NAN) != 0u));
        atomicStore(&outcomes[2u * matrix + 1u], zero_of[0]);
    }
}
