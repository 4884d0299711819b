/* consing.h: "equal is the same pointer" for indices and expressions, as expr.c builds them and copy.c copies them.
 *
 * Each returns the program's node equal to the wanted one; a new one takes the wanted id, or a fresh one where that is 0.
 */
#ifndef CODEGEN_CONSING_H
#define CODEGEN_CONSING_H

#include "codegen/kernel.h"
#include "ir/intern.h"

struct Consing {
	Table atoms, indices, exprs;
};

const Atom *atom_unique(Program *, const Atom *want);
const Index *index_unique(Program *, const Index *want);
const Expr *expr_unique(Program *, const Expr *want);

#endif
