# SPDX-License-Identifier: MIT
"""An HTTP server with slow answers: /wait/SECONDS, /echo/TEXT, /fetch/SIZE; or how much was put."""
import http.server
import sys
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one.
    wbufsize = -1

    def do_GET(self):
        _, what, argument = urllib.parse.unquote(self.path).split("/", 2)
        body = b""
        if what == "wait":
            time.sleep(float(argument))
        elif what == "echo":
            body = argument.encode()
        elif what == "fetch":
            body = b"x" * int(argument)
        self.answer(body)

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        left = size = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 16)))
        self.answer(b"%d" % size)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
