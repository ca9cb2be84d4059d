# SPDX-License-Identifier: MIT
"""An HTTP server with slow answers: /wait/SECONDS, /echo/TEXT, /fetch/SIZE; or how much was put.

PORT, or PORT:CERTIFICATE:KEY for one with TLS.
"""
import http.server
import ssl
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


class SecureServer(Server):
    def __init__(self, address, certificate, key):
        super().__init__(address, Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def finish_request(self, request, address):
        """On the thread of the client: greetings are slow."""
        with self.context.wrap_socket(request, server_side=True) as request:
            super().finish_request(request, address)


port, *files = sys.argv[1].split(":")
address = "127.0.0.1", int(port)
server = SecureServer(address, *files) if files else Server(address, Handler)
server.serve_forever()
