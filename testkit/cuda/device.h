// What stands before a kernel's text to make host C++ of it, for driver.cpp to run. A block's memory is a section of its own,
// which the driver fills with NaN before each block.

using size_t = decltype(sizeof 0);

struct Dim {
    unsigned x, y, z;
};

// What the driver tells the thread whose turn it is, and how that waits.
struct Device {
    Dim thread, block, threads, blocks;
    void (*sync_threads)();
    void (*sync_warp)(unsigned);
};

extern "C" {
Device *device;
extern char __start_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_shared[] __attribute__((weak, visibility("hidden")));
char *shared_memory[2] = {__start_shared, __stop_shared};
}

#define threadIdx (device->thread)
#define blockIdx (device->block)
#define blockDim (device->threads)
#define gridDim (device->blocks)
#define __global__
#define __launch_bounds__(threads)
#define __shared__ static __attribute__((section("shared")))
#define __syncthreads() device->sync_threads()
#define __syncwarp(mask) device->sync_warp(mask)

template <class T>
T min(T a, T b) {
    return b < a ? b : a;
}

template <class T>
T max(T a, T b) {
    return a < b ? b : a;
}

inline float fma(float a, float b, float c) {
    return __builtin_fmaf(a, b, c);
}
inline float fabs(float x) {
    return __builtin_fabsf(x);
}
inline float sqrt(float x) {
    return __builtin_sqrtf(x);
}
inline float rint(float x) {
    return __builtin_rintf(x);
}
inline float ldexp(float x, int power) {
    return __builtin_ldexpf(x, power);
}
inline int ilogb(float x) {
    return __builtin_ilogbf(x);
}
extern "C" double fma(double, double, double) noexcept;
extern "C" double fabs(double) noexcept;
extern "C" double sqrt(double) noexcept;
extern "C" double hypot(double, double) noexcept;
extern "C" double rint(double) noexcept;
extern "C" double ldexp(double, int) noexcept;
extern "C" int ilogb(double) noexcept;

inline int __float_as_int(float x) {
    int bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}
inline float __int_as_float(int bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

// Threads take turns at barriers alone.
inline unsigned atomicOr(unsigned *at, unsigned bits) {
    unsigned before = *at;
    *at |= bits;
    return before;
}
