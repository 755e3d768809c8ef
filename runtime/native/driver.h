/* Runs any program: binds arrays, sizes the workspace, splits folds into panels and parts, combines. */
#ifndef CLOSEDFORM_DRIVER_H
#define CLOSEDFORM_DRIVER_H
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

/* Workspace that the caller owns and hands in again; starts as {NULL, 0}. One call at a time uses it. */
typedef struct {
    char *base;
    size_t size;
} cf_block;

/* Returns nonzero to stop the run. Called by the calling thread, at most every 50 ms or so. */
typedef int32_t cf_poll(void *context);

typedef struct {
    char *const *data;       /* one pointer per argument */
    const int64_t *stride;   /* bytes, CF_MAX_RANK per argument */
    const int64_t *extent;   /* one per dim, complete: cf_program.define has been applied */
    const double *scalar;
    void *const *external;
    cf_block *block;
    cf_poll *poll;           /* may be NULL */
    void *context;           /* of poll */
    int32_t threads;         /* 0: as many as cf_threads() says */
    int32_t deterministic;   /* nonzero: the same bits for any number of threads */
    size_t needed;           /* out: bytes of workspace; 0 if they are more than an address can tell */
} cf_call;

/* Returns a CF_ status. Unless it is CF_OK, what outputs hold is undefined, except that CF_NO_MEMORY and
 * CF_BAD_ABI leave every array as it was. */
int32_t cf_run(const cf_program *program, cf_call *call);

/* What cf_run would decide for a call (extent, threads, deterministic), without running: found[0..2] are bytes of
 * shared workspace, of one thread's panels and of one part's accumulators; then three numbers per stage: rows of
 * a panel, parts, threads; 0 where it runs once. Returns a CF_ status. */
__attribute__((visibility("default"))) int32_t cf_split(const cf_program *program, cf_call *call, int64_t *found);

/* Frees a workspace. */
void cf_release(cf_block *block);

int32_t cf_abi_version(void);

/* Threads that a call may use, the caller included: see pool.h. */
int32_t cf_threads(void);
int32_t cf_threads_known(void);
void cf_set_threads(int32_t threads);
void cf_assume_threads(int32_t threads);

#endif
