#include "private_postgres.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/db.h"

static struct {
    char folder[64];
    char url[160];
    char programs[128]; /* .../bin */
    pid_t server;
} private_postgres;

static void private_postgres_give_up(const char *what)
{
    fprintf(stderr, "private_postgres: %s (see %s/log)\n", what, private_postgres.folder);
    abort();
}

/* PostgreSQL refuses to run as root. */
static void private_postgres_drop_root(void)
{
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
}

/* The child dies with us, however we die; its words go to the log. By its whole path it finds the other programs. */
static pid_t private_postgres_spawn(const char **arguments)
{
    char path[256], log[128];
    snprintf(path, sizeof path, "%s/%s", private_postgres.programs, arguments[0]);
    snprintf(log, sizeof log, "%s/log", private_postgres.folder);
    pid_t child = fork();
    if (child != 0)
        return child;
    private_postgres_drop_root();
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0 || chdir("/") < 0)
        _exit(126);
    arguments[0] = path;
    execv(path, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static void private_postgres_find(void)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0)
        private_postgres_give_up("no PostgreSQL under /usr/lib/postgresql");
    snprintf(private_postgres.programs, sizeof private_postgres.programs, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

static void private_postgres_make_folder(void)
{
    snprintf(private_postgres.folder, sizeof private_postgres.folder, "/tmp/parley-postgres-XXXXXX");
    if (!mkdtemp(private_postgres.folder))
        private_postgres_give_up("no temporary folder");
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && chown(private_postgres.folder, user->pw_uid, user->pw_gid))
        private_postgres_give_up("can't give the folder away");
}

static void private_postgres_initdb(void)
{
    char data[128];
    snprintf(data, sizeof data, "%s/data", private_postgres.folder);
    const char *arguments[] = { "initdb",           "-D",        data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                                "--locale=C.UTF-8", "--no-sync", NULL };
    int how;
    pid_t child = private_postgres_spawn(arguments);
    if (waitpid(child, &how, 0) != child || how != 0)
        private_postgres_give_up("initdb failed");
}

static void private_postgres_await(void)
{
    struct db *db = db_open(private_postgres.url, "private_postgres");
    struct error error = { 0 };
    int tries = 100;
    while (tries-- > 0 && db_ready(db, &error) != OK)
        continue; /* db_ready makes its own pauses */
    if (!db_connected(db))
        private_postgres_give_up(error.text);
    db_close(db);
}

const char *private_postgres_start(void)
{
    char data[128], sockets[128];
    private_postgres_find();
    private_postgres_make_folder();
    private_postgres_initdb();
    snprintf(data, sizeof data, "%s/data", private_postgres.folder);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", private_postgres.folder);
    snprintf(private_postgres.url, sizeof private_postgres.url, "postgresql:///postgres?host=%s&user=postgres",
             private_postgres.folder);
    const char *arguments[] = { "postgres",           "-D", data,    "-c", "fsync=off",           "-c",
                                "listen_addresses=",  "-c", sockets, "-c", "shared_buffers=16MB", "-c",
                                "max_connections=40", NULL };
    private_postgres.server = private_postgres_spawn(arguments);
    private_postgres_await();
    return private_postgres.url;
}

void private_postgres_stop(void)
{
    kill(private_postgres.server, SIGINT);
    waitpid(private_postgres.server, NULL, 0);
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", private_postgres.folder, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}
