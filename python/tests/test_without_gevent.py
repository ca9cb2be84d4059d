# SPDX-License-Identifier: MIT
"""Programs that have no gevent, or do not patch: nothing is to be noticed."""


def test_a_python_without_gevent_is_as_ever(script):
    assert script("""
import os, sys, threading
try:
    import gevent
except ImportError:
    pass
else:
    sys.exit("gevent should not be here")
import mpgreen, multiprocessing.connection
assert mpgreen.loaded() and not mpgreen.attached()
r, w = os.pipe()
thread = threading.Timer(.02, os.write, (w, b"x"))
thread.start()
print(os.read(r, 1))
assert mpgreen.stats()["waits"] == 0
try:
    mpgreen.attach()
except ImportError:
    print("ImportError")
""", flags=["-S"]) == "b'x'\nImportError\n"


def test_a_program_that_does_not_patch_is_not_attached(script):
    assert script("""
import gevent, mpgreen, os
gevent.get_hub()
assert not mpgreen.attached()
gevent.spawn_later(.01, print, "late").join()
print(mpgreen.stats()["waits"])
""") == "late\n0\n"


def test_without_the_preload_the_package_says_so_and_passes(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, mpgreen
gevent.get_hub()
print(mpgreen.loaded(), mpgreen.attached(), mpgreen.version())
for function, *arguments in (mpgreen.mark, 0), (mpgreen.stats,), (mpgreen.attach,):
    try:
        function(*arguments)
    except OSError as error:
        print(error.strerror)
with mpgreen.native():
    print("native")
""", preload=False, env={"PYTHONPATH": __import__("os").path.dirname(
        __import__("os").path.dirname(__import__("mpgreen").__file__))}) == (
            "False False None\n" + "Function not implemented\n" * 3 + "native\n")


def test_the_self_check_succeeds_and_fails_clearly(script):
    import os
    import subprocess
    import sys
    done = subprocess.run([sys.executable, "-m", "mpgreen"], stdout=subprocess.PIPE,
                          universal_newlines=True)
    assert done.returncode == 0 and "attached: True" in done.stdout
    environment = dict(os.environ)
    del environment["LD_PRELOAD"]
    done = subprocess.run([sys.executable, "-m", "mpgreen"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, env=environment)
    assert done.returncode == 1 and "not preloaded" in done.stderr


def test_a_refused_configuration_leaves_the_program_as_it_is(tmp_path):
    import os
    import subprocess
    import sys
    program = tmp_path / "program.py"
    program.write_text("""
from gevent import monkey; monkey.patch_all()
import gevent, mpgreen
gevent.sleep(.001)
print(mpgreen.attached())
""")
    done = subprocess.run([sys.executable, str(program)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True,
                          env=dict(os.environ, MPGREEN_TURN_MS="soon"))
    assert (done.stdout, done.returncode) == ("False\n", 0)
    assert done.stderr.count("\n") == 1 and "MPGREEN_TURN_MS" in done.stderr


def test_after_atexit_nothing_waits(script):
    assert script("""
import atexit, os
def last():
    r, w = os.pipe()
    os.write(w, b"x")
    print(os.read(r, 1), mpgreen.attached(), flush=True)
atexit.register(last)
from gevent import monkey; monkey.patch_all()
import gevent, mpgreen
gevent.sleep(.001)
print(mpgreen.attached(), flush=True)
class AtTheVeryEnd:
    def __del__(self, os=os):
        r, w = os.pipe()
        os.write(w, b"y")
        os.write(1, os.read(r, 1) + b"\\n")
keep = AtTheVeryEnd()
""") == "True\nb'x' False\ny\n"


def test_a_greenlet_parked_at_exit_does_not_hold_the_program(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, os
r, w = os.pipe()
gevent.spawn(os.read, r, 1)
gevent.sleep(.01)
print("ends")
""") == "ends\n"
