#!/bin/sh
# SPDX-License-Identifier: MIT
# greenmp-run --patch: gevent patches before the program imports, in its Python children too.
. "$(dirname -- "$0")/lib.sh"

fake_tree "$dir/tree"
script=$dir/tree/scripts/greenmp-run
patch=$dir/tree/python-patch
mkdir "$dir/empty" "$dir/shadowed" "$dir/count"

# Not a Python without gevent but one that cannot find it: any will do.
mkdir "$dir/nogevent"
cat >"$dir/nogevent/gevent.py" <<'END'
raise ImportError("No module named 'gevent'" + "\nsecond line")
END

run "$script" --patch sh -c 'printf %s "$PYTHONPATH"'
same "the directory is on PYTHONPATH" "$patch" "$out"
run env PYTHONPATH=/one:/two "$script" --patch sh -c 'printf %s "$PYTHONPATH"'
same "in front of what was there" "$patch:/one:/two" "$out"
run "$script" --patch "$script" --patch sh -c 'printf %s "$PYTHONPATH"'
same "once, however often" "$patch" "$out"
run "$script" sh -c 'printf %s "${PYTHONPATH-unset}"'
same "without --patch PYTHONPATH is left alone" unset "$out"
run "$script" --patch cat "$script"
same "a command that is no Python does not notice" '' "$err"

mkdir -p "$dir/inst/bin" "$dir/inst/lib/mpgreen/patch"
cp "$SOURCE" "$dir/inst/bin/greenmp-run"
cp "$dir/fake.so" "$dir/inst/lib/libmpgreen.so"
refused "no sitecustomize.py anywhere" 127 sitecustomize.py "$dir/inst/bin/greenmp-run" --patch true
cp "$patch/sitecustomize.py" "$dir/inst/lib/mpgreen/patch"
run "$dir/inst/bin/greenmp-run" --patch printenv PYTHONPATH
same "installed, it stands under the library" "$dir/inst/lib/mpgreen/patch" "$out"
mkdir "$dir/far"
cp "$dir/fake.so" "$dir/far/libmpgreen.so"
run "$dir/inst/bin/greenmp-run" --patch --library "$dir/far/libmpgreen.so" printenv PYTHONPATH
same "with --library it may stand under the script's prefix" "$dir/inst/lib/mpgreen/patch" "$out"

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || skip "no Python"
mkdir "$dir/nogevent/sub"
run env PYTHONPATH="$dir/nogevent" "$script" --patch "$PYTHON" -c 'print("ran")'
same "without gevent the program runs" ran "$out"
lines "and is warned of it in one line" 1 "$err"
has "that says what is missing" "has no gevent" "$err"
has "and in which Python" "python" "$err"

cat >"$dir/shadowed/sitecustomize.py" <<'END'
import os
import sys
sys.shadowed = getattr(sys, "shadowed", 0) + 1
gevent = sys.modules.get("gevent.monkey")
sys.patched_before = bool(gevent and gevent.is_module_patched("socket"))
END
run env PYTHONPATH="$dir/shadowed:$dir/nogevent" "$script" --patch "$PYTHON" -c '
import sitecustomize, sys
print(sys.shadowed, sitecustomize.__file__)'
same "the sitecustomize behind it runs, once, and is the one to import" \
	"1 $dir/shadowed/sitecustomize.py" "$out"
echo 'raise SystemError("of the shadowed one")' >"$dir/count/sitecustomize.py"
run env PYTHONPATH="$dir/count:$dir/nogevent" "$script" --patch "$PYTHON" -c 'print("ran")'
same "one that fails does not stop the program" ran "$out"
has "and says so as it would have" "of the shadowed one" "$err"

"$PYTHON" -c 'import gevent' 2>/dev/null || { echo "no gevent: the rest is not tested"; finish; }
cat >"$dir/program.py" <<'END'
import sys
before = "gevent.monkey" in sys.modules
import multiprocessing
import socket
import subprocess
import gevent.monkey


def patched():
    return gevent.monkey.is_module_patched("socket") and "gevent" in socket.socket.__module__


def child(queue):
    queue.put(patched())


if __name__ == "__main__":
    print(before, patched())
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    process.join()
    print(process.exitcode, subprocess.call([sys.executable, "-c",
          "import sys, gevent.monkey as m; sys.exit(not m.is_module_patched('socket'))"]))
END
run "$script" --patch "$PYTHON" "$dir/program.py"
same "patched before the program's own imports; spawned and other children are, too" \
	"True True${newline}0 0" "$out"
same "silently" '' "$err"
cat >"$dir/counted.py" <<'END'
import gevent.monkey as monkey
calls = []
real = monkey.patch_all
def patch_all(*args, **more):
    calls.append(args)
    return real(*args, **more)
monkey.patch_all = patch_all
END
cat >"$dir/twice.py" <<'END'
import sys
import counted
import importlib.util
for _ in range(2):
    spec = importlib.util.spec_from_file_location("sitecustomize", sys.argv[1])
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(len(counted.calls))
END
run "$PYTHON" "$dir/twice.py" "$patch/sitecustomize.py"
same "patch_all is called once" 1 "$out$err"
run "$script" --patch "$PYTHON" -c 'import gevent.monkey; gevent.monkey.patch_all(); print("ran")'
same "a program that patches by itself may" "ran" "$out$err"
run env PYTHONPATH="$dir/shadowed" "$script" --patch "$PYTHON" -c '
import sys; print(sys.shadowed, sys.patched_before)'
same "gevent patches before the shadowed sitecustomize runs" "1 True" "$out"
if [ -f "$build/.libs/libmpgreen.so" ] && [ -x "$build/scripts/greenmp-run" ]; then
	run "$build/scripts/greenmp-run" --patch "$PYTHON" "$dir/program.py"
	same "the same with the library of this tree" "True True${newline}0 0" "$out$err"
fi
run "$script" "$PYTHON" "$dir/program.py"
has "without --patch nothing is patched" "False False" "$out"
finish
