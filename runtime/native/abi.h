/* The contract between emitted programs, the driver that runs them and the trampoline that calls them.
 *
 * An emitted shared object exports one symbol, `const cf_program closedform_program`: a static table. It allocates
 * nothing, keeps no globals and starts no threads; all of that belongs to the driver (semantics 9.3, 9.4).
 * Any change here raises CF_ABI_VERSION, which is part of every cache key.
 */
#ifndef CLOSEDFORM_ABI_H
#define CLOSEDFORM_ABI_H
#include <stdint.h>

#define CF_ABI_VERSION 3
#define CF_MAX_RANK 12
#define CF_PANEL_EXTENT (-1) /* in cf_array.dim: the capacity of a panel instead of an extent */

enum { CF_OK = 0, CF_STOPPED = 1, CF_NO_MEMORY = 2, CF_BAD_ABI = 3,
    CF_REFUSED = 4 /* values that a routine refuses, or a position out of range: who calls finds out which */
};

/* where a buffer lives */
enum {
    CF_ARGUMENT,    /* the caller's array */
    CF_SHARED,      /* workspace, one per call */
    CF_PANEL,       /* workspace, one per thread; the axis of the fold, if present, is CF_PANEL_EXTENT */
    CF_ACCUMULATOR  /* workspace, one per part of the fold; part 0 holds the total after merging */
};

typedef struct {
    int32_t scope;
    int32_t item;             /* bytes per element */
    int32_t rank;
    int32_t dim[CF_MAX_RANK]; /* numbers of the dims, in memory order, outermost first */
} cf_array;

/* What a kernel sees. Every pointer is owned by the driver or the caller. */
typedef struct {
    char *const *data;        /* one pointer per array of the program */
    const int64_t *stride;    /* byte strides of the arguments: CF_MAX_RANK per argument */
    const int64_t *extent;    /* one per dim of the program */
    const double *scalar;     /* numbered parameters: float literals of the user's formula */
    void *const *external;    /* library routines, by number */
    int64_t panel;            /* rows that a CF_PANEL buffer holds */
    const volatile int32_t *stop;
    int32_t share, shares;    /* which of so many shares of its columns a kernel computes */
    int32_t first;            /* whether this panel is the first of its part */
} cf_frame;

/* First column of a share, of n columns; share == shares gives n. */
static inline int64_t cf_column(const cf_frame *frame, int64_t n, int32_t share)
{
    return share == frame->shares ? n : n / 16 * share / frame->shares * 16;
}

/* Rows [begin, end) of the fold axis; a kernel of a CF_ONCE stage gets (0, 0). Returns a CF_ status. */
typedef int32_t cf_kernel(const cf_frame *frame, int64_t begin, int64_t end);
/* Sets the accumulators of a frame to their identities; if frame->first, only those that the first panel does
 * not set. */
typedef void cf_identity(const cf_frame *frame);
/* Adds the accumulators of `from` to those of `into`. Always called in the order of parts. */
typedef void cf_combine(const cf_frame *into, const cf_frame *from);

/* coefficient * product of extents: scalar operations per row of a fold, for choosing how many threads pay */
typedef struct {
    double coefficient;
    int32_t rank;
    int32_t dim[CF_MAX_RANK];
} cf_work;

/* Extents of dims that no argument binds (the length of a slice), from those that are bound. */
typedef void cf_define(int64_t *extent);

enum { CF_ONCE, CF_FOLD };

typedef struct {
    int32_t kind;
    int32_t axis;              /* CF_FOLD: the dim that is folded */
    int32_t kernels;
    cf_kernel *const *kernel;  /* run in order; for CF_FOLD once per panel */
    cf_identity *identity;     /* CF_FOLD with accumulators, else NULL */
    cf_combine *combine;
    int32_t works;
    const cf_work *work;       /* per row of the axis */
    int64_t panel;             /* CF_FOLD: rows of a panel that the emitter wants, or 0 */
    const cf_work *columns;    /* one per kernel, of a row or of the whole; coefficient 0 for a kernel whose
                                  columns cannot be shared out. NULL: none can */
} cf_stage;

typedef struct {
    int32_t abi;               /* CF_ABI_VERSION of the emitter */
    int32_t dims;
    int32_t arguments;         /* the first arrays: inputs, shared values, constants, outputs, updates */
    int32_t arrays;
    int32_t scalars;
    int32_t externals;
    int32_t stages;
    const cf_array *array;
    const cf_stage *stage;
    cf_define *define;         /* may be NULL */
} cf_program;

/* What an emitted file defines: `const cf_program closedform_program = {...};` */
extern __attribute__((visibility("default"))) const cf_program closedform_program;

#endif
