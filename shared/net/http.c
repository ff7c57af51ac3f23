#include "net/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"
#include "net/http_call.h"

enum { IN_FLIGHT_MAX = 4096, EVENTS_MAX = 256, STACK_CALLS_MAX = 256 };
#define WAKE_KEY UINT64_MAX

/*
 * A multi handle with the calls that it carries. curl looks for a connection to reuse by walking all that it has to
 * that host, so one handle with thousands of calls to one model provider spends its time walking: calls are spread over
 * several, filled in order, so that few calls share few connections.
 */
struct http_stack {
    struct http *http;
    CURLM *multi;
    int64_t timer_us; /* when curl wants to be called; -1: never */
    size_t running_count;
};

struct http {
    struct http_stack *stacks;
    size_t stack_count;
    pthread_t thread;
    int epoll, wake;
    size_t in_flight_max, running_count;
    char *user_agent;
    CURL **idle; /* easy handles for the next calls */
    size_t idle_count;
    struct http_call *running;
    atomic_size_t in_flight; /* waiting and running */
    pthread_mutex_t lock;    /* guards what follows */
    struct http_call *waiting, **waiting_end, *aborting;
    bool closing;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(code == CURLE_OK);
    (void)code;
}

/* -- the end of a call */

static void list_add(struct http *http, struct http_call *call)
{
    call->previous = NULL;
    call->next = http->running;
    if (http->running != NULL)
        http->running->previous = call;
    http->running = call;
    http->running_count++;
    call->stack->running_count++;
}

static void list_remove(struct http *http, struct http_call *call)
{
    *(call->previous == NULL ? &http->running : &call->previous->next) = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    http->running_count--;
    call->stack->running_count--;
}

/* From here on no abort finds it. */
static void mark_over(struct http *http, struct http_call *call)
{
    pthread_mutex_lock(&http->lock);
    call->over = true;
    struct http_call **at = &http->aborting;
    while (*at != NULL && *at != call)
        at = &(*at)->abort_next;
    if (*at != NULL)
        *at = call->abort_next;
    pthread_mutex_unlock(&http->lock);
}

static void call_end(struct http *http, struct http_call *call, CURLcode code, bool aborted)
{
    struct http_response response;
    http_call_judge(call, (int)code, aborted, &response);
    if (call->easy != NULL) {
        curl_multi_remove_handle(call->stack->multi, call->easy);
        http->idle[http->idle_count++] = call->easy;
        list_remove(http, call);
        call->easy = NULL;
    }
    http_call_clear(call);
    mark_over(http, call);
    atomic_fetch_sub(&http->in_flight, 1);
    call->done(call->context, call, &response);
}

/* -- the driving thread */

/* What epoll gives back: the stack and the socket. The wake is no stack's. */
static uint64_t event_key(const struct http *http, const struct http_stack *stack, curl_socket_t socket)
{
    return (uint64_t)(stack - http->stacks) << 32 | (uint32_t)socket;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *known)
{
    struct http_stack *stack = context;
    int epoll = stack->http->epoll;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, NULL);
        return 0;
    }
    struct epoll_event event = { .data.u64 = event_key(stack->http, stack, socket) };
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) != 0)
        epoll_ctl(epoll, known == NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
    curl_multi_assign(stack->multi, socket, stack);
    return 0;
}

static int on_timer(CURLM *multi, long wait_ms, void *context)
{
    struct http_stack *stack = context;
    (void)multi;
    stack->timer_us = wait_ms < 0 ? -1 : moment_monotonic_us() + (int64_t)wait_ms * 1000;
    return 0;
}

/* The first that has room; there is one, because not more calls run than all of them carry. */
static struct http_stack *stack_with_room(struct http *http)
{
    struct http_stack *stack = http->stacks;
    while (stack->running_count >= STACK_CALLS_MAX)
        stack++;
    return stack;
}

static void call_run(struct http *http, struct http_call *call)
{
    call->easy = http->idle_count > 0 ? http->idle[--http->idle_count] : curl_easy_init();
    if (call->easy == NULL)
        abort();
    call->stack = stack_with_room(http);
    list_add(http, call);
    http_call_set_up(call, http->user_agent);
    if (curl_multi_add_handle(call->stack->multi, call->easy) != CURLM_OK)
        call_end(http, call, CURLE_FAILED_INIT, false);
}

/* The next waiting call, as long as there is a slot for it. */
static struct http_call *next_waiting(struct http *http)
{
    if (http->running_count >= http->in_flight_max)
        return NULL;
    pthread_mutex_lock(&http->lock);
    struct http_call *call = http->waiting;
    if (call != NULL && (http->waiting = call->next) == NULL)
        http->waiting_end = &http->waiting;
    pthread_mutex_unlock(&http->lock);
    return call;
}

static void start_waiting(struct http *http)
{
    for (struct http_call *call; (call = next_waiting(http)) != NULL;) {
        pthread_mutex_lock(&http->lock);
        bool aborted = call->abort_asked || http->closing;
        pthread_mutex_unlock(&http->lock);
        if (aborted || http_call_stale(call))
            call_end(http, call, CURLE_OPERATION_TIMEDOUT, aborted);
        else
            call_run(http, call);
    }
}

/* Calls that still wait for a slot are told at their turn: start_waiting sees abort_asked. */
static void end_aborted(struct http *http)
{
    for (;;) {
        pthread_mutex_lock(&http->lock);
        struct http_call *call = http->aborting;
        if (call != NULL)
            http->aborting = call->abort_next;
        pthread_mutex_unlock(&http->lock);
        if (call == NULL)
            return;
        if (call->easy != NULL)
            call_end(http, call, CURLE_OK, true);
    }
}

static void end_finished(struct http *http, struct http_stack *stack)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(stack->multi, &left)) != NULL;) {
        struct http_call *call = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        call_end(http, call, message->data.result, false);
    }
}

static int epoll_wait_ms(const struct http *http)
{
    int64_t timer_us = -1;
    for (const struct http_stack *stack = http->stacks; stack < http->stacks + http->stack_count; stack++)
        if (stack->timer_us >= 0 && (timer_us < 0 || stack->timer_us < timer_us))
            timer_us = stack->timer_us;
    if (timer_us < 0)
        return -1;
    int64_t left_us = timer_us - moment_monotonic_us();
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

static void act_on(struct http *http, const struct epoll_event *event)
{
    int running = 0, what = 0;
    if (event->data.u64 == WAKE_KEY) {
        uint64_t ignored;
        (void)!read(http->wake, &ignored, sizeof ignored);
        return;
    }
    what |= event->events & EPOLLIN ? CURL_CSELECT_IN : 0;
    what |= event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
    what |= event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
    struct http_stack *stack = &http->stacks[event->data.u64 >> 32];
    curl_multi_socket_action(stack->multi, (curl_socket_t)(event->data.u64 & UINT32_MAX), what, &running);
}

static void act_in_time(struct http_stack *stack)
{
    int running = 0;
    if (stack->timer_us < 0 || moment_monotonic_us() < stack->timer_us)
        return;
    stack->timer_us = -1;
    curl_multi_socket_action(stack->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static void drive_once(struct http *http)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(http->epoll, events, EVENTS_MAX, epoll_wait_ms(http));
    for (int i = 0; i < count; i++)
        act_on(http, &events[i]);
    for (size_t i = 0; i < http->stack_count; i++)
        act_in_time(&http->stacks[i]);
    end_aborted(http);
    for (size_t i = 0; i < http->stack_count; i++)
        end_finished(http, &http->stacks[i]);
    start_waiting(http);
}

static void *drive(void *context)
{
    struct http *http = context;
    for (bool closing = false; !closing;) {
        drive_once(http);
        pthread_mutex_lock(&http->lock);
        closing = http->closing;
        pthread_mutex_unlock(&http->lock);
    }
    while (http->running != NULL)
        call_end(http, http->running, CURLE_OK, true);
    start_waiting(http);
    return NULL;
}

/* -- any thread */

static void wake(struct http *http)
{
    uint64_t one = 1;
    (void)!write(http->wake, &one, sizeof one);
}

/* A soft limit of 1024 descriptors would end at a quarter of the slots. */
static void raise_file_limit(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? (rlim_t)wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void thread_start(struct http *http)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are the skeleton's; SIGPIPE, which OpenSSL can cause, must be nobody's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&http->thread, NULL, drive, http);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(failed == 0);
    (void)failed;
}

static void stack_open(struct http *http, struct http_stack *stack)
{
    *stack = (struct http_stack){ .http = http, .multi = curl_multi_init(), .timer_us = -1 };
    assert(stack->multi != NULL);
    curl_multi_setopt(stack->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(stack->multi, CURLMOPT_SOCKETDATA, stack);
    curl_multi_setopt(stack->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(stack->multi, CURLMOPT_TIMERDATA, stack);
    curl_multi_setopt(stack->multi, CURLMOPT_MAXCONNECTS, (long)STACK_CALLS_MAX);
    curl_multi_setopt(stack->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
}

struct http *http_open(const struct http_options *options)
{
    pthread_once(&once, library_init);
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        abort();
    http->in_flight_max = options->in_flight_max == 0 ? IN_FLIGHT_MAX : options->in_flight_max;
    http->user_agent = strdup(text_or(options->user_agent, "parley"));
    http->idle = calloc(http->in_flight_max, sizeof(CURL *));
    http->waiting_end = &http->waiting;
    http->epoll = epoll_create1(EPOLL_CLOEXEC);
    http->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    http->stack_count = (http->in_flight_max + STACK_CALLS_MAX - 1) / STACK_CALLS_MAX;
    http->stacks = calloc(http->stack_count, sizeof *http->stacks);
    assert(http->idle != NULL && http->epoll >= 0 && http->wake >= 0 && http->stacks != NULL);
    pthread_mutex_init(&http->lock, NULL);
    raise_file_limit(2 * http->in_flight_max + 256);
    epoll_ctl(http->epoll, EPOLL_CTL_ADD, http->wake, &(struct epoll_event){ .events = EPOLLIN, .data.u64 = WAKE_KEY });
    for (size_t i = 0; i < http->stack_count; i++)
        stack_open(http, &http->stacks[i]);
    thread_start(http);
    return http;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    pthread_mutex_lock(&http->lock);
    http->closing = true;
    pthread_mutex_unlock(&http->lock);
    wake(http);
    pthread_join(http->thread, NULL);
    for (size_t i = 0; i < http->idle_count; i++)
        curl_easy_cleanup(http->idle[i]);
    for (size_t i = 0; i < http->stack_count; i++)
        curl_multi_cleanup(http->stacks[i].multi);
    close(http->wake);
    close(http->epoll);
    pthread_mutex_destroy(&http->lock);
    free(http->user_agent);
    free(http->idle);
    free(http->stacks);
    free(http);
}

struct http_call *http_start(struct http *http, struct arena *arena, const struct http_request *request,
                             http_done *done, void *context)
{
    struct http_call *call = ARENA_NEW(arena, struct http_call);
    http_call_init(call, arena, request);
    call->done = done;
    call->context = context;
    atomic_fetch_add(&http->in_flight, 1);
    pthread_mutex_lock(&http->lock);
    assert(!http->closing);
    *http->waiting_end = call;
    http->waiting_end = &call->next;
    pthread_mutex_unlock(&http->lock);
    wake(http);
    return call;
}

void http_abort(struct http *http, struct http_call *call)
{
    pthread_mutex_lock(&http->lock);
    if (!call->over && !call->abort_asked) {
        call->abort_asked = true;
        call->abort_next = http->aborting;
        http->aborting = call;
    }
    pthread_mutex_unlock(&http->lock);
    wake(http);
}

size_t http_in_flight(const struct http *http)
{
    return atomic_load(&http->in_flight);
}

/* -- waiting for one */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool over;
    struct http_response *response;
};

static void on_told(void *context, struct http_call *call, const struct http_response *response)
{
    struct waiter *waiter = context;
    (void)call;
    pthread_mutex_lock(&waiter->lock);
    *waiter->response = *response;
    waiter->over = true;
    pthread_cond_signal(&waiter->told);
    pthread_mutex_unlock(&waiter->lock);
}

void http_call_now(struct http *http, struct arena *arena, const struct http_request *request,
                   struct http_response *response)
{
    struct waiter waiter = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, response };
    http_start(http, arena, request, on_told, &waiter);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.over)
        pthread_cond_wait(&waiter.told, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
}
