/* reader.c: an ONNX file to a model that is safe to walk.
 *
 * The file is mapped, scanned (prescan.c), unpacked by protobuf-c and checked (check.c).  Everything that a hostile file
 * could do wrong is found here, so the importer may rely on names, order and enums; only what operators mean is left.
 */
#include "frontend/onnx/model.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PRINTED_NAME = 200 };

const char *onnx_domain(const char *domain) { return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain; }

static void print_escaped(Buf *b, const char *name)
{
	int n = 0;
	for (const char *c = name ? name : ""; *c && n++ < MAX_PRINTED_NAME; c++) {
		unsigned char byte = (unsigned char)*c;
		if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') buf_printf(b, "\\x%02x", byte);
		else buf_write(b, c, 1);
	}
	if (n > MAX_PRINTED_NAME) buf_puts(b, "...");
}

const char *onnx_quote(Ctx *cx, const char *name)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "\"");
	print_escaped(&b, name);
	buf_puts(&b, "\"");
	return b.text;
}

const char *onnx_node_loc(Ctx *cx, const Onnx__NodeProto *node, int opset)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "node \"");
	/* a node without a name is known by its first output */
	print_escaped(&b, node->name && *node->name ? node->name : node->n_output ? node->output[0] : "");
	buf_puts(&b, "\" (");
	print_escaped(&b, onnx_domain(node->domain));
	if (*onnx_domain(node->domain)) buf_puts(&b, ".");
	print_escaped(&b, node->op_type);
	buf_printf(&b, ", opset %d)", opset);
	return b.text;
}

int onnx_opset(const Opsets *opsets, const char *domain)
{
	for (size_t i = 0; i < opsets->n; i++)
		if (strcmp(onnx_domain(opsets->imports[i]->domain), domain) == 0)
			return (int)opsets->imports[i]->version;
	/* before IR version 3 models did not say, and there was only one */
	return opsets->ir_version < 3 && *domain == '\0' ? 1 : 0;
}

/* ---------------------------------------------------------------------------------------------------- attributes */

Onnx__AttributeProto__AttributeType onnx_attr_type(const Onnx__AttributeProto *a)
{
	if (a->has_type && a->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED) return a->type;
	/* the first files had no type: what is there tells */
	if (a->has_f) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
	if (a->has_i) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	if (a->has_s) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
	if (a->t) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
	if (a->g) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
	if (a->n_floats) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
	if (a->n_ints) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
	if (a->n_strings) return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
	return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

const char *onnx_attr_type_name(Onnx__AttributeProto__AttributeType type)
{
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value(&onnx__attribute_proto__attribute_type__descriptor, (int)type);
	return value ? value->name : "unknown";
}

const char *onnx_function_key(Ctx *cx, const char *domain, const char *name, const char *overload)
{
	return intern(cx, arena_printf(cx->arena, "%s\n%s\n%s", onnx_domain(domain), name, overload ? overload : ""));
}

const Onnx__FunctionProto *onnx_find_function(Ctx *cx, const OnnxModel *m, const Onnx__NodeProto *node)
{
	if (m->functions.n == 0) return NULL;
	return map_get(&m->functions, onnx_function_key(cx, node->domain, node->op_type, node->overload));
}

/* ---------------------------------------------------------------------------------------------------- files */

static OnnxModel *read_model(Ctx *cx, const void *data, size_t size, const char *dir, const char *what)
{
	OnnxModel *m = NEW(cx->arena, OnnxModel);
	m->proto = onnx_unpack(cx, &onnx__model_proto__descriptor, data, size, what);
	m->dir = dir;
	onnx_check(cx, m);
	return m;
}

OnnxModel *onnx_read_memory(Ctx *cx, const void *data, size_t size, const char *dir)
{
	if (size > INT32_MAX) fail(cx, "model: larger than 2 GiB");
	return read_model(cx, data, size, dir, "model");
}

typedef struct {
	void *start;
	size_t size;
} FileMap;

static void file_unmap(void *map)
{
	if (((FileMap *)map)->start) munmap(((FileMap *)map)->start, ((FileMap *)map)->size);
	((FileMap *)map)->start = NULL;
}

static const char *directory_of(Ctx *cx, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash) return ".";
	return slash == path ? "/" : arena_strn(cx->arena, path, (size_t)(slash - path));
}

OnnxModel *onnx_read_file(Ctx *cx, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) fail(cx, "%s: %s", path, strerror(errno));
	struct stat st;
	const char *error = NULL;
	if (fstat(fd, &st) != 0) error = strerror(errno);
	else if (!S_ISREG(st.st_mode)) error = "not a regular file";
	else if (st.st_size == 0) error = "the file is empty";
	else if (st.st_size > INT32_MAX) error = "larger than 2 GiB: keep the weights in external data";
	FileMap *map = NEW(cx->arena, FileMap);
	if (!error) {
		void *start = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (start == MAP_FAILED) error = strerror(errno);
		else *map = (FileMap){start, (size_t)st.st_size};
	}
	close(fd);
	if (error) fail(cx, "%s: %s", path, error);
	arena_defer(cx->arena, file_unmap, map);
	OnnxModel *m = read_model(cx, map->start, map->size, directory_of(cx, path), path);
	file_unmap(map); /* unpacking copied everything */
	return m;
}
