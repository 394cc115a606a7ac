// libcuda.so.1 in software: the calls of the driver that ainv makes (crates/ainv/src/device/cuda/driver.rs) and benches/gpu.py,
// for one device whose kernels are host code of nvrtc.cpp. The arithmetic is IEEE 754's, as the device's is: results have its
// bits.
//
// One thread does what streams were told, in the order of the calls: asynchronous to its caller, as a device is. A block's
// threads are fibers that take turns at the barriers, in orders that are drawn (the same ones in every run), so that a barrier
// that is missing changes a result. Memory holds NaN until it is written, and AINV_SOFTWARE_MEMORY limits it, in bytes.
//
// The launch that AINV_SOFTWARE_FAULT numbers, from one on, fails as one does that writes where nothing is: from then on
// nothing succeeds in the context, until all who retained it released it. AINV_SOFTWARE_CAPABILITY is the compute capability.

#include "device.h"

#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <ucontext.h>
#include <vector>

namespace {

// Results of the driver, by their numbers in cuda.h.
enum Result {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
};

size_t number_of(const char *variable, size_t otherwise) {
    const char *text = getenv(variable);
    return text ? strtoull(text, nullptr, 10) : otherwise;
}

// Kernels.

constexpr unsigned MOST_THREADS = 1024;
constexpr size_t STACK = 256 << 10;

struct Function {
    void (*launch)(void **);
    Device **device;
    char **shared;
    // Bytes of its argument.
    size_t argument;
};

// Where threads meet: of the block, and of the lanes of a warp whose first one has this number.
struct Barrier {
    unsigned members, arrived, turn;

    // Whether that was the last one.
    bool arrive() {
        arrived++;
        return release();
    }

    bool release() {
        if (arrived < members || members == 0) {
            return false;
        }
        arrived = 0;
        turn++;
        return true;
    }
};

struct Fiber {
    jmp_buf at;
    char *stack = nullptr;
    bool ended;
    // What it waits for.
    const Barrier *barrier;
    unsigned turn;
};

Fiber fibers[MOST_THREADS];
Barrier whole, lanes[MOST_THREADS];
jmp_buf scheduler;
unsigned current, alive;
Device state;
const Function *running;
void **running_arguments;

// Gives the turn back; returns when it has it again.
void wait() {
    if (!_setjmp(fibers[current].at)) {
        _longjmp(scheduler, 1);
    }
}

void meet(Barrier &barrier) {
    fibers[current].barrier = &barrier;
    fibers[current].turn = barrier.turn + 1;
    if (!barrier.arrive()) {
        wait();
    }
}

void sync_threads() {
    meet(whole);
}

void sync_warp(unsigned mask) {
    const unsigned warp = current / 32 * 32, there = state.threads.x - warp;
    Barrier &barrier = lanes[warp + __builtin_ctz(mask)];
    barrier.members = __builtin_popcount(there < 32 ? mask & ~(~0u << there) : mask);
    meet(barrier);
}

bool may_go_on(const Fiber &fiber) {
    return !fiber.ended && (!fiber.barrier || fiber.barrier->turn >= fiber.turn);
}

// A fiber runs one thread after the other.
void live() {
    for (;;) {
        running->launch(running_arguments);
        fibers[current].ended = true;
        alive--;
        whole.members--;
        whole.release();
        wait();
    }
}

void give_turn(unsigned t) {
    current = t;
    state.thread = {t, 0, 0};
    if (_setjmp(scheduler)) {
        return;
    }
    Fiber &fiber = fibers[t];
    if (fiber.stack) {
        _longjmp(fiber.at, 1);
    }
    fiber.stack = static_cast<char *>(malloc(STACK));
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack;
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext(&context, live, 0);
    setcontext(&context);
}

void run_block() {
    const unsigned threads = state.threads.x;
    memset(running->shared[0], 0xff, running->shared[1] - running->shared[0]);
    alive = threads;
    whole = {threads, 0, 0};
    for (unsigned t = 0; t < threads; t++) {
        lanes[t] = {};
        fibers[t].ended = false;
        fibers[t].barrier = nullptr;
    }
    static uint32_t drawn = 1;
    while (alive > 0) {
        drawn = drawn * 1664525 + 1013904223;
        const unsigned begin = drawn >> 8;
        bool some = false;
        for (unsigned i = 0; i < threads; i++) {
            const unsigned t = (begin + (drawn >> 31 ? i : threads - i)) % threads;
            if (may_go_on(fibers[t])) {
                some = true;
                give_turn(t);
            }
        }
        if (!some) {
            fputs("ainv's CUDA device in software: threads of a block wait for each other at different barriers\n", stderr);
            abort();
        }
    }
}

void run(const Function &function, Dim blocks, Dim threads, void **arguments) {
    running = &function;
    running_arguments = arguments;
    *function.device = &state;
    state = {{}, {}, threads, blocks, sync_threads, sync_warp};
    for (state.block.z = 0; state.block.z < blocks.z; state.block.z++) {
        for (state.block.y = 0; state.block.y < blocks.y; state.block.y++) {
            for (state.block.x = 0; state.block.x < blocks.x; state.block.x++) {
                run_block();
            }
        }
    }
}

// Streams.

struct Stream {
    std::deque<std::function<bool()>> tasks;
};

// The handles of the default streams, which cuda.h numbers.
Stream *stream_of(Stream *handle) {
    static Stream *legacy = new Stream, *of_thread = new Stream;
    const auto number = reinterpret_cast<uintptr_t>(handle);
    return number < 2 ? legacy : number == 2 ? of_thread : handle;
}

// A place in a stream's work: how often it was recorded, how far that work came, and when.
struct Event {
    size_t recorded = 0, reached = 0;
    std::chrono::steady_clock::time_point at;
};

// Of all streams.
size_t unfinished;

thread_local std::vector<void *> contexts;

// How often the host asked a stream or an event whether it is done, or waited for that: tests ask for it.
size_t waits;

// Never destroyed: the worker still waits when the process ends.
std::mutex &lock = *new std::mutex;
std::condition_variable &changed = *new std::condition_variable;

// The context: how many retained it, whether it failed.
size_t retained;
bool failed;

// What streams were told; never ends. A task that says no waits for its turn; those of other streams go on meanwhile.
struct Worker {
    std::vector<Stream *> streams;

    Worker() {
        std::thread([this] {
            std::unique_lock<std::mutex> guard(lock);
            for (;;) {
                bool some = false;
                for (size_t i = 0; i < streams.size(); i++) {
                    Stream *stream = streams[i];
                    if (stream->tasks.empty()) {
                        continue;
                    }
                    bool is_done = true;
                    if (!failed) {
                        auto task = stream->tasks.front();
                        guard.unlock();
                        is_done = task();
                        guard.lock();
                    }
                    if (is_done) {
                        some = true;
                        stream->tasks.pop_front();
                        unfinished--;
                        changed.notify_all();
                    }
                }
                if (!some) {
                    changed.wait(guard);
                }
            }
        }).detach();
    }
};

int enqueue_some(Stream *stream, std::function<bool()> task) {
    static Worker *worker = new Worker;
    std::lock_guard<std::mutex> guard(lock);
    if (failed) {
        return ILLEGAL_ADDRESS;
    }
    if (contexts.empty()) {
        return INVALID_CONTEXT;
    }
    stream = stream_of(stream);
    if (std::find(worker->streams.begin(), worker->streams.end(), stream) == worker->streams.end()) {
        worker->streams.push_back(stream);
    }
    unfinished++;
    stream->tasks.push_back(std::move(task));
    changed.notify_all();
    return SUCCESS;
}

int enqueue(Stream *stream, std::function<void()> task) {
    return enqueue_some(stream, [task = std::move(task)] {
        task();
        return true;
    });
}

// Memory.

std::map<void *, size_t> &taken = *new std::map<void *, size_t>;
size_t all_taken;

int take(void **at, size_t bytes) {
    std::lock_guard<std::mutex> guard(lock);
    *at = nullptr;
    if (contexts.empty() || !bytes) {
        return INVALID_VALUE;
    }
    if (failed) {
        return ILLEGAL_ADDRESS;
    }
    if (all_taken + bytes > number_of("AINV_SOFTWARE_MEMORY", SIZE_MAX) || posix_memalign(at, 256, bytes)) {
        return OUT_OF_MEMORY;
    }
    memset(*at, 0xff, bytes);
    taken[*at] = bytes;
    all_taken += bytes;
    return SUCCESS;
}

int give(void *at) {
    std::lock_guard<std::mutex> guard(lock);
    if (failed) {
        return ILLEGAL_ADDRESS;
    }
    auto found = taken.find(at);
    if (found == taken.end()) {
        return INVALID_VALUE;
    }
    all_taken -= found->second;
    taken.erase(found);
    free(at);
    return SUCCESS;
}

} // namespace

extern "C" {

int cuInit(unsigned) {
    return SUCCESS;
}

int cuDriverGetVersion(int *version) {
    *version = 12000;
    return SUCCESS;
}

int cuGetErrorString(int error, const char **text) {
    *text = error == OUT_OF_MEMORY     ? "out of memory"
            : error == ILLEGAL_ADDRESS ? "an illegal memory access was encountered"
                                       : "an error of the device in software";
    return SUCCESS;
}

int cuDeviceGetCount(int *count) {
    *count = 1;
    return SUCCESS;
}

int cuDeviceGet(int *which, int number) {
    *which = number;
    return number == 0 ? SUCCESS : INVALID_VALUE;
}

int cuDeviceGetName(char *name, int size, int) {
    snprintf(name, size, "software of ainv's tests");
    return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = size_t(1) << 34;
    return SUCCESS;
}

// The compute capability.
int cuDeviceGetAttribute(int *value, int which, int) {
    *value = which == 75 ? number_of("AINV_SOFTWARE_CAPABILITY", 7) : 0;
    return which == 75 || which == 76 ? SUCCESS : INVALID_VALUE;
}

int cuDevicePrimaryCtxRetain(void **context, int) {
    std::lock_guard<std::mutex> guard(lock);
    retained++;
    *context = &state;
    return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int) {
    std::unique_lock<std::mutex> guard(lock);
    if (--retained == 0) {
        changed.wait(guard, [] { return unfinished == 0; });
        if (!failed && !taken.empty()) {
            fputs("ainv's CUDA device in software: memory is left in a context that ends\n", stderr);
            abort();
        }
        for (auto [at, bytes] : taken) {
            free(at);
        }
        taken.clear();
        all_taken = 0;
        failed = false;
    }
    return SUCCESS;
}

int cuCtxPushCurrent_v2(void *context) {
    contexts.push_back(context);
    return SUCCESS;
}

int cuCtxPopCurrent_v2(void **context) {
    if (contexts.empty()) {
        return INVALID_VALUE;
    }
    *context = contexts.back();
    contexts.pop_back();
    return SUCCESS;
}

int cuCtxGetCurrent(void **context) {
    *context = contexts.empty() ? nullptr : contexts.back();
    return SUCCESS;
}

// An image is the path of a library.
int cuModuleLoadData(void **module, const void *image) {
    if (contexts.empty()) {
        return INVALID_VALUE;
    }
    *module = dlopen(static_cast<const char *>(image), RTLD_NOW | RTLD_LOCAL);
    return *module ? SUCCESS : INVALID_IMAGE;
}

int cuModuleUnload(void *) {
    return SUCCESS;
}

int cuModuleGetFunction(void **function, void *module, const char *) {
    auto *found = new Function{
        reinterpret_cast<void (*)(void **)>(dlsym(module, "launch")),
        static_cast<Device **>(dlsym(module, "device")),
        static_cast<char **>(dlsym(module, "shared_memory")),
        0,
    };
    *function = found;
    const auto *argument = static_cast<const size_t *>(dlsym(module, "argument_size"));
    found->argument = argument ? *argument : 0;
    return found->launch && found->device && found->shared && argument ? SUCCESS : NOT_FOUND;
}

int cuMemAlloc_v2(uint64_t *at, size_t bytes) {
    void *new_memory;
    const int outcome = take(&new_memory, bytes);
    *at = reinterpret_cast<uint64_t>(new_memory);
    return outcome;
}

int cuMemFree_v2(uint64_t at) {
    return give(reinterpret_cast<void *>(at));
}

int cuMemHostAlloc(void **at, size_t bytes, unsigned) {
    return take(at, bytes);
}

int cuMemFreeHost(void *at) {
    return give(at);
}

int cuStreamCreate(Stream **stream, unsigned) {
    *stream = new Stream;
    return contexts.empty() ? INVALID_VALUE : SUCCESS;
}

int cuStreamQuery(Stream *stream) {
    std::lock_guard<std::mutex> guard(lock);
    waits++;
    return failed ? ILLEGAL_ADDRESS : stream_of(stream)->tasks.empty() ? SUCCESS : NOT_READY;
}

int cuStreamSynchronize(Stream *stream) {
    std::unique_lock<std::mutex> guard(lock);
    waits++;
    changed.wait(guard, [=] { return stream_of(stream)->tasks.empty(); });
    return failed ? ILLEGAL_ADDRESS : SUCCESS;
}

// Streams are never destroyed: the worker still knows them.
int cuStreamDestroy_v2(Stream *stream) {
    return cuStreamSynchronize(stream);
}

// AINV_SOFTWARE_CAPTURED=1: graphs are made of what streams are told, or so it says.
int cuStreamIsCapturing(Stream *, int *is) {
    *is = number_of("AINV_SOFTWARE_CAPTURED", 0) != 0;
    return contexts.empty() ? INVALID_CONTEXT : SUCCESS;
}

int cuStreamWaitEvent(Stream *stream, Event *event, unsigned) {
    size_t recorded;
    {
        std::lock_guard<std::mutex> guard(lock);
        recorded = event->recorded;
    }
    return enqueue_some(stream, [=] {
        std::lock_guard<std::mutex> guard(lock);
        return event->reached >= recorded;
    });
}

int cuEventCreate(Event **event, unsigned) {
    *event = new Event;
    return contexts.empty() ? INVALID_CONTEXT : SUCCESS;
}

// Events are never destroyed: streams may still wait for them.
int cuEventDestroy_v2(Event *event) {
    return event && !contexts.empty() ? SUCCESS : INVALID_VALUE;
}

int cuEventRecord(Event *event, Stream *stream) {
    size_t recorded;
    {
        std::lock_guard<std::mutex> guard(lock);
        recorded = ++event->recorded;
    }
    return enqueue(stream, [=] {
        std::lock_guard<std::mutex> guard(lock);
        event->reached = std::max(event->reached, recorded);
        event->at = std::chrono::steady_clock::now();
    });
}

int cuEventQuery(Event *event) {
    std::lock_guard<std::mutex> guard(lock);
    return failed ? ILLEGAL_ADDRESS : event->reached < event->recorded ? NOT_READY : SUCCESS;
}

int cuEventSynchronize(Event *event) {
    std::unique_lock<std::mutex> guard(lock);
    waits++;
    changed.wait(guard, [=] { return event->reached >= event->recorded; });
    return failed ? ILLEGAL_ADDRESS : SUCCESS;
}

// Between two events, by the host's clock.
int cuEventElapsedTime(float *milliseconds, Event *before, Event *after) {
    std::lock_guard<std::mutex> guard(lock);
    if (!before->recorded || !after->recorded) {
        return INVALID_VALUE;
    }
    *milliseconds = std::chrono::duration<float, std::milli>(after->at - before->at).count();
    return before->reached < before->recorded || after->reached < after->recorded ? NOT_READY : SUCCESS;
}

// How often the host asked for the end of something, or waited for it.
size_t ainv_software_waits() {
    std::lock_guard<std::mutex> guard(lock);
    return waits;
}

// Whether so many bytes from there on lie in one piece of memory that was taken.
bool ainv_software_is_taken(uint64_t at, size_t bytes) {
    std::lock_guard<std::mutex> guard(lock);
    auto next = taken.upper_bound(reinterpret_cast<void *>(at));
    if (next == taken.begin()) {
        return false;
    }
    const auto [begin, size] = *--next;
    const uint64_t offset = at - reinterpret_cast<uint64_t>(begin);
    return offset <= size && bytes <= size - offset;
}

// Has a function run in a stream's order: cublas.cpp.
int ainv_software_enqueue(Stream *stream, void (*run)(void *), void *argument) {
    return enqueue(stream, [=] { run(argument); });
}

// Holds a stream up until the number there is not zero.
int ainv_software_hold(Stream *stream, const volatile int *until) {
    return enqueue_some(stream, [=] { return *until != 0; });
}

// The number there changed.
void ainv_software_look() {
    changed.notify_all();
}

// Bytes that are taken.
size_t ainv_software_taken() {
    std::lock_guard<std::mutex> guard(lock);
    return all_taken;
}

int cuMemPoolCreate(void **pool, const void *properties) {
    *pool = &state;
    return contexts.empty() || !properties ? INVALID_VALUE : SUCCESS;
}

int cuMemPoolSetAttribute(void *pool, int which, void *value) {
    return pool && which == 4 && value ? SUCCESS : INVALID_VALUE;
}

int cuMemPoolDestroy(void *pool) {
    return pool ? SUCCESS : INVALID_VALUE;
}

// It may be used by the stream's work from now on: what does so before its turn finds no memory there.
int cuMemAllocFromPoolAsync(uint64_t *at, size_t bytes, void *pool, Stream *) {
    return pool ? cuMemAlloc_v2(at, bytes) : INVALID_VALUE;
}

// Given back in its turn, and filled with NaN before: whoever still reads it sees that.
int cuMemFreeAsync(uint64_t at, Stream *stream) {
    {
        std::lock_guard<std::mutex> guard(lock);
        if (taken.find(reinterpret_cast<void *>(at)) == taken.end()) {
            return INVALID_VALUE;
        }
    }
    return enqueue(stream, [=] {
        void *memory = reinterpret_cast<void *>(at);
        {
            std::lock_guard<std::mutex> guard(lock);
            memset(memory, 0xff, taken[memory]);
        }
        give(memory);
    });
}

int cuMemsetD32Async(uint64_t at, unsigned value, size_t count, Stream *stream) {
    return enqueue(stream, [=] { std::fill_n(reinterpret_cast<unsigned *>(at), count, value); });
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, Stream *stream) {
    return enqueue(stream, [=] { memcpy(reinterpret_cast<void *>(to), from, bytes); });
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, Stream *stream) {
    return enqueue(stream, [=] { memcpy(to, reinterpret_cast<const void *>(from), bytes); });
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream *stream) {
    return enqueue(stream, [=] { memcpy(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes); });
}

// Kernels have one argument.
int cuLaunchKernel(
    const Function *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned threads_y, unsigned threads_z,
    unsigned, Stream *stream, void **arguments, void **
) {
    const bool fits = x && y && z && y < 65536 && z < 65536 && threads && threads <= MOST_THREADS;
    if (!fits || threads_y != 1 || threads_z != 1) {
        return INVALID_VALUE;
    }
    const char *given = static_cast<char *>(arguments[0]);
    std::vector<char> argument(given, given + function->argument);
    return enqueue(stream, [=]() mutable {
        static size_t launches;
        if (++launches == number_of("AINV_SOFTWARE_FAULT", 0)) {
            std::lock_guard<std::mutex> guard(lock);
            failed = true;
            return;
        }
        void *at = argument.data();
        run(*function, {x, y, z}, {threads, 1, 1}, &at);
    });
}

} // extern "C"
