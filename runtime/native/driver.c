/* The generic driver (semantics 9.3, 9.4). What it decides depends on extents and, unless the call is
 * deterministic, on the number of threads allowed; never on which thread was free.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "driver.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pool.h"

#define ALIGNMENT 64
#define PANEL_BYTES 131072.0    /* of everything that a panel touches: about half of a second-level cache */
#define PANEL_BYTES_WANTED 33554432.0 /* where the emitter wants long panels */
#define PANEL_ROWS_STEP 16
#define PANEL_ROWS_BUFFERED 1024
#define PANEL_ROWS_FREE 8192    /* when no buffer grows with the panel and no sum collects over it */
#define WORK_PER_PART 100000.0 /* scalar operations that pay for another thread */
#define FIXED_PARTS 16          /* of a deterministic fold */
#define SMALL_ACCUMULATORS 65536
#define PARTS_PER_THREAD 4      /* evens out threads that start late; not with large accumulators */
#define POLL_NANOSECONDS 50000000

typedef struct {
    int64_t panel;  /* rows */
    int64_t panels;
    int32_t parts;
    int32_t lanes;
    int32_t columns; /* one panel: threads share out the columns of each kernel instead of rows */
} split_t;

/* Bytes of workspace by scope: of one copy, padding included. */
typedef struct {
    size_t shared;
    size_t panel;
    size_t accumulator;
} sizes_t;

typedef struct {
    const cf_program *program;
    cf_call *call;
    sizes_t sizes;
    int64_t capacity;      /* rows of the largest panel of any stage */
    int32_t parts;         /* copies of the accumulators */
    int32_t lanes;         /* copies of the panel buffers */
    int32_t threads;       /* allowed; read once, for another thread may change the pool's number */
    char **tables;         /* lanes + 1 tables of pointers */
    char *shared;
    char *accumulators;
    char *panels;
    const cf_stage *stage; /* that runs now */
    split_t split;
    const cf_frame *frame; /* of the kernel whose columns are shared out, and its rows */
    int32_t kernel;
    int64_t begin, end;
    int64_t polled;        /* when, 0 before the clock was first read */
    int32_t stop;          /* atomic; kernels see its address */
    int32_t status;        /* atomic; the first failure */
} run_t;

/* ---- sizes ------------------------------------------------------------------------------------------- */

static int has_dim(const cf_array *array, int32_t dim)
{
    for (int32_t i = 0; i < array->rank; i++)
        if (array->dim[i] == dim)
            return 1;
    return 0;
}

/* Bytes of one copy with padding, which staggers buffers and lets vector code read past the end.
 * Returns 0 on overflow. */
static int buffer_bytes(const cf_array *array, const int64_t *extent, int64_t panel, size_t *bytes)
{
    size_t size = (size_t)array->item;
    for (int32_t i = 0; i < array->rank; i++) {
        int64_t length = array->dim[i] == CF_PANEL_EXTENT ? panel : extent[array->dim[i]];
        if (length < 0 || __builtin_mul_overflow(size, (size_t)length, &size))
            return 0;
    }
    if (size > SIZE_MAX / 4)
        return 0;
    *bytes = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    return 1;
}

static int measure(const cf_program *program, const int64_t *extent, int64_t panel, sizes_t *sizes)
{
    memset(sizes, 0, sizeof *sizes);
    for (int32_t i = program->arguments; i < program->arrays; i++) {
        const cf_array *array = &program->array[i];
        size_t *total = array->scope == CF_SHARED  ? &sizes->shared
                        : array->scope == CF_PANEL ? &sizes->panel
                                                   : &sizes->accumulator;
        size_t bytes;
        if (!buffer_bytes(array, extent, panel, &bytes) || __builtin_add_overflow(*total, bytes, total))
            return 0;
    }
    return 1;
}

/* Bytes that one row of the axis takes in this array, 0 if it has no such rows. An array may have the extent
 * of the axis more than once: its rows are along one of them. */
static double row_bytes(const cf_array *array, int32_t axis, const int64_t *extent)
{
    int32_t dim = array->scope == CF_PANEL ? CF_PANEL_EXTENT : axis;
    double bytes = array->item;
    int rows = 0;
    if ((array->scope != CF_PANEL && array->scope != CF_ARGUMENT) || !has_dim(array, dim))
        return 0;
    for (int32_t i = 0; i < array->rank; i++) {
        if (array->dim[i] != dim || rows)
            bytes *= (double)extent[array->dim[i]];
        rows |= array->dim[i] == dim;
    }
    return bytes;
}

static double amount(const cf_work *work, const int64_t *extent)
{
    double product = work->coefficient;
    for (int32_t k = 0; k < work->rank; k++)
        product *= (double)extent[work->dim[k]];
    return product;
}

static double row_work(const cf_stage *stage, const int64_t *extent, double bytes)
{
    double total = 0;
    for (int32_t i = 0; i < stage->works; i++)
        total += amount(&stage->work[i], extent);
    return stage->works > 0 ? total : bytes / 8;
}

/* ---- panels and parts -------------------------------------------------------------------------------- */

static int64_t panel_rows(double bytes, int buffered, int64_t rows)
{
    int64_t most = buffered ? PANEL_ROWS_BUFFERED : PANEL_ROWS_FREE;
    int64_t whole = (rows + PANEL_ROWS_STEP - 1) / PANEL_ROWS_STEP * PANEL_ROWS_STEP;
    int64_t fit = bytes * (double)most > PANEL_BYTES ? (int64_t)(PANEL_BYTES / bytes) : most;
    fit = fit / PANEL_ROWS_STEP * PANEL_ROWS_STEP;
    if (fit > whole)
        fit = whole;
    return fit < PANEL_ROWS_STEP ? PANEL_ROWS_STEP : fit;
}

static int32_t limit_parts(double wanted, int64_t panels, int32_t most)
{
    if (wanted > most)
        wanted = most;
    if (wanted > (double)panels)
        wanted = (double)panels;
    return wanted < 1 ? 1 : (int32_t)wanted;
}

static int32_t most_parts(const run_t *run, const cf_stage *stage)
{
    int32_t threads = run->threads;
    int small = stage->identity == NULL || run->sizes.accumulator <= SMALL_ACCUMULATORS;
    int32_t parts = run->call->deterministic ? FIXED_PARTS
                    : threads == 1           ? 1
                    : small                  ? threads * PARTS_PER_THREAD
                                             : threads;
    return parts < CF_MAX_PARTS ? parts : CF_MAX_PARTS;
}

/* The panel that the emitter wants, shorter if that leaves threads without work or takes too much memory. */
static int64_t wanted_panel(const run_t *run, const cf_stage *stage, double bytes, int64_t rows)
{
    int64_t among = run->call->deterministic ? FIXED_PARTS : run->threads;
    int64_t share = (rows + among - 1) / among;
    int64_t fit = bytes * (double)stage->panel > PANEL_BYTES_WANTED ? (int64_t)(PANEL_BYTES_WANTED / bytes)
                                                                     : stage->panel;
    share = (share + PANEL_ROWS_STEP - 1) / PANEL_ROWS_STEP * PANEL_ROWS_STEP;
    fit = fit < PANEL_ROWS_STEP ? PANEL_ROWS_STEP : fit / PANEL_ROWS_STEP * PANEL_ROWS_STEP;
    return share < fit ? share : fit;
}

/* Whether one panel takes all the rows and accumulators are too large to have one for each thread. */
static int by_columns(const run_t *run, const cf_stage *stage, int64_t rows)
{
    return stage->columns != NULL && rows > 0 && rows <= stage->panel && run->threads > 1 &&
           !run->call->deterministic && run->sizes.accumulator > SMALL_ACCUMULATORS;
}

/* Needs run->sizes of the accumulators, which do not depend on panels. */
static split_t split_stage(const run_t *run, const cf_stage *stage)
{
    const cf_program *program = run->program;
    const int64_t *extent = run->call->extent;
    int64_t rows = extent[stage->axis];
    double bytes = 0;
    int buffered = stage->combine != 0; /* short panels: float32 sums move to their wide totals often */
    split_t split;
    for (int32_t i = 0; i < program->arrays; i++) {
        double more = row_bytes(&program->array[i], stage->axis, extent);
        buffered |= more > 0 && program->array[i].scope == CF_PANEL;
        bytes += more;
    }
    split.columns = by_columns(run, stage, rows);
    if (split.columns) {
        split.panel = (rows + PANEL_ROWS_STEP - 1) / PANEL_ROWS_STEP * PANEL_ROWS_STEP;
        split.panels = split.parts = split.lanes = 1;
        return split;
    }
    split.panel = stage->panel > 0 ? wanted_panel(run, stage, bytes, rows) : panel_rows(bytes, buffered, rows);
    split.panels = (rows + split.panel - 1) / split.panel;
    split.parts = limit_parts(row_work(stage, extent, bytes) * (double)rows / WORK_PER_PART, split.panels,
                              most_parts(run, stage));
    split.lanes = split.parts < run->threads ? split.parts : run->threads;
    return split;
}

/* ---- workspace --------------------------------------------------------------------------------------- */

void cf_release(cf_block *block)
{
    free(block->base);
    block->base = NULL;
    block->size = 0;
}

/* Keeps the block unless it is too small, or so large that keeping it would be a waste. */
static int reserve(cf_block *block, size_t size)
{
    void *base = NULL;
    if (block->size >= size && block->size / 16 <= size + (1 << 20))
        return 1;
    if (posix_memalign(&base, ALIGNMENT, size) != 0)
        return 0;
    free(block->base);
    block->base = base;
    block->size = size;
    return 1;
}

static int plan(run_t *run)
{
    const cf_program *program = run->program;
    run->capacity = PANEL_ROWS_STEP;
    run->parts = run->lanes = 1;
    if (!measure(program, run->call->extent, 0, &run->sizes))
        return 0;
    for (int32_t i = 0; i < program->stages; i++) {
        split_t split;
        if (program->stage[i].kind != CF_FOLD)
            continue;
        split = split_stage(run, &program->stage[i]);
        run->capacity = split.panel > run->capacity ? split.panel : run->capacity;
        run->parts = split.parts > run->parts ? split.parts : run->parts;
        run->lanes = split.lanes > run->lanes ? split.lanes : run->lanes;
    }
    return measure(program, run->call->extent, run->capacity, &run->sizes);
}

static int allocate(run_t *run)
{
    size_t table = sizeof(char *) * (size_t)run->program->arrays * (size_t)(run->lanes + 1);
    size_t accumulators, panels, size;
    table = (table + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (__builtin_mul_overflow(run->sizes.accumulator, (size_t)run->parts, &accumulators) ||
        __builtin_mul_overflow(run->sizes.panel, (size_t)run->lanes, &panels) ||
        __builtin_add_overflow(table + run->sizes.shared, accumulators, &size) ||
        __builtin_add_overflow(size, panels, &size) || size > (size_t)INT64_MAX)
        return 0;
    run->call->needed = size;
    if (!reserve(run->call->block, size))
        return 0;
    run->tables = (char **)(void *)run->call->block->base;
    run->shared = run->call->block->base + table;
    run->accumulators = run->shared + run->sizes.shared;
    run->panels = run->accumulators + accumulators;
    return 1;
}

static char **lane_table(const run_t *run, int32_t lane)
{
    return run->tables + (size_t)lane * (size_t)run->program->arrays;
}

/* Points a table at the accumulators of one part. */
static void point_accumulators(const run_t *run, char **table, int32_t part)
{
    char *place = run->accumulators + run->sizes.accumulator * (size_t)part;
    if (run->sizes.accumulator == 0)
        return;
    for (int32_t i = run->program->arguments; i < run->program->arrays; i++) {
        size_t bytes;
        if (run->program->array[i].scope != CF_ACCUMULATOR)
            continue;
        table[i] = place;
        buffer_bytes(&run->program->array[i], run->call->extent, run->capacity, &bytes);
        place += bytes;
    }
}

static void fill_table(const run_t *run, char **table, int32_t lane)
{
    const cf_program *program = run->program;
    char *shared = run->shared;
    char *panel = run->panels + run->sizes.panel * (size_t)lane;
    for (int32_t i = 0; i < program->arguments; i++)
        table[i] = run->call->data[i];
    for (int32_t i = program->arguments; i < program->arrays; i++) {
        int32_t scope = program->array[i].scope;
        char **place = scope == CF_SHARED ? &shared : &panel;
        size_t bytes;
        if (scope == CF_ACCUMULATOR)
            continue;
        table[i] = *place;
        buffer_bytes(&program->array[i], run->call->extent, run->capacity, &bytes);
        *place += bytes;
    }
    point_accumulators(run, table, 0);
}

static cf_frame make_frame(const run_t *run, char **table, int64_t panel)
{
    cf_frame frame = {table,
                      run->call->stride,
                      run->call->extent,
                      run->call->scalar,
                      run->call->external,
                      panel,
                      &run->stop,
                      0,
                      1,
                      0};
    return frame;
}

/* ---- running ----------------------------------------------------------------------------------------- */

static void fail(run_t *run, int32_t status)
{
    int32_t none = CF_OK;
    __atomic_compare_exchange_n(&run->status, &none, status, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    __atomic_store_n(&run->stop, 1, __ATOMIC_RELAXED);
}

static int stopped(const run_t *run)
{
    return __atomic_load_n(&run->stop, __ATOMIC_RELAXED);
}

/* Reads the clock and asks the caller now and then. Only the calling thread does this. */
static void attend(void *context)
{
    run_t *run = context;
    struct timespec clock;
    int64_t now;
    if (run->call->poll == NULL || stopped(run))
        return;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    now = (int64_t)clock.tv_sec * 1000000000 + clock.tv_nsec + 1;
    if (run->polled == 0)
        run->polled = now;
    if (now - run->polled < POLL_NANOSECONDS)
        return;
    run->polled = now;
    if (run->call->poll(run->call->context) != 0)
        fail(run, CF_STOPPED);
}

static int run_kernels(run_t *run, const cf_frame *frame, int64_t begin, int64_t end)
{
    for (int32_t k = 0; k < run->stage->kernels; k++) {
        int32_t status = run->stage->kernel[k](frame, begin, end);
        if (status != CF_OK) {
            fail(run, status);
            return 0;
        }
    }
    return 1;
}

static void run_share(void *context, int32_t share, int32_t lane)
{
    run_t *run = context;
    cf_frame frame = *run->frame;
    int32_t status;
    (void)lane;
    frame.share = share;
    status = run->stage->kernel[run->kernel](&frame, run->begin, run->end);
    if (status != CF_OK)
        fail(run, status);
}

static int32_t shares(const run_t *run, const cf_work *columns, int64_t rows)
{
    double wanted = amount(columns, run->call->extent) * (double)rows / WORK_PER_PART;
    int32_t most = run->threads < CF_MAX_PARTS ? run->threads : CF_MAX_PARTS;
    return run->call->deterministic ? 1 : limit_parts(wanted, most, most);
}

/* Kernels one after the other, each by all threads; a kernel's own work is `rows` times its columns'. */
static int run_by_columns(run_t *run, cf_frame *frame, int64_t begin, int64_t end, int64_t rows)
{
    run->frame = frame;
    run->begin = begin;
    run->end = end;
    cf_pool_expect(1);
    for (run->kernel = 0; run->kernel < run->stage->kernels && !stopped(run); run->kernel++) {
        frame->shares = shares(run, &run->stage->columns[run->kernel], rows);
        cf_pool_run(run_share, attend, run, frame->shares, frame->shares);
    }
    cf_pool_expect(-1);
    return !stopped(run);
}

static void run_part(void *context, int32_t part, int32_t lane)
{
    run_t *run = context;
    const split_t *split = &run->split;
    int64_t rows = run->call->extent[run->stage->axis];
    int64_t first = split->panels * part / split->parts;
    int64_t last = split->panels * (part + 1) / split->parts;
    char **table = lane_table(run, lane);
    cf_frame frame = make_frame(run, table, split->panel);
    if (lane == 0 && part > 0)
        attend(run);
    if (stopped(run))
        return;
    point_accumulators(run, table, part);
    frame.first = first < last;
    if (run->stage->identity != NULL)
        run->stage->identity(&frame);
    for (int64_t p = first; p < last; p++) {
        int64_t begin = p * split->panel;
        int64_t end = rows - begin < split->panel ? rows : begin + split->panel;
        if (p > first && lane == 0)
            attend(run);
        if (stopped(run) || !(split->columns ? run_by_columns(run, &frame, begin, end, rows)
                                             : run_kernels(run, &frame, begin, end)))
            return;
        frame.first = 0;
    }
}

static void combine_parts(run_t *run)
{
    char **into_table = lane_table(run, 0), **from_table = lane_table(run, run->lanes);
    cf_frame into = make_frame(run, into_table, run->split.panel);
    cf_frame from = make_frame(run, from_table, run->split.panel);
    point_accumulators(run, into_table, 0);
    for (int32_t part = 1; part < run->split.parts; part++) {
        point_accumulators(run, from_table, part);
        run->stage->combine(&into, &from);
    }
}

/* Every part must see the totals of earlier folds in its own copy. */
static void spread_totals(run_t *run)
{
    for (int32_t part = 1; part < run->split.parts; part++)
        memcpy(run->accumulators + run->sizes.accumulator * (size_t)part, run->accumulators,
               run->sizes.accumulator);
}

static void run_fold(run_t *run, int has_totals)
{
    run->split = split_stage(run, run->stage);
    if (has_totals && run->sizes.accumulator > 0)
        spread_totals(run);
    if (run->split.columns)
        run_part(run, 0, 0);
    else
        cf_pool_run(run_part, attend, run, run->split.parts, run->split.lanes);
    if (stopped(run))
        return;
    if (run->split.parts > 1 && run->stage->identity != NULL)
        combine_parts(run);
    else
        point_accumulators(run, lane_table(run, 0), 0);
}

static void run_stages(run_t *run)
{
    int has_totals = 0;
    for (int32_t i = 0; i < run->program->stages && !stopped(run); i++) {
        run->stage = &run->program->stage[i];
        if (run->stage->kind == CF_FOLD) {
            run_fold(run, has_totals);
            has_totals |= run->stage->identity != NULL;
        } else {
            cf_frame frame = make_frame(run, lane_table(run, 0), run->capacity);
            if (run->stage->columns != NULL && run->threads > 1)
                run_by_columns(run, &frame, 0, 0, 1);
            else
                run_kernels(run, &frame, 0, 0);
        }
        if (run->polled != 0)
            attend(run);
    }
}

static int32_t allowed_threads(const cf_call *call)
{
    int32_t threads = call->threads > 0 ? call->threads : cf_threads();
    return threads < CF_MAX_LANES ? threads : CF_MAX_LANES;
}

int32_t cf_run(const cf_program *program, cf_call *call)
{
    run_t run;
    if (program->abi != CF_ABI_VERSION)
        return CF_BAD_ABI;
    run.program = program;
    run.call = call;
    run.threads = allowed_threads(call);
    call->needed = 0;
    run.polled = 0;
    run.stop = 0;
    run.status = CF_OK;
    if (!plan(&run) || !allocate(&run))
        return CF_NO_MEMORY;
    for (int32_t lane = 0; lane < run.lanes; lane++)
        fill_table(&run, lane_table(&run, lane), lane);
    if (run.parts > 1)
        fill_table(&run, lane_table(&run, run.lanes), 0);
    run_stages(&run);
    return run.status;
}

int32_t cf_split(const cf_program *program, cf_call *call, int64_t *found)
{
    run_t run = {.program = program, .call = call, .threads = allowed_threads(call)};
    if (program->abi != CF_ABI_VERSION)
        return CF_BAD_ABI;
    if (!plan(&run))
        return CF_NO_MEMORY;
    *found++ = (int64_t)run.sizes.shared;
    *found++ = (int64_t)run.sizes.panel;
    *found++ = (int64_t)run.sizes.accumulator;
    for (int32_t i = 0; i < program->stages; i++) {
        int folds = program->stage[i].kind == CF_FOLD;
        split_t split = folds ? split_stage(&run, &program->stage[i]) : (split_t){0, 0, 0, 0};
        *found++ = split.panel;
        *found++ = split.parts;
        *found++ = split.lanes;
    }
    return CF_OK;
}

int32_t cf_abi_version(void)
{
    return CF_ABI_VERSION;
}
