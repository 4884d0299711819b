/* embed.h: text files that are part of the program; cmake/RnnccEmbed.cmake makes the tables at build time.
 *
 * Each table is in order of name and ends with a row whose name is NULL. Texts are followed by a NUL that size leaves out.
 */
#ifndef EMBED_H
#define EMBED_H

#include <stddef.h>

typedef struct {
	const char *name; /* path below the table's folder: "lstm.rnn" */
	const char *text;
	size_t size; /* bytes */
} Embedded;

extern const Embedded embedded_ops[];   /* frontend/ops: the operator and cell library */
extern const Embedded embedded_vocab[]; /* codegen/vocab: what generated C is pasted together from */
extern const Embedded embedded_probe[]; /* runtime/probe: loops at the machine's limits */

#endif
