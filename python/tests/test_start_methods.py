# SPDX-License-Identifier: MIT
"""New programs that multiprocessing and billiard start, and the greenlets of those that it forks."""
import json
import sys

import pytest

NEW_PROGRAMS = ["spawn", "forkserver"]

# Imported by the children: the main module of a child is not the one of its parent in billiard.
WORKERS = """
import importlib, sys

def patched():
    monkey = sys.modules.get("gevent.monkey")
    return sorted(name for name in ("socket", "ssl", "subprocess", "threading")
                  if monkey is not None and monkey.is_module_patched(name))

def generations(connection, package, method, more):
    below = []
    if more:
        below = started(package, method, more - 1)
    mpgreen = sys.modules.get("mpgreen")
    green = mpgreen is not None and mpgreen.loaded()
    connection.send([[patched(), green]] + below)
    sys.exit(more)

def started(package, method, more):
    context = importlib.import_module(package).get_context(method)
    here, there = context.Pipe()
    process = context.Process(target=generations, args=(there, package, method, more))
    process.start()
    answer = here.recv()
    process.join()
    assert process.exitcode == more, process.exitcode
    return answer
"""


@pytest.fixture(params=["multiprocessing", "billiard"])
def package(request):
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture
def workers(tmp_path, script):
    (tmp_path / "workers.py").write_text(WORKERS)
    (tmp_path / "preloaded.py").write_text(PRELOADED)

    def run(code, *arguments, **options):
        return json.loads(script(code, *arguments, **options))
    return run


MAIN = """
import json, os, sys

def main(package, method):
    import workers
    print(json.dumps(workers.started(package, method, 2)))

if __name__ == "__main__":
    from gevent import monkey
    monkey.patch_all(ssl=False, **json.loads(sys.argv[3]))
    main(*sys.argv[1:3])
"""

PRELOADED = """
from gevent import monkey; monkey.patch_all()
import gevent
lines = []
def chatter():
    while True:
        gevent.sleep(.002)
        lines.append("chatter")
gevent.spawn(chatter)
gevent.sleep(.01)
"""


@pytest.mark.parametrize("method", NEW_PROGRAMS)
def test_they_are_patched_with_their_parents_arguments(workers, package, method):
    seen = workers(MAIN, package, method, "{}")
    assert seen == [[["socket", "subprocess", "threading"], True]] * 3
    seen = workers(MAIN, package, method, '{"subprocess": false, "for_a_plugin": [1]}')
    assert seen == [[["socket", "threading"], True]] * 3


@pytest.mark.parametrize("method", NEW_PROGRAMS)
def test_what_is_patched_later_is_patched_too(workers, package, method):
    code = MAIN.replace("    main(", "    monkey.patch_all(ssl=True)\n    main(")
    seen = workers(code, package, method, "{}", flags=["-W", "ignore"])
    assert seen == [[["socket", "ssl", "subprocess", "threading"], True]] * 3


@pytest.mark.parametrize("method", NEW_PROGRAMS)
def test_a_parent_that_is_not_patched_has_plain_children(workers, package, method):
    code = MAIN.replace("    monkey.patch_all(", "    dict(")
    assert workers(code, package, method, "{}") == [[[], False]] * 3


@pytest.mark.parametrize("method", NEW_PROGRAMS)
def test_a_child_without_the_library_stays_plain(workers, package, method):
    code = MAIN.replace("    main(", "    del os.environ['LD_PRELOAD']\n    main(")
    assert workers(code, package, method, "{}") == [[[], False]] * 3


@pytest.mark.parametrize("method", NEW_PROGRAMS)
def test_an_interpreter_that_cannot_import_the_package_is_no_harm(workers, package, method,
                                                                  tmp_path):
    isolated = tmp_path / "isolated"
    isolated.write_text('#!/bin/sh\nexec "%s" -I "$@"\n' % sys.executable)
    isolated.chmod(0o755)
    code = MAIN.replace("    main(", """
    import importlib
    importlib.import_module(sys.argv[1] + ".spawn").set_executable(sys.argv[4])
    main(""")
    assert workers(code, package, method, "{}", str(isolated)) == [[[], False]] * 3


@pytest.mark.parametrize("method", NEW_PROGRAMS)
def test_the_main_module_is_patched_before_it_is_imported(script, method):
    assert script("""
import multiprocessing, sys
import time, threading
print(threading.Lock.__module__)

def work():
    print(threading.Lock.__module__)

if __name__ == "__main__":
    from gevent import monkey; monkey.patch_all()
    sys.stdout.flush()
    process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
    process.start()
    process.join()
""", method).split() == ["_thread", "gevent.thread", "gevent.thread"]


def test_modules_that_the_server_imports_see_a_patched_program(workers, tmp_path):
    seen = workers("""
import json, multiprocessing, sys

def work(connection):
    import gevent
    preloaded = sys.modules["preloaded"]
    del preloaded.lines[:]
    gevent.sleep(.02)
    connection.send(preloaded.lines)
    gevent.spawn(connection.send, "own").join()

if __name__ == "__main__":
    from gevent import monkey; monkey.patch_all()
    multiprocessing.set_forkserver_preload(["preloaded"])
    context = multiprocessing.get_context("forkserver")
    seen = []
    for i in range(3):
        here, there = context.Pipe()
        process = context.Process(target=work, args=(there,))
        process.start()
        seen += [here.recv(), here.recv()]
        process.join()
        seen.append(process.exitcode)
    print(json.dumps(seen))
""", env={"PYTHONPATH": str(tmp_path)})
    assert seen == [[], "own", 0] * 3


def test_greenlets_that_a_main_module_starts_live_on_in_the_servers_child(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, multiprocessing, os, sys
ticks = []
def tick():
    while True:
        gevent.sleep(.001)
        ticks.append(1)
if __name__ == "__mp_main__":
    gevent.spawn(tick)
    gevent.sleep(.005)

def work():
    gevent.sleep(.01)
    before = len(ticks)
    while len(ticks) < before + 5:
        gevent.sleep(.001)

if __name__ == "__main__":
    for method in "forkserver", "spawn":
        process = multiprocessing.get_context(method).Process(target=work)
        process.start()
        process.join()
        print(process.exitcode)
""") == "0\n0\n"


def test_the_resource_tracker_is_not_patched(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
from multiprocessing import resource_tracker
resource_tracker.ensure_running()
pid = resource_tracker._resource_tracker._pid
with open("/proc/%d/cmdline" % pid) as file:
    print("patch" in file.read())
""") == "False\n"


FORKED = """
from gevent import monkey; monkey.patch_all()
import gevent, multiprocessing, os, sys, threading
context = multiprocessing.get_context("fork")

def in_child(function):
    here, there = context.Pipe()
    def work():
        try:
            there.send(function())
        except BaseException as error:
            there.send(repr(error))
    process = context.Process(target=work)
    process.start()
    there.close()
    answer = here.recv()
    process.join()
    assert process.exitcode == 0, process.exitcode
    return answer
"""


def test_a_timeout_of_the_parent_does_not_fire_in_a_forked_child(script):
    assert script(FORKED + """
def sleeps():
    gevent.sleep(.1)
    return "slept"

def in_time():
    with gevent.Timeout(.03, False):
        gevent.sleep(5)
        return "not ended"
    return "own timeout"

with gevent.Timeout(.05, False):
    process = context.Process(target=lambda: print(sleeps(), in_time(), flush=True))
    process.start()
    process.join()
    print("not ended")
process.join()
print(process.exitcode)
""") == "slept own timeout\n0\n"


def test_nor_does_one_of_a_greenlet_that_forks(script):
    assert script(FORKED + """
def start():
    with gevent.Timeout(.05):
        process = context.Process(target=lambda: (gevent.sleep(.1), print("slept", flush=True)))
        process.start()
    process.join()
    return process.exitcode
print(gevent.spawn(start).get())
""") == "slept\n0\n"


def test_a_thread_with_its_own_hub_forks(script):
    assert script(FORKED + """
seen = []
def chatter():
    while True:
        gevent.sleep(.001)
        seen.append(1)

def quiet():
    del seen[:]
    gevent.sleep(.03)
    answer = len(seen)
    return answer, gevent.spawn(lambda: in_child(lambda: "grandchild")).get()

answers = []
def thread():
    gevent.spawn(chatter)
    gevent.sleep(.01)
    answers.append(in_child(quiet))

gevent.spawn(chatter)
gevent.sleep(.01)
gevent.get_hub().threadpool.spawn(thread).get()
print(answers)
""") == "[(0, 'grandchild')]\n"


def test_children_of_forked_children_are_clean_too(script):
    assert script(FORKED + """
seen = []
def chatter(name):
    while True:
        gevent.sleep(.001)
        seen.append(name)

def generation(more):
    del seen[:]
    gevent.sleep(.02)
    others = len(seen)
    gevent.spawn(chatter, more)
    gevent.sleep(.02)
    assert seen and set(seen) == {more}, seen
    return [others] + (gevent.spawn(in_child, lambda: generation(more - 1)).get() if more else [])

gevent.spawn(chatter, "parent")
print(generation.__name__, in_child(lambda: generation(3)))
""") == "generation [0, 0, 0, 0]\n"


def test_fork_itself_keeps_what_gevent_does(script):
    assert script(FORKED + """
seen = []
def chatter():
    while True:
        gevent.sleep(.001)
        seen.append(1)
gevent.spawn(chatter)
gevent.sleep(.01)
pid = os.fork()
if pid == 0:
    del seen[:]
    gevent.sleep(.05)
    os._exit(5 if seen else 6)
print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
""") == "5\n"


def test_threads_of_the_parent_that_hold_locks_are_no_harm(script):
    """They are greenlets under gevent; the child has neither."""
    assert script(FORKED + """
lock = threading.Lock()
def holder():
    with lock:
        gevent.sleep(1000)
thread = threading.Thread(target=holder, daemon=True)
thread.start()
gevent.sleep(.01)
print(in_child(lambda: (lock.acquire(timeout=.02), thread in threading.enumerate())))
""") == "(False, False)\n"
