/* vocab.h: the functions that generated C is written in, pasted into it so that it stands alone.
 *
 * Their texts are templates in codegen/vocab/, one for each of f32 vector, f32 scalar, f64, and the integers, so that
 * the lanes of a vector and the scalars of its remainder have the same bits.  vocab_fn gives the name to call and notes
 * the use; vocab_print prints what was used and what that needs.  docs/numerics.md says what each computes, and how
 * well.
 *
 * In the C that comes out:
 *   vf         VL floats;  vi: VL int32_t, and as a mask 0 or -1 in each lane (the truth values of vectors)
 *   v_exp      on vf       s_exp: on float    d_exp: on double    i32_div, u8_shr, bool_and: on that type
 *   m_and      on masks    f32_to_i8: the primitive `cast`        scalar truth values are uint8_t, 0 or 1
 * Floats narrower than f32 have conversions only: compute on them as f32.  Integers of less than a byte, too, and select.
 *
 * Helpers besides the primitives, vectors unless said otherwise:
 *   set(a)  load(p) store(p, a)  aligned to the vector's size;  loadu storeu: to the element's
 *   gather(p, stride)  scatter(p, stride, a): p[l * stride] of lane l
 *   gather2(p): gather(p, 2)  scatter2(p, a, b): scatter(p, 2, a) and scatter(p + 1, 2, b)
 *   round_f16 round_bf16(a): to the nearest number of that type (also scalar)
 *   load_bf16 load_f16 (p) store_bf16 store_f16 (p, a): p points to uint16_t;  load_mask store_mask: to uint8_t, 0 or 1
 *   fma(a, b, c): a * b + c, fused or not as vocab_new was told (also scalar, f64)
 *   hsum hmax hmin (a): over the lanes, in the order of a tree (fold the upper half onto the lower one, and again); scalar:
 *     over an array of 16, which is overwritten
 *   choose(c, a, b): c ? a : b, all lanes of one
 */
#ifndef CODEGEN_VOCAB_H
#define CODEGEN_VOCAB_H

#include "ir/ir.h"

typedef struct Vocab Vocab;

/* vl: f32 lanes of a vector, 4, 8 or 16; 1: no vectors, C99 without extensions.  fma: whether a * b + c is rounded
 * once, by a real fused multiply-add (slow where the target has none), or twice.  Lives in the arena of its Ctx. */
Vocab *vocab_new(Ctx *, int vl, bool fma);
int vocab_lanes(const Vocab *);

/* The name to call for primitive or helper `name` on that element type, as vector (F32; BOOL: masks) or scalar.  Notes
 * the use and everything that it needs.  fail()s where there is none.  `cast` has two types: vocab_cast.  For
 * comparisons and select, elem is that of the operands (of select: the last two). */
const char *vocab_fn(Vocab *, const char *name, Elem, bool vector);
bool vocab_has(const Vocab *, const char *name, Elem, bool vector);

/* The function that converts from one element type to another; from != to.  Vectors: F32 to BOOL and back. */
const char *vocab_cast(Vocab *, Elem from, Elem to, bool vector);

/* The function that takes the bits of one type for another of the same width, both as they are stored; from != to. */
const char *vocab_bitcast(Vocab *, Elem from, Elem to);

/* "+" where the primitive on that type is exactly this operator of C (also - * / < & ..., unary "-"), else NULL. */
const char *vocab_infix(const char *name, Elem, bool vector);

/* The C type of a value: "vf", "vi", "float", "uint8_t".  Notes its use. */
const char *vocab_type(Vocab *, Elem, bool vector);

/* The stated error bound of a function on f32, in units in the last place; < 0 where none is stated: it is exact. */
double vocab_ulp(const Vocab *, const char *name);

/* The definitions of what was used so far, in order of dependency, each with its comment: source and error bound. */
void vocab_print(const Vocab *, Buf *out);

#endif
