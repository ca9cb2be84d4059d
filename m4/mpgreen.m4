dnl SPDX-License-Identifier: MIT

dnl MPG_CHECK_FLAGS(VARIABLE, FLAGS): those of FLAGS that the compiler takes.
AC_DEFUN([MPG_CHECK_FLAGS], [
  AC_LANG_PUSH([C])
  for mpg_flag in $2; do
    mpg_saved=$CFLAGS
    CFLAGS="$CFLAGS -Werror $mpg_flag"
    AC_MSG_CHECKING([whether $CC takes $mpg_flag])
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
      [AC_MSG_RESULT([yes]); $1="$$1 $mpg_flag"], [AC_MSG_RESULT([no])])
    CFLAGS=$mpg_saved
  done
  AC_SUBST([$1])
  AC_LANG_POP([C])
])

AC_DEFUN([MPG_ENABLE_WERROR], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [turn warnings into errors])])
  AS_IF([test "x$enable_werror" = xyes], [WERROR=-Werror], [WERROR=])
  AC_SUBST([WERROR])
])

dnl --enable-sanitizer=address|undefined|thread
AC_DEFUN([MPG_ENABLE_SANITIZER], [
  AC_ARG_ENABLE([sanitizer],
    [AS_HELP_STRING([--enable-sanitizer=NAME], [build with -fsanitize=NAME: address, undefined or thread])],
    [], [enable_sanitizer=no])
  AS_CASE([$enable_sanitizer],
    [no], [SANITIZER=],
    [address|undefined|thread],
      [SANITIZER="-fsanitize=$enable_sanitizer -fno-omit-frame-pointer -fno-sanitize-recover=all"],
    [AC_MSG_ERROR([--enable-sanitizer: '$enable_sanitizer' is none of address, undefined, thread])])
  AC_SUBST([SANITIZER])
  AM_CONDITIONAL([SANITIZED], [test -n "$SANITIZER"])
])

dnl The interpreter and its headers: without them all but the Python binding is built.
AC_DEFUN([MPG_CHECK_PYTHON], [
  AM_PATH_PYTHON([3.8], [], [PYTHON=:])
  PYTHON_CPPFLAGS=
  have_python=no
  AS_IF([test "$PYTHON" != :], [
    AC_MSG_CHECKING([for Python.h])
    PYTHON_CPPFLAGS=-I`$PYTHON -c 'import sysconfig; print(sysconfig.get_paths()@<:@"include"@:>@)'`
    mpg_saved=$CPPFLAGS
    CPPFLAGS="$CPPFLAGS $PYTHON_CPPFLAGS"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <Python.h>]])], [have_python=yes])
    CPPFLAGS=$mpg_saved
    AC_MSG_RESULT([$have_python])
  ])
  AC_SUBST([PYTHON_CPPFLAGS])
  AM_CONDITIONAL([HAVE_PYTHON], [test "$have_python" = yes])
])
