/* reserved.c: names that generated C must not give to what is the model's: a weight may be called "exp" or "case".
 *
 * Keywords; macros of the headers that the C includes; what gcc or clang know as a built-in, which -Wall and -Wshadow report
 * for static data and for locals (found by compiling a definition of each symbol of libc, libm and the compilers' tables);
 * and the names that the printed functions use themselves.
 */
#include "codegen/kernel.h"

#include <ctype.h>
#include <string.h>

static bool in_words(const char *const *words, const char *name, size_t n)
{
	for (; *words; words++)
		if (strlen(*words) == n && memcmp(*words, name, n) == 0) return true;
	return false;
}

static bool has_prefix(const char *const *prefixes, const char *name)
{
	for (; *prefixes; prefixes++)
		if (strncmp(name, *prefixes, strlen(*prefixes)) == 0) return true;
	return false;
}

/* Functions by their names for double: those for float and long double end in f and l. */
static bool is_library(const char *name)
{
	static const char *const words[] = {"abort", "abs", "acos", "acosh", "aligned_alloc", "asin", "asinh", "atan",
		"atan2", "atanh", "bcmp", "bcopy", "bzero", "cabs", "cacos", "cacosh", "calloc", "carg", "casin",
		"casinh", "catan", "catanh", "cbrt", "ccos", "ccosh", "ceil", "cexp", "cimag", "clog", "clog10", "conj",
		"copysign", "cos", "cosh", "cpow", "cproj", "creal", "csin", "csinh", "csqrt", "ctan", "ctanh",
		"dcgettext", "dgettext", "drem", "erf", "erfc", "execl", "execle", "execlp", "execv", "execve",
		"execvp", "exit", "exp", "exp10", "exp2", "expm1", "fabs", "fdim", "feclearexcept", "fegetenv",
		"fegetexceptflag", "fegetround", "feholdexcept", "feraiseexcept", "fesetenv", "fesetexceptflag",
		"fesetround", "fetestexcept", "feupdateenv", "ffs", "finite", "floor", "fma", "fmax", "fmin", "fmod",
		"fork", "fprintf", "fputc", "fputc_unlocked", "fputs", "fputs_unlocked", "free", "frexp", "fscanf",
		"fwrite", "fwrite_unlocked", "gamma", "gettext", "hypot", "ilogb", "imaxabs", "index", "isalnum",
		"isalpha", "isascii", "isblank", "iscntrl", "isdigit", "isgraph", "isinf", "islower", "isnan",
		"isprint", "ispunct", "isspace", "isupper", "iswalnum", "iswalpha", "iswblank", "iswcntrl", "iswdigit",
		"iswgraph", "iswlower", "iswprint", "iswpunct", "iswspace", "iswupper", "iswxdigit", "isxdigit", "j0",
		"j1", "jn", "labs", "ldexp", "lgamma", "lgamma_r", "lgammaf_r", "lgammal_r", "llabs", "llrint",
		"llround", "log", "log10", "log1p", "log2", "logb", "lrint", "lround", "malloc", "math_errhandling",
		"memchr", "memcmp", "memcpy", "memmove", "mempcpy", "memset", "modf", "nan", "nearbyint", "nextafter",
		"nexttoward", "posix_memalign", "pow", "pow10", "printf", "putc", "putc_unlocked", "putchar",
		"putchar_unlocked", "puts", "realloc", "remainder", "remquo", "rindex", "rint", "round", "roundeven",
		"scalb", "scalbln", "scalbn", "scanf", "signbit", "signgam", "significand", "sin", "sincos", "sinh",
		"snprintf", "sprintf", "sqrt", "sscanf", "stpcpy", "stpncpy", "strcasecmp", "strcat", "strchr",
		"strcmp", "strcpy", "strcspn", "strdup", "strfmon", "strftime", "strlen", "strncasecmp", "strncat",
		"strncmp", "strncpy", "strndup", "strnlen", "strpbrk", "strrchr", "strspn", "strstr", "tan", "tanh",
		"tgamma", "toascii", "tolower", "toupper", "towlower", "towupper", "trunc", "vfprintf", "vfscanf",
		"vprintf", "vscanf", "vsnprintf", "vsprintf", "vsscanf", "y0", "y1", "yn", NULL};
	size_t n = strlen(name);
	return in_words(words, name, n) || ((name[n - 1] == 'f' || name[n - 1] == 'l') && in_words(words, name, n - 1));
}

bool name_is_reserved(const char *name)
{
	static const char *const words[] = {"auto", "break", "case", "char", "const", "continue", "default", "do",
		"double", "else", "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
		"restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union",
		"unsigned", "void", "volatile", "while", "asm", "typeof", "linux", "unix", "bool", "true", "false",
		"NULL", "NAN", "INFINITY", "main", "signal", "div",
		/* what the printed functions call their own */
		"state", "workspace", "lane", "ws", "swap", "part", "parts", "weights", "bytes", "VL", "vf", "vi", "vu",
		"w", "KERNEL", "step", "dims", "in", "out", "i", "at", "first", "end", NULL};
	static const char *const prefixes[] = {/* of header macros */ "INT", "UINT", "WCHAR_", "WINT_", "SIZE_",
		"PTRDIFF_", "SIG_", "MATH_ERR", "HUGE_VAL", "M_", "FP_",
		/* of the vocabulary's functions */
		"v_", "s_", "d_", "m_", "i8_", "i16_", "i32_", "i64_", "u8_", "u16_", "u32_", "u64_", "f16_", "bf16_",
		"f32_", "f64_", "bool_", NULL};
	size_t n = strlen(name);
	return in_words(words, name, n) || has_prefix(prefixes, name) || (n > 0 && is_library(name)) ||
		(n > 2 && strcmp(name + n - 2, "_t") == 0) ||
		((*name == 'a' || *name == 't') && isdigit((unsigned char)name[1])); /* a0, t3: sums, temporaries */
}
