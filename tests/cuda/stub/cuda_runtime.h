/* The CUDA runtime on a processor, as much of it as emitted files use: device memory is memory of the host that
 * begins as not a number, and kernels run in the shim, under the schedule that SCHEDULE names. */
#pragma once
#include <utility>

#include "../shim.h"

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2, cudaErrorLaunchFailure = 719 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
enum { cudaFuncAttributeMaxDynamicSharedMemorySize };

static inline const char *cudaGetErrorString(cudaError_t error)
{
    return error == cudaErrorInvalidValue ? "invalid argument" : "unspecified launch failure";
}

static inline cudaError_t cudaMalloc(void **place, size_t bytes)
{
    *place = bytes < (size_t)1 << 32 ? aligned_alloc(256, (bytes + 255) / 256 * 256) : NULL;
    if (*place == NULL) return cudaErrorMemoryAllocation;
    memset(*place, 0xff, bytes);
    return cudaSuccess;
}

static inline cudaError_t cudaFree(void *place) { free(place); return cudaSuccess; }
static inline cudaError_t cudaMemset(void *place, int value, size_t bytes) { memset(place, value, bytes); return cudaSuccess; }
static inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) { memcpy(to, from, bytes); return cudaSuccess; }

template <class... A> cudaError_t cudaFuncSetAttribute(void (*)(A...), int, int bytes)
{
    return bytes <= 101376 ? cudaSuccess : cudaErrorInvalidValue; /* what devices since 8.0 have */
}

namespace stub {

template <class... A> struct Call {
    void (*kernel)(A...);
    void **arguments;
    template <size_t... I> void run(std::index_sequence<I...>) { kernel(*(A *)arguments[I]...); }
    static void body(void *call) { ((Call *)call)->run(std::index_sequence_for<A...>{}); }
};

} // namespace stub

template <class... A> cudaError_t cudaLaunchKernel(void (*kernel)(A...), dim3 grid, dim3 block, void **arguments, size_t shared, int)
{
    const char *const schedule = getenv("SCHEDULE");
    stub::Call<A...> call = { kernel, arguments };
    const char *said = shim::launch(grid.x, block.x, shared, schedule ? (unsigned)atoi(schedule) : 0, stub::Call<A...>::body, &call);
    if (said) fprintf(stderr, "%s\n", said);
    return said ? cudaErrorLaunchFailure : cudaSuccess;
}
