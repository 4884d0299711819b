/* sha256.h: the digest by which generated code names the model that it was made from; sha256sum prints the same. */
#ifndef RUNTIME_SHA256_H
#define RUNTIME_SHA256_H

#include "ir/ir.h"

const char *sha256_hex(Arena *, const void *data, size_t size_bytes); /* 64 lower-case digits */

#endif
