#include "media/media_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

bool media_place_remote(const struct media_place *place)
{
    return !text_empty(place->s3_endpoint);
}

static enum status folder_make(const char *path, struct error *error)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return OK;
    return error_code(error, RETRY, "media_folder", "the folder of files can't be made: %s", strerror(errno));
}

/* The folder's own parents are made too, as `mkdir -p` would. */
static enum status folders_make(struct arena *arena, const char *path, struct error *error)
{
    for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/'))
        TRY(folder_make(arena_text_n(arena, path, (size_t)(at - path)), error));
    return folder_make(path, error);
}

enum status media_place_open(const struct media_place *place, struct error *error)
{
    bool whole = !text_empty(place->s3_bucket) && !text_empty(place->s3_key) && !text_empty(place->s3_secret);
    bool url = text_starts(place->s3_endpoint, "http://") || text_starts(place->s3_endpoint, "https://");
    if (media_place_remote(place) && (!whole || !url))
        return error_set(error, REJECT,
                         "MEDIA_S3_ENDPOINT must be a URL and needs MEDIA_S3_BUCKET, MEDIA_S3_KEY, MEDIA_S3_SECRET.");
    struct arena *arena = arena_new(0);
    enum status status = folders_make(arena, media_place_incoming(arena, place, ""), error);
    arena_free(arena);
    return status == OK ? OK : REJECT;
}

char *media_place_incoming(struct arena *arena, const struct media_place *place, const char *name)
{
    return text_format(arena, "%s/incoming%s%s", place->folder, *name ? "/" : "", name);
}

static char *folder_of(struct arena *arena, const struct media_place *place, const char *company_id, const char *sha256)
{
    return text_format(arena, "%s/%s/%.2s", place->folder, company_id, sha256);
}

char *media_place_file(struct arena *arena, const struct media_place *place, const char *company_id, const char *sha256)
{
    return text_format(arena, "%s/%s", folder_of(arena, place, company_id, sha256), sha256);
}

/* A name is durable when its folder was written. */
static enum status folder_sync(const char *path, struct error *error)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = folder < 0 ? -1 : fsync(folder);
    int why = errno;
    if (folder >= 0)
        close(folder);
    return failed == 0 ? OK : error_code(error, RETRY, "media_folder", "a file can't be kept: %s", strerror(why));
}

enum status media_place_keep(struct arena *arena, const struct media_place *place, const char *incoming,
                             const char *company_id, const char *sha256, struct error *error)
{
    const char *folder = folder_of(arena, place, company_id, sha256);
    TRY(folders_make(arena, folder, error));
    if (rename(incoming, media_place_file(arena, place, company_id, sha256)) != 0)
        return error_code(error, RETRY, "media_folder", "a file can't be kept: %s", strerror(errno));
    TRY(folder_sync(folder, error));
    return folder_sync(text_format(arena, "%s/%s", place->folder, company_id), error);
}

bool media_place_remove(struct arena *arena, const struct media_place *place, const char *company_id,
                        const char *sha256, int64_t age_ms, moment now)
{
    struct stat about;
    const char *path = media_place_file(arena, place, company_id, sha256);
    if (stat(path, &about) != 0)
        return errno == ENOENT;
    return (moment)about.st_mtime * SECOND_MS <= now - age_ms && unlink(path) == 0;
}

size_t media_place_tidy(struct arena *arena, const struct media_place *place, int64_t age_ms, moment now)
{
    size_t count = 0;
    DIR *folder = opendir(media_place_incoming(arena, place, ""));
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat about;
        const char *path = media_place_incoming(arena, place, entry->d_name);
        if (entry->d_name[0] != '.' && stat(path, &about) == 0 && S_ISREG(about.st_mode) &&
            (moment)about.st_mtime * SECOND_MS < now - age_ms && unlink(path) == 0)
            count++;
    }
    if (folder)
        closedir(folder);
    return count;
}
