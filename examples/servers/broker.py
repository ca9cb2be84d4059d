# SPDX-License-Identifier: MIT
"""Messages as files, so that the example needs no broker to be installed.

Kombu brings a transport that does this, but its messages are for a moment files without content,
and the worker that finds one in that state stops.
"""
import os
import time
import uuid

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue, payload, **_):
        name = "%d_%s.%s.msg" % (time.monotonic() * 1000, uuid.uuid4(), queue)
        unfinished = os.path.join(self.data_folder_out, "new-" + str(uuid.uuid4()))
        with open(unfinished, "w", encoding="utf-8") as message:
            message.write(dumps(payload))
        os.rename(unfinished, os.path.join(self.data_folder_out, name))


class Transport(filesystem.Transport):
    Channel = Channel


TRANSPORT_ALIASES["files"] = __name__ + ":Transport"
