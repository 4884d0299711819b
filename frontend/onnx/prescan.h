/* prescan.h: is it safe to unpack this protobuf message? */
#ifndef FRONTEND_ONNX_PRESCAN_H
#define FRONTEND_ONNX_PRESCAN_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	int max_depth;      /* of messages in messages */
	size_t max_members; /* fields on the wire, all messages together */
	size_t max_bytes;   /* estimated memory of the unpacked message */
} PrescanLimits;
extern const PrescanLimits prescan_limits; /* what the reader uses */

/* Walks the wire format without allocating.  NULL when unpacking is safe, else what is wrong. */
const char *prescan(
	const ProtobufCMessageDescriptor *, const void *data, size_t size_bytes, const PrescanLimits *limits);

#endif
