#include "intake.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

static enum status disk_failed(struct error *error)
{
    return error_code(error, RETRY, "media_folder", "the file can't be written: %s", strerror(errno));
}

enum status intake_open(struct intake *intake, const char *path, struct error *error)
{
    *intake = (struct intake){ .path = path, .file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640) };
    if (intake->file < 0)
        return disk_failed(error);
    intake->hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(intake->hash, EVP_sha256(), NULL);
    return OK;
}

static bool write_whole(int file, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(file, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

bool intake_take(void *context, const char *bytes, size_t count)
{
    struct intake *intake = context;
    size_t room = sizeof intake->head - intake->head_bytes;
    size_t some = count < room ? count : room;
    memcpy(intake->head + intake->head_bytes, bytes, some);
    intake->head_bytes += some;
    intake->bytes += (int64_t)count;
    intake->failed = !write_whole(intake->file, bytes, count) || EVP_DigestUpdate(intake->hash, bytes, count) != 1;
    return !intake->failed;
}

static int file_close(struct intake *intake)
{
    int file = intake->file;
    intake->file = -1;
    EVP_MD_CTX_free(intake->hash);
    intake->hash = NULL;
    return file < 0 ? 0 : close(file);
}

enum status intake_end(struct intake *intake, unsigned char sha256[32], struct error *error)
{
    if (EVP_DigestFinal_ex(intake->hash, sha256, NULL) != 1 || fsync(intake->file) != 0 || file_close(intake) != 0)
        return disk_failed(error);
    return OK;
}

void intake_drop(struct intake *intake)
{
    if (!intake->path)
        return;
    file_close(intake);
    unlink(intake->path);
    intake->path = NULL;
}
