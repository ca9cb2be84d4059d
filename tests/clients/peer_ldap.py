# SPDX-License-Identifier: MIT
"""What slapd asks for every entry: (cn=wait SECONDS), (cn=echo TEXT) or (cn=fetch SIZE)."""
import os
import socketserver
import sys
import time

PIECE = 1 << 20


def entries(what, argument):
    if what == "wait":
        time.sleep(float(argument))
    if what == "echo":
        yield argument
    if what == "fetch":
        for done in range(0, int(argument), PIECE):
            yield "x" * min(PIECE, int(argument) - done)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        operation = self.rfile.readline()
        lines = iter(self.rfile.readline, b"\n")
        about = dict(line.decode().strip().split(": ", 1) for line in lines)
        if operation == b"SEARCH\n":
            what, argument = about["filter"][len("(cn="):-len(")")].split(" ", 1)
            for number, text in enumerate(entries(what, argument)):
                self.wfile.write(b"dn: cn=%d,dc=test\nobjectClass: person\ncn: %d\nsn: %s\n\n"
                                 % (number, number, text.encode()))
        self.wfile.write(b"RESULT\ncode: 0\n\n")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


Server(sys.argv[1], Handler).serve_forever()
