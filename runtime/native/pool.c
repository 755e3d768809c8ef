/* The thread pool: lazily started, never joined, empty again in a forked child.
 *
 * A job lives on its caller's stack. Workers enter and leave it under the pool's lock, and the caller returns
 * only when nobody is inside, so no worker ever sees a job that is gone. Parts are handed out by one atomic
 * counter: which thread does which part varies, what a part computes does not.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define SPINS 4000 /* some 50 us: the next call of a loop finds workers awake */
#define SPINS_EXPECTING 20000 /* while a caller says that the next job comes soon */
#define WAIT_NANOSECONDS 50000000L

typedef struct {
    cf_task *task;
    void *context;
    int32_t parts;
    int32_t lanes;
    int32_t next;                     /* atomic: the first part that nobody has taken */
    int32_t joined;                   /* workers that ever entered; under the lock */
    int32_t active;                   /* workers inside; written under the lock, read atomically */
    uint8_t finished[CF_MAX_PARTS];   /* atomic */
} job_t;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t done;
    job_t *job;           /* open for workers; under the lock */
    uint64_t generation;  /* of jobs; written under the lock, read atomically */
    int32_t workers;      /* threads that exist; under the lock */
    int32_t busy;         /* atomic: a job owns the pool */
    int32_t expecting;    /* atomic: callers with more jobs to come */
    int32_t callers;      /* atomic: threads of the host that are inside jobs, with the pool or alone */
    int32_t size;         /* atomic: threads allowed, 0 until somebody says */
    int32_t chosen;       /* atomic: the size was set, not assumed */
    uint32_t epoch;       /* forks between the first process and this one */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static pthread_once_t registered = PTHREAD_ONCE_INIT;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* The threads of the parent do not exist here; neither does whatever they held. A number of threads that was
 * only assumed is assumed anew: this may be one of many workers. */
static void start_afresh(void)
{
    static const pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static const pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    memcpy(&pool.lock, &lock, sizeof lock);
    memcpy(&pool.work, &condition, sizeof condition);
    memcpy(&pool.done, &condition, sizeof condition);
    pool.job = NULL;
    pool.workers = 0;
    pool.busy = 0;
    pool.expecting = 0;
    pool.callers = 0;
    if (!pool.chosen)
        pool.size = 0;
    pool.epoch++;
}

static void register_fork(void)
{
    pthread_atfork(NULL, NULL, start_afresh);
}

static int32_t clamp(int32_t threads)
{
    return threads < 1 ? 1 : threads > CF_MAX_LANES ? CF_MAX_LANES : threads;
}

int32_t cf_threads(void)
{
    return clamp(__atomic_load_n(&pool.size, __ATOMIC_RELAXED));
}

int32_t cf_threads_known(void)
{
    return __atomic_load_n(&pool.size, __ATOMIC_RELAXED) != 0;
}

void cf_set_threads(int32_t threads)
{
    pthread_once(&registered, register_fork);
    __atomic_store_n(&pool.chosen, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&pool.size, clamp(threads), __ATOMIC_RELAXED);
}

void cf_assume_threads(int32_t threads)
{
    int32_t none = 0;
    pthread_once(&registered, register_fork);
    __atomic_compare_exchange_n(&pool.size, &none, clamp(threads), 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Threads that one job may occupy: callers that are busy themselves leave fewer. */
static int32_t room(int32_t lanes)
{
    int32_t size = cf_threads(), callers = __atomic_load_n(&pool.callers, __ATOMIC_RELAXED);
    return (lanes > size ? lanes : size) - (callers - 1);
}

/* A worker leaves when another thread of the host has come that needs its processor. */
static void take_parts(job_t *job, int32_t lane)
{
    while (lane == 0 || lane < room(job->lanes)) {
        int32_t part = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
        if (part >= job->parts)
            return;
        job->task(job->context, part, lane);
        __atomic_store_n(&job->finished[part], 1, __ATOMIC_RELEASE);
    }
}

static void spin_for_work(uint64_t seen)
{
    for (int i = 0; __atomic_load_n(&pool.generation, __ATOMIC_RELAXED) == seen; i++) {
        if (i >= (__atomic_load_n(&pool.expecting, __ATOMIC_RELAXED) > 0 ? SPINS_EXPECTING : SPINS))
            return;
        relax();
    }
}

static void *worker(void *argument)
{
    uint64_t seen = 0;
    (void)argument;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        job_t *job = pool.job;
        if (job != NULL && pool.generation != seen && job->joined < job->lanes - 1) {
            int32_t lane = ++job->joined;
            seen = pool.generation;
            __atomic_fetch_add(&job->active, 1, __ATOMIC_RELAXED);
            pthread_mutex_unlock(&pool.lock);
            take_parts(job, lane);
            pthread_mutex_lock(&pool.lock);
            if (__atomic_sub_fetch(&job->active, 1, __ATOMIC_RELEASE) == 0)
                pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.lock);
            spin_for_work(seen);
            pthread_mutex_lock(&pool.lock);
        } else {
            seen = pool.generation;
            pthread_cond_wait(&pool.work, &pool.lock);
        }
    }
    return NULL;
}

/* Under the lock. Signals belong to the threads of the host; fewer workers than asked for are fine. */
static void start_workers(int32_t wanted)
{
    sigset_t all, old;
    pthread_attr_t attributes;
    if (pool.workers >= wanted || pthread_attr_init(&attributes) != 0)
        return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (pool.workers < wanted) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, worker, NULL) != 0)
            break;
        pool.workers++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
}

static void open_job(job_t *job)
{
    pthread_mutex_lock(&pool.lock);
    start_workers(job->lanes - 1);
    pool.job = job;
    __atomic_fetch_add(&pool.generation, 1, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

static void wait_a_little(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_NANOSECONDS;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&pool.done, &pool.lock, &until);
}

/* Nobody enters any more; returns when everybody has left, or is gone because attend() forked. */
static void close_job(job_t *job, cf_attend *attend, uint32_t epoch)
{
    for (int i = 0; i < SPINS && __atomic_load_n(&job->active, __ATOMIC_RELAXED) > 0; i++)
        relax();
    if (pool.epoch != epoch)
        return;
    pthread_mutex_lock(&pool.lock);
    pool.job = NULL;
    while (pool.epoch == epoch && __atomic_load_n(&job->active, __ATOMIC_ACQUIRE) > 0) {
        wait_a_little();
        pthread_mutex_unlock(&pool.lock);
        attend(job->context);
        pthread_mutex_lock(&pool.lock);
    }
    pthread_mutex_unlock(&pool.lock);
}

/* After a fork in the middle of a job, the parts that the vanished workers had taken are done again. */
static void redo_lost_parts(job_t *job)
{
    for (int32_t part = 0; part < job->parts; part++)
        if (!__atomic_load_n(&job->finished[part], __ATOMIC_ACQUIRE))
            job->task(job->context, part, 0);
}

static void run_with_pool(job_t *job, cf_attend *attend)
{
    uint32_t epoch = pool.epoch;
    open_job(job);
    take_parts(job, 0);
    close_job(job, attend, epoch);
    if (pool.epoch != epoch)
        redo_lost_parts(job);
    __atomic_store_n(&pool.busy, 0, __ATOMIC_RELEASE);
}

static void run_alone(cf_task *task, void *context, int32_t parts)
{
    for (int32_t part = 0; part < parts; part++)
        task(context, part, 0);
}

/* What a caller does alone is counted too: it takes a processor. */
static void run_counted(job_t *job, cf_attend *attend)
{
    uint32_t epoch = pool.epoch;
    int32_t most;
    pthread_once(&registered, register_fork);
    __atomic_fetch_add(&pool.callers, 1, __ATOMIC_RELAXED);
    most = room(job->lanes);
    job->lanes = most < job->lanes ? most : job->lanes;
    if (job->lanes > 1 && __atomic_exchange_n(&pool.busy, 1, __ATOMIC_ACQUIRE) == 0)
        run_with_pool(job, attend);
    else
        run_alone(job->task, job->context, job->parts);
    if (pool.epoch == epoch) /* a child counts anew */
        __atomic_fetch_sub(&pool.callers, 1, __ATOMIC_RELAXED);
}

void cf_pool_expect(int32_t more)
{
    int32_t now = __atomic_add_fetch(&pool.expecting, more, __ATOMIC_RELAXED);
    if (now < 0) /* a fork in between forgot the callers of the parent */
        __atomic_store_n(&pool.expecting, 0, __ATOMIC_RELAXED);
}

void cf_pool_run(cf_task *task, cf_attend *attend, void *context, int32_t parts, int32_t lanes)
{
    if (lanes > 1 && parts > 1) {
        job_t job = {.task = task, .context = context, .parts = parts, .lanes = lanes};
        run_counted(&job, attend);
    } else {
        run_alone(task, context, parts);
    }
}
