// libcublas.so.12 in software: the calls of crates/ainv/src/device/cuda/cublas.rs, by plain loops in the order of a stream of
// driver.cpp. What it is told is checked: that a context is current, that its operands and its workspace are memory that was
// taken. That workspace is written over in each product, so that nothing else may lie there.
//
// AINV_SOFTWARE_PRODUCTS is the status that every product comes to, AINV_SOFTWARE_CUBLAS that of opening it.

#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace {

enum Status {
    SUCCESS = 0,
    NOT_INITIALIZED = 1,
    INVALID_VALUE = 7,
    EXECUTION_FAILED = 13,
};

enum Operation { AS_IT_IS = 0, TRANSPOSED = 1 };

struct Handle {
    void *stream = nullptr;
    uint64_t workspace = 0;
    size_t bytes = 0;
};

// A function of the driver that this process has.
template <class F>
F *of_driver(const char *name) {
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    return driver ? reinterpret_cast<F *>(dlsym(driver, name)) : nullptr;
}

bool has_context() {
    auto *current = of_driver<int(void **)>("cuCtxGetCurrent");
    void *context = nullptr;
    return current && current(&context) == 0 && context;
}

bool is_taken(uint64_t at, size_t bytes) {
    auto *taken = of_driver<bool(uint64_t, size_t)>("ainv_software_is_taken");
    return taken && taken(at, bytes);
}

// What a product is, until its turn comes.
template <class T>
struct Product {
    bool transposed;
    int m, n, k;
    T alpha, beta;
    const T *a, *b;
    T *c;
    int lda, ldb, ldc;
    Handle handle;

    static void run(void *product) {
        auto *p = static_cast<Product *>(product);
        p->run();
        delete p;
    }

    void run() const {
        memset(reinterpret_cast<void *>(handle.workspace), 0xff, handle.bytes);
        for (ptrdiff_t j = 0; j < n; j++) {
            for (ptrdiff_t i = 0; i < m; i++) {
                T sum = 0;
                for (ptrdiff_t l = 0; l < k; l++) {
                    sum += a[i + l * lda] * (transposed ? b[j + l * ldb] : b[l + j * ldb]);
                }
                T &x = c[i + j * ldc];
                x = alpha * sum + beta * x;
            }
        }
    }
};

// The operands column by column: A is m x k, B k x n or its transpose, C m x n.
template <class T>
int gemm(
    const Handle *handle, int of_a, int of_b, int m, int n, int k, const T *alpha, uint64_t a, int lda, uint64_t b, int ldb,
    const T *beta, uint64_t c, int ldc
) {
    const bool is_known = of_a == AS_IT_IS && (of_b == AS_IT_IS || of_b == TRANSPOSED);
    const auto taken = [](uint64_t at, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t leading) {
        return is_taken(at, ((columns - 1) * leading + rows) * sizeof(T));
    };
    const bool fits = m > 0 && n > 0 && k > 0 && lda >= m && ldc >= m && ldb >= (of_b == TRANSPOSED ? n : k);
    if (!handle || !is_known || !fits || !is_taken(handle->workspace, handle->bytes)) {
        return INVALID_VALUE;
    }
    const bool turned = of_b == TRANSPOSED;
    if (!taken(a, m, k, lda) || !taken(b, turned ? n : k, turned ? k : n, ldb) || !taken(c, m, n, ldc)) {
        return INVALID_VALUE;
    }
    if (const char *status = getenv("AINV_SOFTWARE_PRODUCTS")) {
        return atoi(status);
    }
    auto *enqueue = of_driver<int(void *, void (*)(void *), void *)>("ainv_software_enqueue");
    auto at = [](uint64_t address) { return reinterpret_cast<T *>(address); };
    auto *product = new Product<T>{
        of_b == TRANSPOSED, m, n, k, *alpha, *beta, at(a), at(b), at(c), lda, ldb, ldc, *handle,
    };
    if (!enqueue || enqueue(handle->stream, Product<T>::run, product) != 0) {
        delete product;
        return EXECUTION_FAILED;
    }
    return SUCCESS;
}

} // namespace

extern "C" {

int cublasGetProperty(int which, int *value) {
    *value = which == 0 ? 12 : 0;
    return SUCCESS;
}

// In a context, which it takes no memory of.
int cublasCreate_v2(Handle **handle) {
    if (const char *status = getenv("AINV_SOFTWARE_CUBLAS")) {
        return atoi(status);
    }
    if (!has_context()) {
        return NOT_INITIALIZED;
    }
    *handle = new Handle;
    return SUCCESS;
}

int cublasDestroy_v2(Handle *handle) {
    delete handle;
    return handle ? SUCCESS : NOT_INITIALIZED;
}

// As the library does, it forgets the workspace.
int cublasSetStream_v2(Handle *handle, void *stream) {
    *handle = {stream, 0, 0};
    return has_context() ? SUCCESS : NOT_INITIALIZED;
}

int cublasSetWorkspace_v2(Handle *handle, uint64_t workspace, size_t bytes) {
    if (workspace % 256 != 0 || !is_taken(workspace, bytes)) {
        return INVALID_VALUE;
    }
    handle->workspace = workspace;
    handle->bytes = bytes;
    return SUCCESS;
}

int cublasSgemm_v2(
    const Handle *handle, int of_a, int of_b, int m, int n, int k, const float *alpha, uint64_t a, int lda, uint64_t b, int ldb,
    const float *beta, uint64_t c, int ldc
) {
    return gemm(handle, of_a, of_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

int cublasDgemm_v2(
    const Handle *handle, int of_a, int of_b, int m, int n, int k, const double *alpha, uint64_t a, int lda, uint64_t b, int ldb,
    const double *beta, uint64_t c, int ldc
) {
    return gemm(handle, of_a, of_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

int cublasCgemm_v2(
    const Handle *handle, int of_a, int of_b, int m, int n, int k, const std::complex<float> *alpha, uint64_t a, int lda,
    uint64_t b, int ldb, const std::complex<float> *beta, uint64_t c, int ldc
) {
    return gemm(handle, of_a, of_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

int cublasZgemm_v2(
    const Handle *handle, int of_a, int of_b, int m, int n, int k, const std::complex<double> *alpha, uint64_t a, int lda,
    uint64_t b, int ldb, const std::complex<double> *beta, uint64_t c, int ldc
) {
    return gemm(handle, of_a, of_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

} // extern "C"
