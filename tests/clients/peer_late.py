# SPDX-License-Identifier: MIT
"""Stands before a server and has each client wait before it says its first word: PORT:SERVER:SECONDS."""
import socket
import sys
import threading
import time

port, server, seconds = sys.argv[1].split(":")


def forward(source, target):
    try:
        while True:
            data = source.recv(1 << 16)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    time.sleep(float(seconds))
    there = socket.create_connection(("127.0.0.1", int(server)))
    threading.Thread(target=forward, args=(client, there), daemon=True).start()
    forward(there, client)


with socket.create_server(("127.0.0.1", int(port)), backlog=128) as listener:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
