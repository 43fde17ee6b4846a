#!/usr/bin/env python3
"""A TCP proxy that cuts connections: cut_proxy.py PORT_FILE TARGET_PORT UP_BYTES DOWN_BYTES TIMES [RATE]

The first TIMES connections on which more than UP_BYTES go up (or DOWN_BYTES come down) are cut there; 0: never.
RATE: so many bytes a second go up each connection, and no more.
Requests name the proxy as their host, so that what a registry says about places leads through it, too.
"""
import os
import socket
import sys
import threading
import time

port_file, target, up_max, down_max, times = sys.argv[1], *map(int, sys.argv[2:6])
rate = int(sys.argv[6]) if len(sys.argv) > 6 else 0
lock = threading.Lock()


def may_cut():
    global times
    with lock:
        if times == 0:
            return False
        times -= 1
        return True


def pump(source, sink, most, both):
    passed = 0
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            passed += len(data)
            if most and passed > most and may_cut():
                sink.sendall(data[: len(data) // 2])
                break
            sink.sendall(data)
            if rate and sink is both[1]:
                time.sleep(len(data) / rate)
    except OSError:
        pass
    for s in both:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    server = socket.create_connection(("127.0.0.1", target))
    both = (client, server)
    threading.Thread(target=pump, args=(server, client, down_max, both), daemon=True).start()
    pump(client, server, up_max, both)


listener = socket.create_server(("127.0.0.1", 0), backlog=64)
with open(port_file + ".new", "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(port_file + ".new", port_file)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
