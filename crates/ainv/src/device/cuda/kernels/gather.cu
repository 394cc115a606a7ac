// Dense copies of matrices, filled in from what is read of them. An entry read, one written.

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const Place at = placed(call);
    if (!at.is_one) {
        return;
    }
    if (call.outcomes && !is_suspect(call.outcomes[2 * at.matrix], call.outcomes[2 * at.matrix + 1])) {
        return;
    }
    const size_t i = at.i, j = at.j, filled = call.filled;
    const bool turned = i < j && (filled == SYMMETRIC || filled == MIRRORED);
    const bool read = filled == LOWER ? i >= j : filled == UPPER ? i <= j : filled == DIAGONAL ? i == j : true;
    Number x = number(0);
    if (read) {
        x = turned ? inner(call(at.matrix, j, i)) : inner(call(at.matrix, i, j));
        x = turned && filled == MIRRORED ? conjugate(x) : x;
    }
    if (i == j && double(unreal(x)) <= fabs(double(real_part(x))) * call.rounding) {
        x = number(real_part(x));
    }
    call.dense[at.at] = x;
}
