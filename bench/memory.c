/* memory.c: the C library's three functions that compilers call of their own accord, for tests/instructions.sh.
 *
 * The C library chooses among its own by the CPU; these take the same instructions on every machine.  Compile with
 * -fno-tree-loop-distribute-patterns, or they call themselves.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;
	for (size_t i = 0; i < n; i++) t[i] = f[i];
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;
	if ((uintptr_t)t - (uintptr_t)f >= n) return memcpy(to, from, n);
	while (n-- > 0) t[n] = f[n];
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	unsigned char *t = to;
	for (size_t i = 0; i < n; i++) t[i] = (unsigned char)byte;
	return to;
}
