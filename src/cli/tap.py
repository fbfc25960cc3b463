#!/usr/bin/env python3
"""Carries Ethernet frames between a TAP interface and its standard streams, for `packetarium bridge`.

    tap.py '{"namespace": "lab", "name": "eth0", "mac": "02:00:00:01:00:00", "mtu": 1500, "configure": null}'

Both ways a frame is 4 bytes of length, big-endian, and its bytes; before those on standard output, and counted in the length, stand 8
bytes with the time at which it came in: nanoseconds of the monotonic clock, big-endian. On standard error one JSON object a line says how it stands:
{"made": true} when the interface is there, {"up": true} or {"up": false} when it is set up or down, {"error": "..."} when something
cannot be done. It ends at the end of its input, and takes away what it made: the interface, and the namespace if there was none.

"namespace": null is the current one. "configure": {"addresses": ["10.0.0.1/24"], "routes": [["10.0.1.0/24", "10.0.0.254"]]} also sets
the interface up with these.
"""
import ctypes, fcntl, json, os, select, signal, socket, struct, subprocess, sys, time

# <linux/if_tun.h>, <linux/sockios.h>, <linux/sched.h>, <linux/rtnetlink.h>
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SIOCGIFFLAGS, SIOCSIFMTU, SIOCSIFHWADDR, IFF_UP = 0x8913, 0x8922, 0x8924, 1
CLONE_NEWNET = 0x40000000
RTMGRP_LINK = 1
ARPHRD_ETHER = 1
# Errors of a TAP that is down, or whose queue is full: the frame is lost, as on a cable that is unplugged at the far end.
LOST = {5, 11, 77, 105}
LONGEST = 65536 + 64
BATCH = 64


def tell(**what):
    os.write(2, (json.dumps(what) + '\n').encode())


class Refused(Exception):
    """Something that cannot be done; the message is for people."""


def ip(*words):
    try:
        done = subprocess.run(['ip', *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Refused('the program ip (package iproute2) is not installed') from None
    if done.returncode:
        raise Refused(f'ip {" ".join(words)}: {done.stderr.strip()}')


def enter(namespace):
    """Moves this process into a network namespace. Returns whether it was made for that."""
    path = f'/var/run/netns/{namespace}'
    made = not os.path.exists(path)
    if made:
        ip('netns', 'add', namespace)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(path, os.O_RDONLY)
        if libc.setns(handle, CLONE_NEWNET):
            raise Refused(f'cannot enter the network namespace {namespace}: {os.strerror(ctypes.get_errno())}')
        os.close(handle)
        if made:
            ip('link', 'set', 'lo', 'up')
    except Exception:
        if made:
            ip('netns', 'delete', namespace)
        raise
    return made


def open_tap(name, mac, mtu, control):
    try:
        tap = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI))
        fcntl.ioctl(control, SIOCSIFMTU, struct.pack('16si20x', name.encode(), mtu))
        hardware = bytes.fromhex(mac.replace(':', ''))
        fcntl.ioctl(control, SIOCSIFHWADDR, struct.pack('16sH6s16x', name.encode(), ARPHRD_ETHER, hardware))
    except OSError as error:
        raise Refused(f'cannot make the TAP interface {name}: {error.strerror}') from None
    return tap


def configure(name, addresses, routes):
    for address in addresses:
        ip('address', 'add', address, 'dev', name, *(['nodad'] if ':' in address else []))
    ip('link', 'set', name, 'up')
    for destination, via in routes:
        ip('route', 'add', destination, 'via', via, 'dev', name)


def is_up(name, control):
    answer = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack('16sH22x', name.encode(), 0))
    return bool(struct.unpack('16sH22x', answer)[1] & IFF_UP)


def from_tap(tap, out):
    """Passes on what has come in."""
    frames = []
    for _ in range(BATCH):
        try:
            frame = os.read(tap, LONGEST)
        except OSError as error:
            if error.errno in LOST:
                break
            raise
        frames.append(struct.pack('>IQ', len(frame) + 8, time.monotonic_ns()))
        frames.append(frame)
    rest = memoryview(b''.join(frames))
    while rest:
        rest = rest[os.write(out, rest):]


def to_tap(tap, buffer):
    """Sends the whole frames of a buffer, and returns what is left."""
    at, end = 0, len(buffer)
    while end - at >= 4:
        frame_end = at + 4 + int.from_bytes(buffer[at:at + 4], 'big')
        if frame_end > end:
            break
        try:
            os.write(tap, buffer[at + 4:frame_end])
        except OSError as error:
            if error.errno not in LOST:
                raise
        at = frame_end
    return buffer[at:]


def carry(tap, name, control, news):
    buffer = b''
    up = is_up(name, control)
    tell(up=up)
    while True:
        # One that is down has nothing, but may say over and over that it has.
        ready = select.select([0, news, tap] if up else [0, news], [], [])[0]
        if news in ready:
            news.recv(65536)
            before, up = up, is_up(name, control)
            if up != before:
                tell(up=up)
        if tap in ready:
            from_tap(tap, 1)
        if 0 in ready:
            piece = os.read(0, 1 << 18)
            if not piece:
                return
            buffer = to_tap(tap, buffer + piece)


def main():
    wish = json.loads(sys.argv[1])
    namespace, name = wish['namespace'], wish['name']
    # Whoever started this ends it by closing its input, and is interrupted from the same terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    made = False
    try:
        if namespace is not None:
            made = enter(namespace)
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tap = open_tap(name, wish['mac'], wish['mtu'], control)
        news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        news.bind((0, RTMGRP_LINK))
        if wish['configure'] is not None:
            configure(name, wish['configure']['addresses'], wish['configure']['routes'])
        tell(made=True)
        carry(tap, name, control, news)
    except Refused as error:
        tell(error=str(error))
        return 1
    except BrokenPipeError:
        return 0
    except OSError as error:
        tell(error=f'{name}: {error.strerror}')
        return 1
    finally:
        if made:
            ip('netns', 'delete', namespace)
    return 0


sys.exit(main())
