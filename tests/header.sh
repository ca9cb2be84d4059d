#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fails unless mpgreen.h alone is strict C99, and C++ where there is a compiler for it.
set -eu

source=${srcdir:-.}
flags="-Wall -Wextra -pedantic -Werror -fsyntax-only -I$source/include"

# shellcheck disable=SC2086 # a list of flags
${CC:-cc} -std=c99 $flags "$source/tests/header.c"
cxx=$(command -v "${CXX:-c++}" || command -v g++ || command -v clang++) || exit 0
# shellcheck disable=SC2086
"$cxx" -x c++ -std=c++98 -Wno-long-long $flags "$source/tests/header.c"
