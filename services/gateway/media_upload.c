/* POST /media: the body is a file already when this begins (web_options.body_file): it is judged, named by its content
 * and kept, or removed. */
#include <assert.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "media.h"
#include "media/media_kind.h"
#include "service/topology.h"
#include "settings.h"
#include "transcode.h"
#include "wire/pb.h"

struct upload {
    const char *path, *kind, *type, *filename, *sha256;
    char head[MEDIA_HEAD_BYTES];
    size_t head_bytes;
};

static enum status unreadable(struct error *error)
{
    return error_code(error, RETRY, "media_folder", "The file can't be kept.");
}

static enum status read_file(struct arena *arena, struct upload *upload, struct error *error)
{
    char piece[64 * 1024];
    unsigned char hash[EVP_MAX_MD_SIZE];
    ssize_t got = 0;
    assert(upload->path);
    int file = open(upload->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return unreadable(error);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    while ((got = read(file, piece, sizeof piece)) > 0) {
        if (upload->head_bytes == 0) {
            upload->head_bytes = (size_t)got < sizeof upload->head ? (size_t)got : sizeof upload->head;
            memcpy(upload->head, piece, upload->head_bytes);
        }
        EVP_DigestUpdate(digest, piece, (size_t)got);
    }
    EVP_DigestFinal_ex(digest, hash, NULL);
    EVP_MD_CTX_free(digest);
    close(file);
    upload->sha256 = text_hex(arena, hash, 32);
    return got < 0 ? unreadable(error) : OK;
}

static enum status read_parameters(struct exchange *exchange, struct upload *upload, struct error *error)
{
    const char *kind = NULL, *filename = NULL, *company = NULL;
    const struct web_request *request = exchange->request;
    TRY(web_query(request, "kind", &kind, error));
    TRY(web_query(request, "filename", &filename, error));
    TRY(web_query(request, "company_id", &company, error));
    TRY(transcode_company(exchange, company, error));
    upload->type = media_type_bare(exchange->arena, web_header(request, "Content-Type"));
    upload->kind = text_or(kind, text_or(media_kind_of_type(upload->type), ""));
    upload->filename = filename;
    if (filename && (strlen(filename) > KEY_BYTES_MAX || strpbrk(filename, "/\\\r\n")))
        return error_code(error, REJECT, "bad_value", "'filename' must be a name of at most %d bytes.", KEY_BYTES_MAX);
    if (!media_kind_takes(upload->kind, upload->type))
        return error_code(error, REJECT, "unsupported_media_type", "No message can hold a file of this type.");
    if ((int64_t)request->body_bytes > media_bytes_max(upload->kind))
        return error_code(error, REJECT, "body_too_large", "A file of this kind has at most %lld bytes.",
                          (long long)media_bytes_max(upload->kind));
    return OK;
}

static enum status keep(struct exchange *exchange, struct upload *upload, void **reply, struct error *error)
{
    struct arena *arena = exchange->arena;
    const char *key = NULL;
    Pb__MediaCreateRequest *create = PB_NEW(arena, media_create_request);
    TRY(transcode_idempotency_key(exchange, &key, error));
    TRY(read_file(arena, upload, error));
    if (!media_begins_as(upload->type, upload->head, upload->head_bytes))
        return error_code(error, REJECT, "unsupported_media_type", "The file does not begin as its type does.");
    const char *company = exchange->caller.company_id;
    TRY(media_place_keep(arena, &settings.media, upload->path, company, upload->sha256, error));
    create->id = key ? ident_named(arena, "media", company, key, NULL) : ident_fresh(arena);
    create->kind = (char *)upload->kind;
    create->mime_type = (char *)upload->type;
    create->filename = (char *)upload->filename;
    create->sha256 = (char *)upload->sha256;
    PB_SET(create, bytes, (int64_t)exchange->request->body_bytes);
    return ask_one(arena, &STORE_MEDIA_CREATE, &exchange->caller, create, reply, error);
}

void media_upload(struct exchange *exchange)
{
    struct error error = { 0 };
    struct upload upload = { .path = exchange->request->body_file };
    void *reply = NULL;
    enum status status = upload.path ? read_parameters(exchange, &upload, &error)
                                     : error_code(&error, REJECT, "missing_body", "The body must be the file.");
    if (status == OK)
        status = keep(exchange, &upload, &reply, &error);
    if (upload.path)
        unlink(upload.path); /* moved, or not wanted */
    if (status == OK)
        exchange_json(exchange, 201, reply);
    else
        exchange_problem(exchange, status, &error);
}
