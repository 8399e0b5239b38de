"""The command, telling on standard error which other machines it turns to."""

import sys

from keras_resattn_cli.main import main

OWN = ("", "localhost", "127.0.0.1", "::1")


def tell(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, *OWN):
        print(f"turns to {host}", file=sys.stderr, flush=True)


sys.addaudithook(tell)
main()
