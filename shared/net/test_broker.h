/*
 * test_broker - a private nats-server for tests: real, on a free port of loopback, in a folder of its own, gone with
 * the test.
 *
 * Included by test programs only.
 */
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test_broker {
    char folder[64], url[64];
    int port;
    pid_t pid;
};

static inline void test_pause_ms(int ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

static inline int test_free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, bytes) != 0 || getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
        abort();
    close(fd);
    return ntohs(address.sin_port);
}

/* A child that dies with us; its stderr goes to a file. */
static inline pid_t test_spawn(char *const *arguments, const char *log)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    execvp(arguments[0], arguments);
    _exit(127);
}

static inline bool test_listens(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return up;
}

static inline void test_broker_up(struct test_broker *broker)
{
    char config[128], log[128];
    snprintf(config, sizeof config, "%s/nats.conf", broker->folder);
    snprintf(log, sizeof log, "%s/nats.log", broker->folder);
    broker->pid = test_spawn((char *[]){ "nats-server", "-c", config, NULL }, log);
    for (int tries = 0; !test_listens(broker->port); tries++) {
        if (tries > 500) {
            fprintf(stderr, "nats-server didn't come up, see %s\n", log);
            abort();
        }
        test_pause_ms(20);
    }
}

static inline void test_broker_start(struct test_broker *broker)
{
    char path[128];
    snprintf(broker->folder, sizeof broker->folder, "/tmp/parley-test-XXXXXX");
    if (!mkdtemp(broker->folder))
        abort();
    broker->port = test_free_port();
    snprintf(broker->url, sizeof broker->url, "nats://127.0.0.1:%d", broker->port);
    snprintf(path, sizeof path, "%s/nats.conf", broker->folder);
    FILE *config = fopen(path, "we");
    if (!config)
        abort();
    fprintf(config, "listen: \"127.0.0.1:%d\"\nmax_payload: 4MB\njetstream { store_dir: \"%s/js\" }\n", broker->port,
            broker->folder);
    fclose(config);
    test_broker_up(broker);
}

static inline void test_broker_down(struct test_broker *broker, int signal_number)
{
    kill(broker->pid, signal_number);
    waitpid(broker->pid, NULL, 0);
}

static inline void test_broker_stop(struct test_broker *broker)
{
    char command[128];
    test_broker_down(broker, SIGKILL);
    snprintf(command, sizeof command, "rm -rf '%s'", broker->folder);
    if (system(command) != 0)
        fprintf(stderr, "%s is left behind\n", broker->folder);
}
