/* sha256.c: SHA-256.  Source: FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2. */
#include "runtime/sha256.h"

#include <string.h>

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
	0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138,
	0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70,
	0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void block(uint32_t h[8], const uint8_t *bytes)
{
	uint32_t w[64], s[8];
	for (int t = 0; t < 16; t++, bytes += 4)
		w[t] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
	for (int t = 16; t < 64; t++) {
		const uint32_t a = w[t - 15], b = w[t - 2];
		w[t] = (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10) + w[t - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
			w[t - 16];
	}
	memcpy(s, h, sizeof s);
	for (int t = 0; t < 64; t++) {
		const uint32_t a = s[0], e = s[4];
		const uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & s[5]) ^ (~e & s[6])) +
			K[t] + w[t];
		const uint32_t t2 =
			(rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++) h[i] += s[i];
}

const char *sha256_hex(Arena *arena, const void *data, size_t size_bytes)
{
	/* The first 32 bits of the fractional parts of the square roots of the first 8 primes. */
	uint32_t h[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	const uint8_t *bytes = data;
	size_t at = 0;
	for (; size_bytes - at >= 64; at += 64) block(h, bytes + at);
	/* what is left, a one bit, zeros, the length in bits: one or two blocks */
	uint8_t tail[128] = {0};
	const size_t rest = size_bytes - at, n_tail = rest < 56 ? 64 : 128;
	if (rest) memcpy(tail, bytes + at, rest);
	tail[rest] = 0x80;
	for (size_t i = 0; i < 8; i++) tail[n_tail - 1 - i] = (uint8_t)((uint64_t)size_bytes * 8 >> (8 * i));
	for (size_t i = 0; i < n_tail; i += 64) block(h, tail + i);
	char *hex = arena_alloc(arena, 65);
	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < 64; i++) hex[i] = digits[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
	return hex;
}
