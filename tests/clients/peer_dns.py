# SPDX-License-Identifier: MIT
"""A name server. It knows wait-SECONDS[-...].test and has 127.0.0.1 for it, after so long; and of any
other name an address made of it."""
import socket
import struct
import sys
import threading
import time
import zlib

ADDRESS = 1


def name_of(question):
    labels, place = [], 0
    while question[place]:
        labels.append(question[place + 1:place + 1 + question[place]].decode().lower())
        place += 1 + question[place]
    return labels, question[:place + 5]


def address_of(label):
    if label.startswith("wait-"):
        time.sleep(float(label.split("-")[1].replace("_", ".")))
        return socket.inet_aton("127.0.0.1")
    return b"\x0a" + struct.pack(">I", zlib.crc32(label.encode()))[1:]


def answer(server, request, who):
    labels, question = name_of(request[12:])
    kind, = struct.unpack(">H", question[-4:-2])
    records = b""
    if kind == ADDRESS:
        records = struct.pack(">HHHIH", 0xc00c, ADDRESS, 1, 0, 4) + address_of(labels[0])
    head = request[:2] + struct.pack(">HHHHH", 0x8580, 1, bool(records), 0, 0)
    server.sendto(head + question + records, who)


server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    threading.Thread(target=answer, args=(server, *server.recvfrom(1500)), daemon=True).start()
