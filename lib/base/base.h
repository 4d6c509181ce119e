/* base.h - what nearly every module needs: errors, checked memory, minimum and maximum,
 * and the standard headers for sizes and truth values. Everything else in base/ is
 * included by name.
 */
#ifndef SP_BASE_H
#define SP_BASE_H

#include "base/arith.h"
#include "base/error.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#endif
