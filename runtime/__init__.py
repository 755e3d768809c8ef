"""Compile, cache, load, call: where a program becomes something callable.

Reading order:

numpy_table.py        what each scalar primitive means in NumPy: one row each
special.py            functions that NumPy and SciPy do not have, or not with all their digits
meaning.py            bodies evaluated with NumPy
routines.py           what each routine means in NumPy
matrices.py           what those of linear algebra mean
interpreter.py        the NumPy target: a graph evaluated node by node
signature.py          what a user wrote in `function(...)`, checked
extents.py            which extents are equal, and what they are at a call
forms.py              the forms of a function's graph: as written, and to compute
function.py           `function`, and what it returns
layout.py             how an array lies in memory, as far as kernels tell layouts apart
arguments.py          from what a caller passes to arrays that kernels can read
results.py            handing back: fresh arrays, `out=`, updates at once
specialisation.py     one compiled form: for given storage dtypes and layouts
shared.py             shared variables: arrays that functions read and update
evaluation.py         `Tensor.eval`
elementwise.py        functions of plain SymPy symbols
explain.py            what `Function.explain` shows
costs.py              what of it is the cost of a kernel
machine.py            caches, vector units, clock; how fast this machine reads
derivation.py         `steps`: how a cost becomes its gradient
profiling.py          `f.profile`: time per loop and library call
tracing.py            which operation as written a wrong value begins with
guard.py              `mode="NanGuardMode"`: NaN, infinity and huge numbers are refused
printing.py           functions that print marked values
copying.py            the same function over other shared variables
debug.py              `mode="DebugMode"`: the compute form against the graph as written
pickling.py           functions out of and into pickles, compiled anew
toolchain.py          the C compiler: which one, its flags, one way to run it
store.py              the cache directory: where it is, whether it may be trusted, its locks
cache.py              compiled programs by key: verified, bounded, published atomically
loader.py             from a program as text to its table in memory
abi.py                facts that Python reads from `native/abi.h`
externals.py          addresses of library routines that programs call
blas.py               a private BLAS, one thread per call
scipy_special.py      SciPy's special functions, with their signatures checked
threads.py            how many threads a call may use when nobody has said
homes.py              where the value of a shared variable lives
cuda.py               functions with target "cuda": device arrays in and out
capture.py            recorded steps: a function with updates as graphs of launches
device_call.py        calls with device arrays that were seen before
device.py             running programs of kernels on any device: frames, workspace, chunks
cupy_device.py        NVIDIA GPUs through CuPy
cubin.py              CUDA programs in the cache
nvrtc.py              the compiler of CUDA C, without a device
native/abi.h          the contract of a program: its table, its kernels, its version
native/driver.c       runs any table: panels, threads, combination in fixed order
native/pool.c         a small pool of threads that survives fork and interrupts
native/trampoline.c   the function object: one call into compiled code
native/interpreter.c  under ctypes: gives up the interpreter's lock, and looks at signals
native/standalone.c   the driver as a library of its own, for ctypes
native.py             the extension if it was built, else ctypes
split.py              what the driver would decide for a call
_native.pyi           types of the extension
native_fallback.py    what the extension does, in Python over ctypes
ctypes_driver.py      the driver through ctypes
equality.py           `equal`: by proof, by evidence, or a counterexample
derive_command.py     `python -m closedform derive`
totality.py           the page of operations: each is tried on every target
doctor.py             `python -m closedform doctor` and `cache`
"""

if __name__ != "closedform.runtime":
    raise ImportError("this folder is a part of closedform: write 'import closedform.runtime'")
