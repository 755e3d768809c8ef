/* The driver under ctypes: gives up the interpreter's lock for a run and takes it back to look at signals,
 * through addresses that are found at run time, so that no Python header is needed.
 */
#include "driver.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    void *(*save)(void);         /* PyEval_SaveThread */
    void (*restore)(void *);     /* PyEval_RestoreThread */
    int (*check)(void);          /* PyErr_CheckSignals */
    void *thread;
    intptr_t keeps_lock;
} cf_interpreter;

static int32_t check_signals(void *context)
{
    cf_interpreter *python = context;
    int32_t stop;
    if (python->keeps_lock)
        return python->check() != 0;
    python->restore(python->thread);
    stop = python->check() != 0;
    python->thread = python->save();
    return stop;
}

#pragma GCC visibility push(default)

/* Called with the lock held, which is given up for the run unless it is to be kept. */
int32_t cf_run_released(const cf_program *program, cf_call *call, cf_interpreter *python)
{
    int32_t status;
    call->poll = check_signals;
    call->context = python;
    if (python->keeps_lock)
        return cf_run(program, call);
    python->thread = python->save();
    status = cf_run(program, call);
    python->restore(python->thread);
    return status;
}

void cf_define_extents(const cf_program *program, int64_t *extent)
{
    if (program->define != NULL)
        program->define(extent);
}

#pragma GCC visibility pop
