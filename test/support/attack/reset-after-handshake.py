"""Connects with a certificate, ends each handshake, and resets the connection at once. Arguments: port, certificate, key, how many."""
import socket
import ssl
import struct
import sys
import threading

port, certificate, key, number = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.load_cert_chain(certificate, key)
context.set_alpn_protocols(["h2"])
preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"


def visit(speaks):
    plain = socket.create_connection(("127.0.0.1", port))
    # With a linger time of 0, closing sends a reset (socket(7)).
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        with context.wrap_socket(plain) as secure:
            if speaks:
                secure.send(preface)
    except (OSError, ssl.SSLError):
        plain.close()


def visit_often(share):
    for turn in range(share):
        visit(turn % 2 == 0)


threads = [threading.Thread(target=visit_often, args=(number // 10,)) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
