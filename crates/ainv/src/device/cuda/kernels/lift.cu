// The part of U right of a diagonal block goes to the panels, row k of them its column k; zeros take its place.
// A thread a column: width entries read, 2 width written.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    const size_t n = call.order, j = call.first + call.width + at.j;
    if (j >= n || call.is_done(at.matrix)) {
        return;
    }
    for (size_t i = 0; i < call.width; i++) {
        Number &x = call.rows_of(at.matrix)[(call.first + i) * n + j];
        call.panel_of(at.matrix)[j * call.leading + i] = x;
        x = number(0);
    }
}
