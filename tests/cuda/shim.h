/* Runs emitted CUDA C on a processor, exactly as it is written: one fiber per CUDA thread, one block after the other.
 *
 * It is for correctness, not speed. Every wait of a thread hands over to another one, in an order that the schedule
 * decides; results must be the same under every schedule. Shared memory is poisoned before each block. A launch
 * returns a message where threads meet at different barriers or never, where lanes of a warp do not take part in a
 * shuffle, where memory behind the block's is written, and for a launch that no device takes.
 */
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#if defined(__SANITIZE_ADDRESS__)
#define __shared__ static /* the sanitizer guards each variable */
#else
#define __shared__ static __attribute__((section("emulated_shared")))
extern "C" char __start_emulated_shared[] __attribute__((weak));
extern "C" char __stop_emulated_shared[] __attribute__((weak));
#endif
#define cf_shared (shim::dynamic)

struct dim3 { unsigned x, y, z; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace shim {

enum { FORWARD, REVERSE, AHEAD, AHEAD_REVERSE, RANDOM }; /* from RANDOM on: seeds */
enum { WARP = 32, MOST_THREADS = 1024, MOST_SHARED = 232448, GUARD = 4096, STACK = 128 * 1024, PENDING = 1024 };
enum State { READY, AT_BARRIER, AT_SHUFFLE, DONE };

struct Copy { void *to; const void *from; unsigned group; };
struct Fiber {
    ucontext_t context;
    State state;
    int started, line; /* line of the call it waits at */
    unsigned mask, calls;
    Copy copies[PENDING]; /* on their way: they land as late as they may, or at once under reverse schedules */
    unsigned begun, group;
    char value[2][8]; /* what it offers to a shuffle; two, for a lane may be one shuffle ahead */
    char *stack;
    void *fake;
};

static Fiber *fibers, *running;
static ucontext_t scheduler;
static char *dynamic, message[256];
static unsigned threads;
static void (*body)(void *);
static void *argument;
static uint64_t seed;
static int at_once;
#if defined(__SANITIZE_ADDRESS__)
static const void *main_bottom;
static size_t main_size;
static void *main_fake;
#endif

static inline void fail(const char *format, int a, int b)
{
    if (!message[0]) snprintf(message, sizeof message, format, a, b);
}

static inline unsigned draw(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

static void to_scheduler(Fiber *f, int last)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(last ? nullptr : &f->fake, main_bottom, main_size);
    swapcontext(&f->context, &scheduler);
    __sanitizer_finish_switch_fiber(f->fake, nullptr, nullptr);
#else
    (void)last;
    swapcontext(&f->context, &scheduler);
#endif
}

static void begin()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &main_bottom, &main_size);
#endif
    body(argument);
    running->state = DONE;
    to_scheduler(running, 1);
}

static void resume(unsigned i)
{
    Fiber *f = running = &fibers[i];
    threadIdx = dim3{i, 0, 0};
    f->state = READY;
    if (!f->started) {
        f->started = 1;
        getcontext(&f->context);
        f->context.uc_stack.ss_sp = f->stack;
        f->context.uc_stack.ss_size = STACK;
        f->context.uc_link = nullptr;
#if defined(__SANITIZE_ADDRESS__)
        __asan_unpoison_memory_region(f->stack, STACK);
#endif
        makecontext(&f->context, begin, 0);
    }
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&main_fake, f->stack, STACK);
    swapcontext(&scheduler, &f->context);
    __sanitizer_finish_switch_fiber(main_fake, nullptr, nullptr);
#else
    swapcontext(&scheduler, &f->context);
#endif
}

static inline void wait(State state, int line)
{
    running->state = state;
    running->line = line;
    to_scheduler(running, 0);
}

/* The lanes of a warp that may go on after a shuffle: all that the mask names, or none. */
static unsigned released(unsigned warp)
{
    unsigned waiting = 0, gone = 0, mask = 0, live = 0;
    int line = 0, mixed = 0;
    for (unsigned k = 0; k < WARP && warp + k < threads; k++) {
        const Fiber *f = &fibers[warp + k];
        live |= 1u << k;
        if (f->state == DONE) gone |= 1u << k;
        if (f->state != AT_SHUFFLE) continue;
        mixed |= waiting != 0 && (f->line != line || f->mask != mask);
        waiting |= 1u << k;
        line = f->line;
        mask = f->mask;
    }
    if (!waiting) return 0;
    if (mask & ~live) fail("line %d: a shuffle names lanes that warp %d does not have", line, (int)(warp / WARP));
    if (mask & gone) fail("line %d: a shuffle names a lane of warp %d that has ended", line, (int)(warp / WARP));
    if (waiting != (mask & live)) return 0;
    if (mixed) fail("line %d: lanes of warp %d wait at different shuffles", line, (int)(warp / WARP));
    return waiting;
}

/* Every thread has come to a barrier or ended; 1 if the block goes on. */
static int barrier()
{
    unsigned at = 0, done = 0;
    int line = 0, mixed = 0;
    for (unsigned i = 0; i < threads; i++) {
        const Fiber *f = &fibers[i];
        if (f->state == DONE) done++;
        if (f->state == AT_SHUFFLE) {
            fail("line %d: a shuffle that other lanes never reach (thread %d waits)", f->line, (int)i);
            return 0;
        }
        if (f->state != AT_BARRIER) continue;
        mixed |= at != 0 && f->line != line;
        line = f->line;
        at++;
    }
    if (done == threads) return 0;
    if (at != threads) fail("line %d: only %d threads reach this barrier", line, (int)at);
    if (mixed) fail("line %d: threads meet at different barriers (%d threads)", line, (int)at);
    return message[0] == 0;
}

static void reversed(unsigned *list, unsigned count)
{
    for (unsigned i = 0; i < count / 2; i++) {
        const unsigned t = list[i];
        list[i] = list[count - 1 - i];
        list[count - 1 - i] = t;
    }
}

/* One interval between barriers: forward and reverse let all warps advance together, a stack lets one run ahead. */
static void interval(unsigned order, unsigned *queue, unsigned room)
{
    unsigned head = 0, tail = 0;
    const int backward = order == REVERSE || order == AHEAD_REVERSE;
    for (unsigned i = 0; i < threads; i++) queue[tail++] = i;
    if (backward) reversed(queue, tail);
    while (head < tail && !message[0]) {
        unsigned i;
        if (order >= RANDOM) {
            const unsigned k = head + draw(tail - head);
            i = queue[k];
            queue[k] = queue[--tail];
        } else
            i = order < AHEAD ? queue[head++] : queue[--tail];
        resume(i);
        if (fibers[i].state != AT_SHUFFLE && fibers[i].state != DONE) continue;
        const unsigned warp = i / WARP * WARP, set = released(warp), from = tail;
        for (unsigned k = 0; k < WARP; k++)
            if (set >> k & 1) fibers[warp + k].state = READY, queue[tail++] = warp + k;
        if (backward) reversed(queue + from, tail - from);
        if (head > room) {
            memmove(queue, queue + head, (tail - head) * sizeof *queue);
            tail -= head;
            head = 0;
        }
    }
}

static void poison(size_t shared)
{
    memset(dynamic, 0xff, shared); /* not a number, in floats of any size */
#if !defined(__SANITIZE_ADDRESS__)
    memset(dynamic + shared, 0xa5, GUARD);
    if (__start_emulated_shared) memset(__start_emulated_shared, 0xff, (size_t)(__stop_emulated_shared - __start_emulated_shared));
#endif
}

static void check_guard(size_t shared)
{
#if !defined(__SANITIZE_ADDRESS__)
    for (int k = 0; k < GUARD; k++)
        if (dynamic[shared + (size_t)k] != (char)0xa5) return fail("%d bytes behind the shared memory of block %d were written", k, (int)blockIdx.x);
#else
    (void)shared;
#endif
}

static void run_block(unsigned order, size_t shared, unsigned *queue)
{
    poison(shared);
    for (unsigned i = 0; i < threads; i++) {
        fibers[i].started = 0;
        fibers[i].calls = fibers[i].begun = fibers[i].group = 0;
        fibers[i].state = READY;
    }
    do interval(order, queue, MOST_THREADS);
    while (!message[0] && barrier());
    check_guard(shared);
}

static const char *launch(unsigned grid, unsigned block, size_t shared, unsigned order, void (*kernel)(void *), void *data)
{
    message[0] = 0;
    if (block == 0 || block > MOST_THREADS || grid == 0 || grid > 0x7fffffff || shared > MOST_SHARED)
        fail("no device takes a launch of %d threads and %d bytes of shared memory", (int)block, (int)shared);
    if (message[0]) return message;
    if (!fibers) {
        fibers = (Fiber *)calloc(MOST_THREADS, sizeof(Fiber));
        for (unsigned i = 0; i < MOST_THREADS; i++) fibers[i].stack = (char *)malloc(STACK);
    }
    unsigned *queue = (unsigned *)malloc(sizeof(unsigned) * 4 * MOST_THREADS);
    unsigned *blocks = (unsigned *)malloc(sizeof(unsigned) * grid);
    dynamic = (char *)aligned_alloc(64, (shared + GUARD + 63) / 64 * 64);
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(dynamic + shared, GUARD);
#endif
    gridDim = dim3{grid, 1, 1};
    blockDim = dim3{block, 1, 1};
    threads = block;
    body = kernel;
    argument = data;
    seed = order;
    at_once = order == REVERSE || order == AHEAD_REVERSE;
    for (unsigned b = 0; b < grid; b++) blocks[b] = b;
    if (order == REVERSE || order == AHEAD_REVERSE) reversed(blocks, grid);
    for (unsigned b = grid; order >= RANDOM && b > 1; b--) {
        const unsigned k = draw(b), t = blocks[k];
        blocks[k] = blocks[b - 1];
        blocks[b - 1] = t;
    }
    for (unsigned b = 0; b < grid && !message[0]; b++) {
        blockIdx = dim3{blocks[b], 0, 0};
        run_block(order, shared, queue);
    }
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(dynamic + shared, GUARD);
#endif
    free(dynamic);
    free(blocks);
    free(queue);
    return message[0] ? message : nullptr;
}

template <class T> static T exchange(unsigned mask, T value, unsigned source, int line)
{
    static_assert(sizeof(T) <= 8, "a shuffle moves at most eight bytes");
    Fiber *f = running;
    const unsigned me = (unsigned)(f - fibers), slot = f->calls++ & 1;
    T found;
    if (!(mask >> (me % WARP) & 1)) fail("line %d: lane %d is not in the mask of its own shuffle", line, (int)(me % WARP));
    memcpy(f->value[slot], &value, sizeof value);
    f->mask = mask;
    wait(AT_SHUFFLE, line);
    const unsigned from = me / WARP * WARP + source;
    if (!(mask >> (source % WARP) & 1) || source >= WARP || from >= threads) {
        memset(&found, 0xff, sizeof found); /* undefined on a device */
        return found;
    }
    memcpy(&found, fibers[from].value[slot], sizeof found);
    return found;
}

static void land(unsigned left)
{
    Fiber *f = running;
    unsigned kept = 0;
    for (unsigned k = 0; k < f->begun; k++)
        if (f->copies[k].group + left < f->group) memcpy(f->copies[k].to, f->copies[k].from, 16);
        else f->copies[kept++] = f->copies[k];
    f->begun = kept;
}

} // namespace shim

static inline void cf_async(void *to, const void *from)
{
    shim::Fiber *f = shim::running;
    if (((uintptr_t)to | (uintptr_t)from) & 15) shim::fail("a copy of 16 bytes is not aligned (%d, %d)", (int)((uintptr_t)to & 15), (int)((uintptr_t)from & 15));
    if (shim::at_once) memcpy(to, from, 16);
    else if (f->begun == shim::PENDING) shim::fail("too many copies on their way for the emulation (%d, thread %d)", f->begun, (int)threadIdx.x);
    else f->copies[f->begun++] = shim::Copy{to, from, f->group};
}
static inline void cf_async_end() { shim::running->group++; }
template <int N> static inline void cf_async_wait() { shim::land(N); }

#define __syncthreads() shim::wait(shim::AT_BARRIER, __LINE__)
#define __shfl_xor_sync(mask, value, lanes) shim::exchange(mask, value, (threadIdx.x % shim::WARP) ^ (unsigned)(lanes), __LINE__)
#define __shfl_sync(mask, value, lane) shim::exchange(mask, value, (unsigned)(lane), __LINE__)
#define __threadfence() ((void)0)
template <class T> static T atomicAdd(T *place, T value) { const T old = *place; *place = old + value; return old; }
template <class T> static T atomicMax(T *place, T value) { const T old = *place; *place = old < value ? value : old; return old; }

/* functions that CUDA has and the C library lacks: whoever loads this puts their addresses here, in this order */
extern "C" { void *special_functions[6]; }
#define SPECIAL(name, number) \
    static inline double name(double x) { return ((double (*)(double))special_functions[number])(x); } \
    static inline float name##f(float x) { return (float)name((double)x); }
SPECIAL(erfcx, 0)
SPECIAL(erfinv, 1)
SPECIAL(erfcinv, 2)
SPECIAL(normcdfinv, 3)
SPECIAL(cyl_bessel_i0, 4)
SPECIAL(cyl_bessel_i1, 5)
static inline double sinpi(double x)
{
    const double r = x - 2*rint(x/2), pi = 3.141592653589793;
    return sin(pi*(r > 0.5 ? 1 - r : r < -0.5 ? -1 - r : r));
}
static inline double cospi(double x)
{
    const double r = fabs(x - 2*rint(x/2)), pi = 3.141592653589793;
    return r > 0.75 ? -cos(pi*(1 - r)) : r > 0.25 ? sin(pi*(0.5 - r)) : cos(pi*r);
}
static inline uint64_t __umul64hi(uint64_t a, uint64_t b) { return (uint64_t)((unsigned __int128)a*b >> 64); }
