/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sw-env.h - the only place where the pure parts (sw-core, sw-hold, sw-age,
 * sw-witness, sw-words) include system headers. tests/unit/core/sw-env.h has the
 * same include guard and is forced in first when they are compiled for the tests.
 */
#ifndef SW_ENV_H
#define SW_ENV_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#endif /* SW_ENV_H */
