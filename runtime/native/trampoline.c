/* closedform.runtime._native: checks the arguments of a call, runs the driver, hands back arrays.
 *
 * An Entry is one compiled specialisation. A Callable tries its entries, newest first, and calls its slow path
 * in Python when none takes the arguments as they are. Nothing here converts, compiles or explains.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include <stdint.h>
#include <string.h>

#include "driver.h"

#define MAX_ENTRIES 8
/* "rows": the last axis is contiguous, the others have any positive multiple of the item as stride. "strided" and
 * those after it read any strides, which takes longer: they refuse what a better kernel could read. */
enum { LAYOUT_C, LAYOUT_F, LAYOUT_ROWS, LAYOUT_STRIDED, LAYOUT_UNALIGNED, LAYOUT_SWAPPED, LAYOUTS };

enum { INPUT, SHARED, CONSTANT, OUTPUT, UPDATE, KINDS };
static const char *const kind_names[KINDS] = {"input", "shared", "constant", "output", "update"};

typedef struct {
    int32_t kind;
    int32_t typenum;
    int32_t rank;
    int32_t layout;
    int32_t dim[CF_MAX_RANK];
} argument_t;

/* What one running call needs; kept for the next call. */
typedef struct scratch {
    struct scratch *next;
    cf_block block;
    PyObject **array;  /* owned while a call runs, one per argument */
    char **data;
    int64_t *stride;
    int64_t *extent;
    char **low;        /* address ranges of arguments, for the overlap check */
    char **high;
    PyThreadState *thread;
    int keeps_lock;    /* the interpreter's lock is not given up while kernels run */
    int overtaken;     /* a shared value was replaced while the call ran */
} scratch_t;

enum { NO_RESULT, SINGLE, LIST, DICT };

typedef struct {
    PyObject_HEAD
    const cf_program *program;
    PyObject *owner;         /* keeps the program loaded */
    argument_t *argument;
    int32_t arguments;
    int32_t first[KINDS + 1];  /* arguments of kind k are first[k] .. first[k + 1] - 1 */
    int64_t *extent;         /* template: fixed extents, -1 where a call binds or the program defines */
    int32_t dims;
    PyObject *cells;         /* tuple of lists, one per shared argument */
    PyObject *targets;       /* tuple of lists, one per update */
    PyObject *constants;     /* tuple of arrays */
    PyObject **spare;        /* one per update: an array that left its cell and belongs to nobody, or NULL */
    double *parameter;
    void **external;
    int32_t result;
    PyObject *keys;          /* of a DICT result */
    int32_t deterministic;
    scratch_t *free_scratch;
} Entry;

static PyTypeObject Entry_Type;

/* ---- scratch ----------------------------------------------------------------------------------------- */

static scratch_t *new_scratch(const Entry *entry)
{
    size_t n = (size_t)entry->arguments, d = (size_t)entry->dims;
    size_t words = 4 * n + CF_MAX_RANK * n + d;
    char *base = PyMem_Calloc(1, sizeof(scratch_t) + 8 * words);
    scratch_t *scratch = (scratch_t *)(void *)base;
    if (base == NULL)
        return (scratch_t *)PyErr_NoMemory();
    base += sizeof(scratch_t);
    scratch->array = (PyObject **)(void *)base;
    scratch->data = (char **)(void *)(base + 8 * n);
    scratch->low = (char **)(void *)(base + 16 * n);
    scratch->high = (char **)(void *)(base + 24 * n);
    scratch->stride = (int64_t *)(void *)(base + 32 * n);
    scratch->extent = scratch->stride + CF_MAX_RANK * n;
    return scratch;
}

static scratch_t *take_scratch(Entry *entry)
{
    scratch_t *scratch = entry->free_scratch;
    if (scratch == NULL)
        return new_scratch(entry);
    entry->free_scratch = scratch->next;
    return scratch;
}

static void let_go(const Entry *entry, scratch_t *scratch)
{
    for (int32_t i = 0; i < entry->arguments; i++)
        Py_CLEAR(scratch->array[i]);
}

static void give_scratch(Entry *entry, scratch_t *scratch)
{
    let_go(entry, scratch);
    scratch->next = entry->free_scratch;
    entry->free_scratch = scratch;
}

static void free_all_scratch(Entry *entry)
{
    while (entry->free_scratch != NULL) {
        scratch_t *scratch = entry->free_scratch;
        entry->free_scratch = scratch->next;
        cf_release(&scratch->block);
        PyMem_Free(scratch);
    }
}

/* ---- does an array fit an argument? ------------------------------------------------------------------ */

/* int64 has two type numbers where long and long long are the same size. */
static int same_typenum(int have, int want)
{
    if (have == want)
        return 1;
#if NPY_SIZEOF_LONG == NPY_SIZEOF_LONGLONG
    if (have == NPY_LONGLONG || have == NPY_ULONGLONG)
        have += NPY_LONG - NPY_LONGLONG;
    if (want == NPY_LONGLONG || want == NPY_ULONGLONG)
        want += NPY_LONG - NPY_LONGLONG;
#endif
    return have == want;
}

static int has_rows(PyArrayObject *array)
{
    const npy_intp *stride = PyArray_STRIDES(array);
    int last = PyArray_NDIM(array) - 1;
    npy_intp item = PyArray_ITEMSIZE(array);
    for (int i = 0; i < last; i++)
        if (stride[i] <= 0 || stride[i] % item != 0)
            return 0;
    return last >= 0 && stride[last] == item;
}

static int has_layout(PyArrayObject *array, int32_t layout)
{
    int native = PyArray_ISNOTSWAPPED(array), aligned = PyArray_ISALIGNED(array);
    if (layout == LAYOUT_SWAPPED)
        return !native;
    if (layout == LAYOUT_UNALIGNED)
        return native && !aligned;
    if (!native || !aligned)
        return 0;
    switch (layout) {
    case LAYOUT_C:
        return PyArray_IS_C_CONTIGUOUS(array);
    case LAYOUT_F:
        return PyArray_IS_F_CONTIGUOUS(array);
    case LAYOUT_ROWS:
        return has_rows(array);
    default:
        return !PyArray_IS_F_CONTIGUOUS(array) && !PyArray_IS_C_CONTIGUOUS(array) && !has_rows(array);
    }
}

static const char *misfit(const argument_t *argument, PyObject *object, int64_t *extent)
{
    PyArrayObject *array = (PyArrayObject *)object;
    const npy_intp *shape;
    if (!PyArray_CheckExact(object))
        return "is not a numpy.ndarray";
    if (!same_typenum(PyArray_TYPE(array), argument->typenum))
        return "has another dtype";
    if (PyArray_NDIM(array) != argument->rank)
        return "has another rank";
    if (!has_layout(array, argument->layout))
        return "has another layout";
    shape = PyArray_DIMS(array);
    for (int32_t i = 0; i < argument->rank; i++) {
        int64_t *known = &extent[argument->dim[i]];
        if (*known < 0)
            *known = shape[i];
        if (*known != shape[i] || shape[i] == 0)
            return "has other extents, or an extent of zero";
    }
    return NULL;
}

/* ---- why a call cannot take the fast path ------------------------------------------------------------ */

typedef struct {
    const char *reason; /* NULL: it can, or a Python error is set */
    int32_t argument;   /* that the reason is about, or -1 */
} refusal_t;

static int refuse(refusal_t *refusal, const char *reason, int32_t argument)
{
    refusal->reason = reason;
    refusal->argument = argument;
    return 0;
}

static int hold(const Entry *entry, scratch_t *scratch, int32_t i, PyObject *object, refusal_t *refusal)
{
    const char *reason = misfit(&entry->argument[i], object, scratch->extent);
    if (reason != NULL)
        return refuse(refusal, reason, i);
    scratch->array[i] = Py_NewRef(object);
    return 1;
}

static PyObject *in_cell(PyObject *cell)
{
    return PyList_GET_SIZE(cell) == 1 ? PyList_GET_ITEM(cell, 0) : Py_None;
}

static int hold_given(const Entry *entry, scratch_t *scratch, PyObject *const *args, Py_ssize_t count,
                      refusal_t *refusal)
{
    const int32_t *first = entry->first;
    if (count != first[SHARED])
        return refuse(refusal, "the number of arguments differs", -1);
    memcpy(scratch->extent, entry->extent, sizeof(int64_t) * (size_t)entry->dims);
    for (int32_t i = 0; i < first[SHARED]; i++)
        if (!hold(entry, scratch, i, args[i], refusal))
            return 0;
    for (int32_t i = first[SHARED]; i < first[CONSTANT]; i++)
        if (!hold(entry, scratch, i, in_cell(PyTuple_GET_ITEM(entry->cells, i - first[SHARED])), refusal))
            return 0;
    for (int32_t i = first[CONSTANT]; i < first[OUTPUT]; i++)
        if (!hold(entry, scratch, i, PyTuple_GET_ITEM(entry->constants, i - first[CONSTANT]), refusal))
            return 0;
    return 1;
}

static int complete_extents(const Entry *entry, scratch_t *scratch, refusal_t *refusal)
{
    if (entry->program->define != NULL)
        entry->program->define(scratch->extent);
    for (int32_t i = 0; i < entry->dims; i++)
        if (scratch->extent[i] <= 0)
            return refuse(refusal, "an extent is zero or not bound", -1);
    return 1;
}

/* ---- outputs that the caller gives -------------------------------------------------------------------- */

static int hold_output(const Entry *entry, scratch_t *scratch, int32_t i, PyObject *object,
                       refusal_t *refusal)
{
    if (object == Py_None)
        return 1;
    if (!hold(entry, scratch, i, object, refusal))
        return 0;
    if (!PyArray_ISWRITEABLE((PyArrayObject *)object))
        return refuse(refusal, "is read-only", i);
    return 1;
}

static int hold_outputs(const Entry *entry, scratch_t *scratch, PyObject *out, refusal_t *refusal)
{
    int32_t first = entry->first[OUTPUT], count = entry->first[UPDATE] - first;
    int is_list = PyList_CheckExact(out);
    if (PyArray_Check(out) && count == 1)
        return hold_output(entry, scratch, first, out, refusal);
    if ((!is_list && !PyTuple_CheckExact(out)) || PySequence_Fast_GET_SIZE(out) != count)
        return refuse(refusal, "out= does not name every output", -1);
    for (int32_t i = 0; i < count; i++)
        if (!hold_output(entry, scratch, first + i, PySequence_Fast_GET_ITEM(out, i), refusal))
            return 0;
    return 1;
}

static void address_range(PyArrayObject *array, char **low, char **high)
{
    *low = PyArray_BYTES(array);
    *high = *low + PyArray_ITEMSIZE(array);
    for (int i = 0; i < PyArray_NDIM(array); i++) {
        npy_intp reach = PyArray_STRIDE(array, i) * (PyArray_DIM(array, i) - 1);
        if (PyArray_DIM(array, i) == 0)
            *high = *low;
        else if (reach < 0)
            *low += reach;
        else
            *high += reach;
    }
}

/* Given outputs must not overlap anything that the call reads, writes or replaces. */
static int overlaps(const Entry *entry, scratch_t *scratch)
{
    const int32_t *first = entry->first;
    char *low, *high;
    for (int32_t i = 0; i < first[UPDATE]; i++)
        if (scratch->array[i] != NULL)
            address_range((PyArrayObject *)scratch->array[i], &scratch->low[i], &scratch->high[i]);
    for (int32_t o = first[OUTPUT]; o < first[UPDATE]; o++) {
        if (scratch->array[o] == NULL)
            continue;
        for (int32_t i = 0; i < o; i++)
            if (scratch->array[i] != NULL && scratch->low[i] < scratch->high[o] &&
                scratch->low[o] < scratch->high[i])
                return 1;
        for (Py_ssize_t u = 0; u < PyTuple_GET_SIZE(entry->targets); u++) {
            PyObject *value = in_cell(PyTuple_GET_ITEM(entry->targets, u));
            if (!PyArray_Check(value))
                continue;
            address_range((PyArrayObject *)value, &low, &high);
            if (low < scratch->high[o] && scratch->low[o] < high)
                return 1;
        }
    }
    return 0;
}

/* ---- fresh arrays -------------------------------------------------------------------------------------- */

static PyObject *fresh(const argument_t *argument, const int64_t *extent)
{
    npy_intp shape[CF_MAX_RANK];
    for (int32_t i = 0; i < argument->rank; i++)
        shape[i] = (npy_intp)extent[argument->dim[i]];
    return PyArray_New(&PyArray_Type, argument->rank, shape, argument->typenum, NULL, NULL, 0, 0, NULL);
}

/* Nobody else can see this array: no reference, no weak reference, no memory but its own. */
static int is_ours_alone(PyObject *object)
{
    PyArrayObject *array = (PyArrayObject *)object;
    return Py_REFCNT(object) == 1 && PyArray_CheckExact(object) && PyArray_BASE(array) == NULL &&
           PyArray_CHKFLAGS(array, NPY_ARRAY_CARRAY | NPY_ARRAY_OWNDATA) &&
           ((PyArrayObject_fields *)(void *)array)->weakreflist == NULL;
}

static int has_shape(const argument_t *argument, PyObject *object, const int64_t *extent)
{
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_NDIM(array) != argument->rank || !same_typenum(PyArray_TYPE(array), argument->typenum) ||
        !PyArray_ISNOTSWAPPED(array))
        return 0;
    for (int32_t i = 0; i < argument->rank; i++)
        if (PyArray_DIM(array, i) != extent[argument->dim[i]])
            return 0;
    return 1;
}

static PyObject *take_spare(Entry *entry, int32_t u, const argument_t *argument, const int64_t *extent)
{
    PyObject *spare = entry->spare[u];
    entry->spare[u] = NULL;
    if (spare != NULL && is_ours_alone(spare) && has_shape(argument, spare, extent))
        return spare;
    Py_XDECREF(spare);
    return fresh(argument, extent);
}

static int allocate_rest(Entry *entry, scratch_t *scratch)
{
    const int32_t *first = entry->first;
    for (int32_t i = first[OUTPUT]; i < first[UPDATE]; i++)
        if (scratch->array[i] == NULL &&
            (scratch->array[i] = fresh(&entry->argument[i], scratch->extent)) == NULL)
            return 0;
    for (int32_t i = first[UPDATE]; i < first[KINDS]; i++) {
        PyObject *array = take_spare(entry, i - first[UPDATE], &entry->argument[i], scratch->extent);
        if (array == NULL)
            return 0;
        scratch->array[i] = array;
    }
    return 1;
}

/* ---- running ------------------------------------------------------------------------------------------- */

static int32_t poll_signals(void *context)
{
    scratch_t *scratch = context;
    int32_t stop;
    if (scratch->keeps_lock)
        return PyErr_CheckSignals() != 0;
    PyEval_RestoreThread(scratch->thread);
    stop = PyErr_CheckSignals() != 0;
    scratch->thread = PyEval_SaveThread();
    return stop;
}

static void bind_pointers(const Entry *entry, scratch_t *scratch)
{
    for (int32_t i = 0; i < entry->arguments; i++) {
        PyArrayObject *array = (PyArrayObject *)scratch->array[i];
        const npy_intp *strides = PyArray_STRIDES(array);
        scratch->data[i] = PyArray_BYTES(array);
        for (int32_t k = 0; k < entry->argument[i].rank; k++)
            scratch->stride[i * CF_MAX_RANK + k] = strides[k];
    }
}

static void raise_no_memory(size_t needed)
{
    if (needed == 0)
        PyErr_SetString(PyExc_MemoryError, "this call needs more workspace than there are addresses; nothing was "
                                           "changed: pass smaller arrays");
    else
        PyErr_Format(PyExc_MemoryError,
                     "this call needs %zu bytes of workspace, which the system does not grant; nothing was "
                     "changed: free memory, or pass smaller arrays",
                     needed);
}

static int raise_status(int32_t status, size_t needed)
{
    if (status == CF_OK)
        return 1;
    if (PyErr_Occurred())
        return 0;
    if (status == CF_NO_MEMORY)
        raise_no_memory(needed);
    else if (status == CF_BAD_ABI)
        PyErr_SetString(PyExc_RuntimeError, "the program was built for another version of the driver");
    else
        PyErr_Format(PyExc_RuntimeError, "a kernel stopped with status %d", (int)status);
    return 0;
}

/* Python says how many threads a call may use when nobody has set it: once per process. */
static int settle_threads(void)
{
    PyObject *module, *number;
    long threads;
    if (cf_threads_known())
        return 1;
    module = PyImport_ImportModule("closedform.runtime.threads");
    number = module == NULL ? NULL : PyObject_CallMethod(module, "default", NULL);
    threads = number == NULL ? -1 : PyLong_AsLong(number);
    Py_XDECREF(module);
    Py_XDECREF(number);
    if (PyErr_Occurred())
        return 0;
    cf_assume_threads(threads > INT32_MAX ? INT32_MAX : (int32_t)threads);
    return 1;
}

static int run_program(const Entry *entry, scratch_t *scratch)
{
    cf_call call = {scratch->data,
                    scratch->stride,
                    scratch->extent,
                    entry->parameter,
                    entry->external,
                    &scratch->block,
                    poll_signals,
                    scratch,
                    0,
                    entry->deterministic,
                    0};
    int32_t status;
    if (!settle_threads())
        return 0;
    bind_pointers(entry, scratch);
    if (scratch->keeps_lock) {
        status = cf_run(entry->program, &call);
    } else {
        scratch->thread = PyEval_SaveThread();
        status = cf_run(entry->program, &call);
        PyEval_RestoreThread(scratch->thread);
    }
    return raise_status(status, call.needed);
}

/* ---- results ------------------------------------------------------------------------------------------- */

static PyObject *make_list(const Entry *entry, PyObject *const *outputs, Py_ssize_t count)
{
    PyObject *list = PyList_New(count);
    (void)entry;
    for (Py_ssize_t i = 0; list != NULL && i < count; i++)
        PyList_SET_ITEM(list, i, Py_NewRef(outputs[i]));
    return list;
}

static PyObject *make_dict(const Entry *entry, PyObject *const *outputs, Py_ssize_t count)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < count; i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(entry->keys, i), outputs[i]) < 0)
            Py_CLEAR(dict);
    return dict;
}

static PyObject *make_result(const Entry *entry, const scratch_t *scratch)
{
    PyObject *const *outputs = scratch->array + entry->first[OUTPUT];
    Py_ssize_t count = entry->first[UPDATE] - entry->first[OUTPUT];
    switch (entry->result) {
    case SINGLE:
        return Py_NewRef(outputs[0]);
    case LIST:
        return make_list(entry, outputs, count);
    case DICT:
        return make_dict(entry, outputs, count);
    default:
        return Py_NewRef(Py_None);
    }
}

static int cells_are_whole(PyObject *cells)
{
    for (Py_ssize_t u = 0; u < PyTuple_GET_SIZE(cells); u++)
        if (PyList_GET_SIZE(PyTuple_GET_ITEM(cells, u)) != 1)
            return 0;
    return 1;
}

static int is_overtaken(const Entry *entry, const scratch_t *scratch)
{
    for (int32_t i = entry->first[SHARED]; i < entry->first[CONSTANT]; i++)
        if (in_cell(PyTuple_GET_ITEM(entry->cells, i - entry->first[SHARED])) != scratch->array[i])
            return 1;
    return 0;
}

/* All cells at once, and only if what was read is still there: nothing up to the end of the first loop can run
 * Python code. The old values become spares, or die. */
static int apply_updates(Entry *entry, scratch_t *scratch)
{
    int32_t first = entry->first[UPDATE], count = entry->first[KINDS] - first;
    if (!cells_are_whole(entry->targets)) {
        PyErr_SetString(PyExc_RuntimeError, "a shared variable lost its value during the call");
        return 0;
    }
    scratch->overtaken = is_overtaken(entry, scratch);
    if (scratch->overtaken)
        return 0;
    for (int32_t u = 0; u < count; u++) {
        PyObject *cell = PyTuple_GET_ITEM(entry->targets, u);
        PyObject *old = PyList_GET_ITEM(cell, 0);
        PyList_SET_ITEM(cell, 0, scratch->array[first + u]);
        scratch->array[first + u] = old;
    }
    for (int32_t i = entry->first[SHARED]; i < entry->first[CONSTANT]; i++)
        Py_CLEAR(scratch->array[i]);
    for (int32_t u = 0; u < count; u++) {
        PyObject *old = scratch->array[first + u];
        if (entry->spare[u] == NULL && is_ours_alone(old) &&
            has_shape(&entry->argument[first + u], old, scratch->extent)) {
            entry->spare[u] = old;
            scratch->array[first + u] = NULL;
        }
    }
    return 1;
}

static PyObject *run_bound(Entry *entry, scratch_t *scratch)
{
    PyObject *result;
    if (!allocate_rest(entry, scratch) || !run_program(entry, scratch))
        return NULL;
    result = make_result(entry, scratch);
    if (result != NULL && entry->first[KINDS] > entry->first[UPDATE] && !apply_updates(entry, scratch))
        Py_CLEAR(result);
    return result;
}

static PyObject *attempt(Entry *entry, scratch_t *scratch, PyObject *const *args, Py_ssize_t count,
                         PyObject *out, refusal_t *refusal)
{
    if (!hold_given(entry, scratch, args, count, refusal) || !complete_extents(entry, scratch, refusal) ||
        (out != NULL && !hold_outputs(entry, scratch, out, refusal)))
        return NULL;
    if (out != NULL && overlaps(entry, scratch)) {
        refuse(refusal, "an array in out= overlaps another array of the call", -1);
        return NULL;
    }
    return run_bound(entry, scratch);
}

/* NULL with refusal->reason set: these arguments do not fit this entry; without it: a Python error.
 * Calls behave as if made one after another: one that was overtaken computes again, and keeps the interpreter's
 * lock, so that it is not overtaken twice. */
static PyObject *try_entry(Entry *entry, PyObject *const *args, Py_ssize_t count, PyObject *out,
                           refusal_t *refusal)
{
    scratch_t *scratch = take_scratch(entry);
    PyObject *result;
    refusal->reason = NULL;
    if (scratch == NULL)
        return NULL;
    scratch->keeps_lock = scratch->overtaken = 0;
    while ((result = attempt(entry, scratch, args, count, out, refusal)) == NULL && scratch->overtaken) {
        let_go(entry, scratch);
        scratch->keeps_lock = 1;
        scratch->overtaken = 0;
    }
    give_scratch(entry, scratch);
    return result;
}

/* ---- Entry: construction ------------------------------------------------------------------------------- */

static int bad_argument(const char *what)
{
    PyErr_Format(PyExc_ValueError, "Entry: %s", what);
    return 0;
}

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static int read_dims(argument_t *argument, PyObject *dims, int32_t count)
{
    Py_ssize_t rank = PyTuple_GET_SIZE(dims);
    if (rank > CF_MAX_RANK)
        return bad_argument("rank is too large");
    argument->rank = (int32_t)rank;
    for (Py_ssize_t i = 0; i < rank; i++) {
        long dim = PyLong_AsLong(PyTuple_GET_ITEM(dims, i));
        if (dim == -1 && PyErr_Occurred())
            return 0;
        if (dim < 0 || dim >= count)
            return bad_argument("a dim number is out of range");
        argument->dim[i] = (int32_t)dim;
    }
    return 1;
}

static int read_argument(argument_t *argument, PyObject *row, int32_t dims)
{
    static const char *const layouts[LAYOUTS] = {"C", "F", "rows", "strided", "unaligned", "swapped"};
    const char *kind, *layout;
    PyObject *numbers;
    int typenum;
    if (!PyTuple_Check(row))
        return bad_argument("arguments are tuples (kind, typenum, dims, layout)");
    if (!PyArg_ParseTuple(row, "siO!s", &kind, &typenum, &PyTuple_Type, &numbers, &layout))
        return 0;
    argument->kind = find_name(kind_names, KINDS, kind);
    argument->layout = find_name(layouts, LAYOUTS, layout);
    argument->typenum = typenum;
    if (argument->kind < 0 || argument->layout < 0)
        return bad_argument("unknown kind or layout");
    if (argument->layout != LAYOUT_C && argument->kind == UPDATE)
        return bad_argument("updates are C-contiguous");
    return read_dims(argument, numbers, dims);
}

static int read_arguments(Entry *entry, PyObject *rows)
{
    PyObject *list = PySequence_Tuple(rows);
    int32_t kind = INPUT;
    int fine = list != NULL;
    if (!fine)
        return 0;
    entry->arguments = (int32_t)PyTuple_GET_SIZE(list);
    entry->argument = PyMem_Calloc((size_t)entry->arguments + 1, sizeof(argument_t));
    if (entry->argument == NULL) {
        PyErr_NoMemory();
        fine = 0;
    }
    for (int32_t i = 0; fine && i < entry->arguments; i++) {
        argument_t *argument = &entry->argument[i];
        fine = read_argument(argument, PyTuple_GET_ITEM(list, i), entry->dims);
        if (fine && argument->kind < kind)
            fine = bad_argument("arguments are not grouped by kind");
        while (fine && kind < argument->kind)
            entry->first[++kind] = i;
    }
    while (kind < KINDS)
        entry->first[++kind] = entry->arguments;
    Py_DECREF(list);
    return fine;
}

static int read_extents(Entry *entry, PyObject *extents)
{
    PyObject *list = PySequence_Tuple(extents);
    if (list == NULL)
        return 0;
    entry->dims = (int32_t)PyTuple_GET_SIZE(list);
    entry->extent = PyMem_Calloc((size_t)entry->dims + 1, sizeof(int64_t));
    if (entry->extent == NULL)
        PyErr_NoMemory();
    else
        for (int32_t i = 0; i < entry->dims; i++)
            entry->extent[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(list, i));
    Py_DECREF(list);
    return !PyErr_Occurred();
}

static int read_parameters(Entry *entry, PyObject *parameters, PyObject *externals)
{
    PyObject *numbers = PySequence_Tuple(parameters), *addresses = PySequence_Tuple(externals);
    if (numbers != NULL && addresses != NULL) {
        Py_ssize_t n = PyTuple_GET_SIZE(numbers), m = PyTuple_GET_SIZE(addresses);
        entry->parameter = PyMem_Calloc((size_t)n + 1, sizeof(double));
        entry->external = PyMem_Calloc((size_t)m + 1, sizeof(void *));
        if (entry->parameter == NULL || entry->external == NULL)
            PyErr_NoMemory();
        for (Py_ssize_t i = 0; !PyErr_Occurred() && i < n; i++)
            entry->parameter[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(numbers, i));
        for (Py_ssize_t i = 0; !PyErr_Occurred() && i < m; i++)
            entry->external[i] = PyLong_AsVoidPtr(PyTuple_GET_ITEM(addresses, i));
        if (!PyErr_Occurred() && (n != entry->program->scalars || m != entry->program->externals))
            bad_argument("parameters or externals differ in number from those of the program");
    }
    Py_XDECREF(numbers);
    Py_XDECREF(addresses);
    return !PyErr_Occurred();
}

static int count_of(const Entry *entry, int kind)
{
    return entry->first[kind + 1] - entry->first[kind];
}

static int read_cells(Entry *entry, PyObject *cells)
{
    entry->cells = PySequence_Tuple(cells);
    if (entry->cells == NULL)
        return 0;
    if (PyTuple_GET_SIZE(entry->cells) != count_of(entry, SHARED))
        return bad_argument("one cell per shared argument");
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(entry->cells); i++)
        if (!PyList_CheckExact(PyTuple_GET_ITEM(entry->cells, i)))
            return bad_argument("a cell is a list");
    return 1;
}

/* A target is a cell, or the number of a shared argument. */
static PyObject *read_target(const Entry *entry, PyObject *target)
{
    Py_ssize_t i;
    if (PyList_CheckExact(target))
        return Py_NewRef(target);
    i = PyLong_AsSsize_t(target);
    if (i < 0 || i >= PyTuple_GET_SIZE(entry->cells)) {
        if (!PyErr_Occurred())
            bad_argument("an update names no cell");
        return NULL;
    }
    return Py_NewRef(PyTuple_GET_ITEM(entry->cells, i));
}

static int read_targets(Entry *entry, PyObject *targets)
{
    PyObject *list = PySequence_Tuple(targets);
    Py_ssize_t count = list == NULL ? 0 : PyTuple_GET_SIZE(list);
    int fine = list != NULL;
    if (fine && count != count_of(entry, UPDATE))
        fine = bad_argument("one cell per update");
    entry->targets = fine ? PyTuple_New(count) : NULL;
    entry->spare = PyMem_Calloc((size_t)count + 1, sizeof(PyObject *));
    fine = entry->targets != NULL && entry->spare != NULL;
    for (Py_ssize_t i = 0; fine && i < count; i++) {
        PyObject *cell = read_target(entry, PyTuple_GET_ITEM(list, i));
        fine = cell != NULL;
        if (fine)
            PyTuple_SET_ITEM(entry->targets, i, cell);
    }
    Py_XDECREF(list);
    return fine;
}

static int read_constants(Entry *entry, PyObject *constants)
{
    entry->constants = PySequence_Tuple(constants);
    if (entry->constants == NULL)
        return 0;
    if (PyTuple_GET_SIZE(entry->constants) != count_of(entry, CONSTANT))
        return bad_argument("one array per constant");
    for (int32_t i = 0; i < count_of(entry, CONSTANT); i++)
        if (misfit(&entry->argument[entry->first[CONSTANT] + i], PyTuple_GET_ITEM(entry->constants, i),
                   entry->extent) != NULL)
            return bad_argument("a constant does not fit its argument");
    return 1;
}

static int read_result(Entry *entry, PyObject *result)
{
    int outputs = count_of(entry, OUTPUT);
    entry->keys = Py_NewRef(result);
    if (result == Py_None)
        entry->result = NO_RESULT;
    else if (PyTuple_Check(result) && PyTuple_GET_SIZE(result) == outputs)
        entry->result = DICT;
    else if (PyUnicode_Check(result) && PyUnicode_CompareWithASCIIString(result, "list") == 0)
        entry->result = LIST;
    else if (PyUnicode_Check(result) && PyUnicode_CompareWithASCIIString(result, "single") == 0 &&
             outputs == 1)
        entry->result = SINGLE;
    else
        return bad_argument("result is None, 'single' (one output), 'list' or one key per output");
    return 1;
}

static int check_program(const Entry *entry)
{
    if (entry->program == NULL)
        return bad_argument("no program");
    if (entry->program->abi != CF_ABI_VERSION)
        return bad_argument("the program was built for another version of the driver");
    if (entry->program->arguments != entry->arguments || entry->program->dims != entry->dims)
        return bad_argument("arguments or extents differ in number from those of the program");
    return 1;
}

static PyObject *Entry_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"address",   "owner",      "arguments", "extents",      "cells",  "constants",
                            "parameters", "externals", "update_cells", "result", "deterministic", NULL};
    PyObject *address, *owner, *arguments, *extents, *cells = NULL, *constants = NULL, *parameters = NULL;
    PyObject *externals = NULL, *targets = NULL, *result = Py_None, *none = NULL;
    int deterministic = 0;
    Entry *entry;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOO|OOOOOOp", names, &PyLong_Type, &address, &owner,
                                     &arguments, &extents, &cells, &constants, &parameters, &externals,
                                     &targets, &result, &deterministic))
        return NULL;
    none = PyTuple_New(0);
    entry = none == NULL ? NULL : (Entry *)type->tp_alloc(type, 0);
    if (entry != NULL) {
        entry->program = PyLong_AsVoidPtr(address);
        entry->owner = Py_NewRef(owner);
        entry->deterministic = deterministic;
        if (PyErr_Occurred() || !read_extents(entry, extents) || !read_arguments(entry, arguments) ||
            !check_program(entry) ||
            !read_parameters(entry, parameters ? parameters : none, externals ? externals : none) ||
            !read_cells(entry, cells ? cells : none) || !read_targets(entry, targets ? targets : none) ||
            !read_constants(entry, constants ? constants : none) || !read_result(entry, result))
            Py_CLEAR(entry);
    }
    Py_XDECREF(none);
    return (PyObject *)entry;
}

static int Entry_traverse(PyObject *self, visitproc visit, void *arg)
{
    Entry *entry = (Entry *)self;
    Py_VISIT(entry->owner);
    Py_VISIT(entry->cells);
    Py_VISIT(entry->targets);
    Py_VISIT(entry->constants);
    Py_VISIT(entry->keys);
    return 0;
}

/* No tp_clear: every cycle through an entry also goes through a Callable, or a list, which can be cleared. */
static void Entry_dealloc(PyObject *self)
{
    Entry *entry = (Entry *)self;
    PyObject_GC_UnTrack(self);
    free_all_scratch(entry);
    for (Py_ssize_t u = 0; entry->spare != NULL && entry->targets != NULL &&
                           u < PyTuple_GET_SIZE(entry->targets); u++)
        Py_XDECREF(entry->spare[u]);
    PyMem_Free(entry->spare);
    PyMem_Free(entry->argument);
    PyMem_Free(entry->extent);
    PyMem_Free(entry->parameter);
    PyMem_Free(entry->external);
    Py_XDECREF(entry->cells);
    Py_XDECREF(entry->targets);
    Py_XDECREF(entry->constants);
    Py_XDECREF(entry->keys);
    Py_XDECREF(entry->owner);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *Entry_run(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    refusal_t refusal;
    PyObject *result, *out = count == 2 && args[1] != Py_None ? args[1] : NULL;
    if (count < 1 || count > 2 || !PyTuple_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "run(args: tuple, out=None)");
        return NULL;
    }
    result = try_entry((Entry *)self, &PyTuple_GET_ITEM(args[0], 0), PyTuple_GET_SIZE(args[0]), out,
                       &refusal);
    if (result != NULL || refusal.reason == NULL)
        return result;
    if (refusal.argument < 0)
        PyErr_Format(PyExc_ValueError, "the arguments do not fit this entry: %s", refusal.reason);
    else
        PyErr_Format(PyExc_ValueError, "the arguments do not fit this entry: %s argument %d %s",
                     kind_names[((Entry *)self)->argument[refusal.argument].kind], (int)refusal.argument,
                     refusal.reason);
    return NULL;
}

static PyMethodDef Entry_methods[] = {
    {"run", (PyCFunction)(void (*)(void))Entry_run, METH_FASTCALL,
     "run(args, out=None)\n--\n\nRun with arguments that fit exactly; ValueError if they do not."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject Entry_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "closedform.runtime._native.Entry",
    .tp_doc = "One compiled specialisation of a function.",
    .tp_basicsize = sizeof(Entry),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = Entry_new,
    .tp_dealloc = Entry_dealloc,
    .tp_traverse = Entry_traverse,
    .tp_methods = Entry_methods,
};

/* ---- Callable ------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *slow;
    PyObject *weak;
    int32_t count;
    Entry *entry[MAX_ENTRIES]; /* newest first */
} Callable;

/* Nothing fits: *refused is set. */
static PyObject *try_entries(Callable *self, PyObject *const *args, Py_ssize_t count, PyObject *out,
                             int *refused)
{
    *refused = 0;
    for (int32_t i = 0; i < self->count; i++) {
        Entry *entry = (Entry *)Py_NewRef((PyObject *)self->entry[i]);
        refusal_t refusal;
        PyObject *result = try_entry(entry, args, count, out, &refusal);
        Py_DECREF(entry);
        if (result != NULL || refusal.reason == NULL)
            return result;
    }
    *refused = 1;
    return NULL;
}

static PyObject *call_slow(Callable *self, PyObject *args, PyObject *kwargs)
{
    PyObject *slow = self->slow, *result, *empty = NULL;
    if (args == NULL)
        return NULL;
    if (slow == NULL || slow == Py_None) {
        PyErr_SetString(PyExc_TypeError, "no entry fits, and there is no slow path");
        return NULL;
    }
    if (kwargs == NULL && (kwargs = empty = PyDict_New()) == NULL)
        return NULL;
    Py_INCREF(slow);
    result = PyObject_CallFunctionObjArgs(slow, args, kwargs, NULL);
    Py_DECREF(slow);
    Py_XDECREF(empty);
    return result;
}

static PyObject *pack_args(PyObject *const *args, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    return tuple;
}

static PyObject *pack_kwargs(PyObject *const *values, PyObject *names)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && names != NULL && i < PyTuple_GET_SIZE(names); i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(names, i), values[i]) < 0)
            Py_CLEAR(dict);
    return dict;
}

static int is_out(PyObject *name)
{
    return PyUnicode_CompareWithASCIIString(name, "out") == 0;
}

static PyObject *Callable_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                                     PyObject *names)
{
    Callable *self = (Callable *)object;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf), named = names ? PyTuple_GET_SIZE(names) : 0;
    PyObject *result, *tuple, *dict;
    int refused;
    if (named == 0 || (named == 1 && is_out(PyTuple_GET_ITEM(names, 0)))) {
        PyObject *out = named && args[count] != Py_None ? args[count] : NULL;
        result = try_entries(self, args, count, out, &refused);
        if (!refused)
            return result;
    }
    tuple = pack_args(args, count);
    dict = pack_kwargs(args + count, names);
    result = dict == NULL ? NULL : call_slow(self, tuple, dict);
    Py_XDECREF(tuple);
    Py_XDECREF(dict);
    return result;
}

/* Subclasses written in Python come here on versions that do not inherit vectorcall. */
static PyObject *Callable_call(PyObject *object, PyObject *args, PyObject *kwargs)
{
    Callable *self = (Callable *)object;
    Py_ssize_t named = kwargs ? PyDict_GET_SIZE(kwargs) : 0;
    PyObject *out = named == 1 ? PyDict_GetItemString(kwargs, "out") : NULL;
    int refused;
    if (named == 0 || out != NULL) {
        PyObject *result = try_entries(self, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args),
                                       out == Py_None ? NULL : out, &refused);
        if (!refused)
            return result;
    }
    return call_slow(self, args, kwargs);
}

static PyObject *Callable_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Callable *self = (Callable *)type->tp_alloc(type, 0);
    (void)args;
    (void)kwargs;
    if (self != NULL)
        self->vectorcall = Callable_vectorcall;
    return (PyObject *)self;
}

static int Callable_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"slow", NULL};
    PyObject *slow;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &slow))
        return -1;
    Py_XSETREF(((Callable *)self)->slow, Py_NewRef(slow));
    return 0;
}

static void drop_entries(Callable *self)
{
    while (self->count > 0) {
        Entry *entry = self->entry[--self->count];
        self->entry[self->count] = NULL;
        Py_DECREF(entry);
    }
}

static PyObject *Callable_add_entry(PyObject *object, PyObject *entry)
{
    Callable *self = (Callable *)object;
    Entry *oldest = NULL;
    if (!PyObject_TypeCheck(entry, &Entry_Type)) {
        PyErr_SetString(PyExc_TypeError, "add_entry takes an Entry");
        return NULL;
    }
    if (self->count == MAX_ENTRIES)
        oldest = self->entry[--self->count];
    memmove(self->entry + 1, self->entry, sizeof(Entry *) * (size_t)self->count);
    self->entry[0] = (Entry *)Py_NewRef(entry);
    self->count++;
    Py_XDECREF(oldest);
    Py_RETURN_NONE;
}

static PyObject *Callable_entries(PyObject *object, PyObject *unused)
{
    Callable *self = (Callable *)object;
    PyObject *list = PyList_New(0);
    (void)unused;
    for (int32_t i = 0; list != NULL && i < self->count; i++)
        if (PyList_Append(list, (PyObject *)self->entry[i]) < 0)
            Py_CLEAR(list);
    return list;
}

static PyObject *Callable_clear_entries(PyObject *object, PyObject *unused)
{
    (void)unused;
    drop_entries((Callable *)object);
    Py_RETURN_NONE;
}

static int Callable_traverse(PyObject *object, visitproc visit, void *arg)
{
    Callable *self = (Callable *)object;
    Py_VISIT(self->slow);
    for (int32_t i = 0; i < self->count; i++)
        Py_VISIT(self->entry[i]);
    return 0;
}

static int Callable_clear(PyObject *object)
{
    Py_CLEAR(((Callable *)object)->slow);
    drop_entries((Callable *)object);
    return 0;
}

static void Callable_dealloc(PyObject *object)
{
    Callable *self = (Callable *)object;
    PyObject_GC_UnTrack(object);
    if (self->weak != NULL)
        PyObject_ClearWeakRefs(object);
    Callable_clear(object);
    Py_TYPE(object)->tp_free(object);
}

static PyMethodDef Callable_methods[] = {
    {"add_entry", Callable_add_entry, METH_O,
     "add_entry(entry)\n--\n\nPut an entry first; the oldest of more than eight leaves."},
    {"entries", Callable_entries, METH_NOARGS, "entries()\n--\n\nReturn the entries, newest first."},
    {"clear_entries", Callable_clear_entries, METH_NOARGS, "clear_entries()\n--\n\nForget all entries."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject Callable_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "closedform.runtime._native.Callable",
    .tp_doc = "Callable(slow)\n--\n\nTries its entries, then calls slow(args, kwargs).",
    .tp_basicsize = sizeof(Callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Callable, vectorcall),
    .tp_weaklistoffset = offsetof(Callable, weak),
    .tp_new = Callable_new,
    .tp_init = Callable_init,
    .tp_call = Callable_call,
    .tp_dealloc = Callable_dealloc,
    .tp_traverse = Callable_traverse,
    .tp_clear = Callable_clear,
    .tp_methods = Callable_methods,
};

/* ---- module -------------------------------------------------------------------------------------------- */

static PyObject *num_threads(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return settle_threads() ? PyLong_FromLong(cf_threads()) : NULL;
}

static PyObject *set_num_threads(PyObject *module, PyObject *number)
{
    long threads = PyLong_AsLong(number);
    (void)module;
    if (threads == -1 && PyErr_Occurred())
        return NULL;
    if (threads < 1) {
        PyErr_SetString(PyExc_ValueError, "the number of threads is at least 1");
        return NULL;
    }
    cf_set_threads(threads > INT32_MAX ? INT32_MAX : (int32_t)threads);
    Py_RETURN_NONE;
}

static int replace_values(PyObject *cells, PyObject *seen, PyObject *targets, PyObject *values)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(cells); i++)
        if (in_cell(PyList_GET_ITEM(cells, i)) != PyList_GET_ITEM(seen, i))
            return 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(targets); i++) {
        PyObject *cell = PyList_GET_ITEM(targets, i), *old = in_cell(cell);
        PyList_SET_ITEM(cell, 0, PyList_GET_ITEM(values, i));
        PyList_SET_ITEM(values, i, old); /* dies with the list, after this loop */
    }
    return 1;
}

static int are_cells(PyObject *list)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++)
        if (!PyList_CheckExact(PyList_GET_ITEM(list, i)) || PyList_GET_SIZE(PyList_GET_ITEM(list, i)) != 1)
            return 0;
    return 1;
}

static PyObject *commit(PyObject *module, PyObject *args)
{
    PyObject *cells, *seen, *targets, *values, *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!O!", &PyList_Type, &cells, &PyList_Type, &seen, &PyList_Type, &targets,
                          &PyList_Type, &values))
        return NULL;
    values = PyList_GetSlice(values, 0, PyList_GET_SIZE(values));
    if (values == NULL)
        return NULL;
    if (PyList_GET_SIZE(cells) != PyList_GET_SIZE(seen) || PyList_GET_SIZE(targets) != PyList_GET_SIZE(values) ||
        !are_cells(cells) || !are_cells(targets))
        PyErr_SetString(PyExc_ValueError, "commit takes cells, what was seen in them, cells and their values");
    else
        result = PyBool_FromLong(replace_values(cells, seen, targets, values));
    Py_DECREF(values);
    return result;
}

static PyObject *abi_version(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(cf_abi_version());
}

static PyMethodDef methods[] = {
    {"num_threads", num_threads, METH_NOARGS, "num_threads()\n--\n\nReturn how many threads a call may use."},
    {"set_num_threads", set_num_threads, METH_O,
     "set_num_threads(n)\n--\n\nSet how many threads a call may use, the caller included."},
    {"commit", commit, METH_VARARGS,
     "commit(cells, seen, targets, values)\n--\n\n"
     "Put values into targets, at once, if every cell holds what was seen; return whether."},
    {"abi_version", abi_version, METH_NOARGS, "abi_version()\n--\n\nReturn the version of the program table."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "Runs compiled programs on NumPy arrays.", -1, methods, NULL, NULL,
    NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module;
    import_array();
    if (PyType_Ready(&Entry_Type) < 0 || PyType_Ready(&Callable_Type) < 0)
        return NULL;
    module = PyModule_Create(&definition);
    if (module != NULL && (PyModule_AddObjectRef(module, "Entry", (PyObject *)&Entry_Type) < 0 ||
                           PyModule_AddObjectRef(module, "Callable", (PyObject *)&Callable_Type) < 0))
        Py_CLEAR(module);
    return module;
}
