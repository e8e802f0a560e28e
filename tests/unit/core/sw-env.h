/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system under sw-core in the tests. Same guard as dm-target/sw-env.h and
 * forced in first (-include), so that the module's own files are compiled as
 * they are.
 */
#ifndef SW_ENV_H
#define SW_ENV_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define U64_MAX UINT64_MAX

#define WRITE_ONCE(x, value) ((x) = (value))

static inline size_t strscpy(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size - 1);

	memcpy(to, from, length);
	to[length] = '\0';

	return length;
}

#endif /* SW_ENV_H */
