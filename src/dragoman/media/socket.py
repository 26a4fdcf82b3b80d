"""The one UDP socket of all legs and booths: a batch of datagrams per system call on Linux, one by one elsewhere.

A drained batch lies in preallocated arrays: ``slots`` (the bytes), ``lengths``, ``sources`` (address and port in one
integer, see ``sources.source_key``) and ``ages`` (seconds since the kernel had it). What is to be sent is written into
the rows of ``outgoing``. Nothing is allocated per packet.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import sys
import time
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from dragoman.errors import MediaSocketError
from dragoman.media.sources import source_key
from dragoman.telephony.model import Address

BATCH: Final = 512
"""Datagrams per receive call. 400 legs fit in one; the rows together (0.5 MB) still fit a second-level cache."""

SLOT_BYTES: Final = 1024
"""Bytes kept of a datagram: a tap's packet has 652, and what is longer is none of ours (cut off, then refused)."""

RECEIVE_BUFFER_BYTES: Final = 4 << 20
"""What is asked of the kernel. It grants twice that and charges 2.3 KB for a packet of ours (Linux 6.18), so the usual
208 KB hold 184 packets: 0.6 s of three phones (each sends 50 a second, each booth gets 50 back), 30 ms of 100 legs.
4 MB hold 3600."""

_BEYOND_LIMITS: Final = (33,) if sys.platform == "linux" else ()
"""SO_RCVBUFFORCE (socket(7)): whoever administers the network, as root does, is not held to net.core.rmem_max."""

_SO_TIMESTAMPNS: Final = 35  # asm-generic/socket.h, SO_TIMESTAMPNS_OLD: two 64-bit words on 64-bit Linux
_SO_MEMINFO: Final = 55  # asm-generic/socket.h, since Linux 4.12: words of 32 bits
_DROPS: Final = slice(32, 36)  # linux/sock_diag.h, SK_MEMINFO_DROPS: the ninth of them

CLOCKS_S: Final = 0.005
"""Seconds by which the two clocks, read one after the other, may disagree on how long a datagram has waited."""


class MediaSocket(Protocol):
    """What the media plane needs of its socket."""

    slots: npt.NDArray[np.uint8]
    """(BATCH, SLOT_BYTES) the datagrams of the last ``receive``."""
    lengths: npt.NDArray[np.int64]
    """(BATCH,) bytes of each, cut off at SLOT_BYTES."""
    sources: npt.NDArray[np.int64]
    """(BATCH,) source key of each."""
    ages: npt.NDArray[np.float64]
    """(BATCH,) seconds between its arrival in the kernel and the ``receive``; 0 where the kernel does not tell. Never
    more than since the socket was empty: the kernel tells the time of day, and that may jump by any length."""
    outgoing: npt.NDArray[np.uint8]
    """(send rows, bytes of a packet) what ``send`` takes."""
    address: Address
    receive_buffer: int
    """Bytes the kernel granted (it reports twice what may be used, socket(7))."""

    def receive(self) -> int:
        """Take what waits, at most BATCH datagrams; returns how many. Never blocks."""

    def dropped(self) -> int:
        """Datagrams that came and found no room since it was opened; 0 where the kernel does not tell."""

    def set_destination(self, row: int, address: Address) -> None:
        """Where the row of ``outgoing`` is sent from now on."""

    def send(self, rows: npt.NDArray[np.int64]) -> int:
        """Send these rows of ``outgoing``; returns how many the kernel took. Never blocks."""

    def reopen(self) -> None:
        """Open the socket anew, on the same address and port; what waited in it is lost.

        Raises:
            MediaSocketError: that cannot be had now; nothing is received and sent until the next try.
        """

    def close(self) -> None:
        """Close the socket; idempotent."""


def open_media_socket(host: str, port: int, send_rows: int, send_bytes: int) -> MediaSocket:
    """Bind the UDP socket (port 0: any free one) with the fastest implementation this host has.

    Raises:
        MediaSocketError: the address cannot be bound.
    """
    sock = _bind(host, port)
    kind = BatchedSocket if BatchedSocket.available() else PlainSocket
    return kind(sock, send_rows, send_bytes)


def _bind(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        ask_for_buffer(sock)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise MediaSocketError(f"media socket {host}:{port}: {error.strerror}") from error
    return sock


def ask_for_buffer(sock: socket.socket, *, beyond_limits: bool = True) -> int:
    """Have it hold RECEIVE_BUFFER_BYTES of what comes; returns what the kernel tells of it: twice what it granted."""
    for option in (socket.SO_RCVBUF, *(_BEYOND_LIMITS if beyond_limits else ())):
        with contextlib.suppress(OSError):  # a host may refuse; what was granted is reported
            sock.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BUFFER_BYTES)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


class _Buffers:
    """What both implementations share: the arrays and the bound socket."""

    def __init__(self, sock: socket.socket, send_rows: int, send_bytes: int) -> None:
        self._sock = sock
        self.slots = np.zeros((BATCH, SLOT_BYTES), np.uint8)
        self.lengths = np.zeros(BATCH, np.int64)
        self.sources = np.zeros(BATCH, np.int64)
        self.ages = np.zeros(BATCH, np.float64)
        self.outgoing = np.zeros((send_rows, send_bytes), np.uint8)
        host, port = sock.getsockname()
        self.address: Address = (host, port)
        self.receive_buffer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def dropped(self) -> int:
        """MediaSocket."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                told = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPS.stop)
                return int.from_bytes(told[_DROPS], sys.byteorder)
        return 0

    def reopen(self) -> None:
        """MediaSocket."""
        self.close()
        self._sock = _bind(*self.address)
        self._prepare()

    def _prepare(self) -> None:
        """Make a socket that was just bound ready."""

    def close(self) -> None:
        """Close the socket; idempotent."""
        self._sock.close()


class PlainSocket(_Buffers):
    """One system call per datagram, with what every platform has."""

    def __init__(self, sock: socket.socket, send_rows: int, send_bytes: int) -> None:
        super().__init__(sock, send_rows, send_bytes)
        self._in_rows = [memoryview(row) for row in self.slots]  # type: ignore[arg-type]  # an array is a buffer
        self._out_rows = [memoryview(row) for row in self.outgoing]  # type: ignore[arg-type]  # an array is a buffer
        self._destinations: list[Address] = [("", 0)] * send_rows

    def receive(self) -> int:
        """Take what waits, at most BATCH datagrams; returns how many. Never blocks."""
        for count, row in enumerate(self._in_rows):
            try:
                self.lengths[count], source = self._sock.recvfrom_into(row)
            except OSError:  # BlockingIOError: empty; else an ICMP error for what was sent, which is of no use here
                return count
            self.sources[count] = source_key(source)
        return BATCH

    def set_destination(self, row: int, address: Address) -> None:
        """Where the row of ``outgoing`` is sent from now on."""
        source_key(address)
        self._destinations[row] = address

    def send(self, rows: npt.NDArray[np.int64]) -> int:
        """Send these rows of ``outgoing``; returns how many the kernel took. Never blocks."""
        sent = 0
        for row in rows.tolist():
            try:
                self._sock.sendto(self._out_rows[row], self._destinations[row])
            except OSError:
                continue
            sent += 1
        return sent


_NAME = np.dtype({"names": ["family", "port", "host"], "formats": ["u2", ">u2", ">u4"], "itemsize": 16})
_IOVEC = np.dtype([("base", "u8"), ("len", "u8")])
_MMSGHDR = np.dtype(  # struct mmsghdr of 64-bit Linux (recvmmsg(2), bits/socket.h), holes included
    {
        "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "len"],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
_CMSG = np.dtype([("len", "u8"), ("level", "i4"), ("type", "i4"), ("sec", "i8"), ("nsec", "i8")])
_MSG_DONTWAIT: Final = 0x40


class BatchedSocket(_Buffers):
    """``recvmmsg`` and ``sendmmsg``: one system call for a whole tick, and the kernel's own arrival times."""

    def __init__(self, sock: socket.socket, send_rows: int, send_bytes: int) -> None:
        super().__init__(sock, send_rows, send_bytes)
        self._empty_at = time.monotonic()
        # PyDLL keeps the GIL. The calls never block, and to get it back from a busy thread could take 5 ms.
        libc: Any = ctypes.PyDLL(None, use_errno=True)
        self._recvmmsg = libc.recvmmsg
        self._recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._sendmmsg = libc.sendmmsg
        self._sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self._fd = sock.fileno()
        self._stamped = False

        self._in_names, self._in_iov, self._in = _messages(self.slots)
        self._controls = np.zeros(BATCH, _CMSG)
        # Views of single fields: to name one of a structure costs as much as to read it for all datagrams of a tick.
        self._in_at = self._in.ctypes.data
        self._in_lengths, self._control_lengths = self._in["len"], self._in["controllen"]
        self._hosts, self._ports = self._in_names["host"], self._in_names["port"]
        self._seconds, self._nanoseconds = self._controls["sec"], self._controls["nsec"]
        self._prepare()

        self._out_names, self._out_iov, rows = _messages(self.outgoing)
        # As plain words: numpy copies a structure with holes field by field.
        self._out_rows = rows.view(np.uint64).reshape(send_rows, -1)
        self._out = self._out_rows.copy()
        self._out_at = self._out.ctypes.data

    def _prepare(self) -> None:
        self._fd = self._sock.fileno()
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._in["control"] = self._controls.ctypes.data + np.arange(BATCH, dtype=np.uint64) * _CMSG.itemsize
            self._stamped = True
        except OSError:
            self._stamped = False

    def close(self) -> None:
        """Close the socket; idempotent. Its number may soon be another file's, so it is forgotten first."""
        self._fd = -1
        super().close()

    @staticmethod
    def available() -> bool:
        """Whether this is a 64-bit Linux, whose structures are laid out here."""
        return sys.platform == "linux" and sys.maxsize > 2**32 and hasattr(ctypes.PyDLL(None), "recvmmsg")

    def receive(self) -> int:
        """Take what waits, at most BATCH datagrams; returns how many. Never blocks."""
        if self._stamped:
            self._control_lengths.fill(_CMSG.itemsize)
        now, empty_at = time.monotonic(), self._empty_at
        count: int = self._recvmmsg(self._fd, self._in_at, BATCH, _MSG_DONTWAIT, None)
        if count < BATCH:
            self._empty_at = now
        if count <= 0:
            return 0
        self.lengths[:count] = self._in_lengths[:count]
        self.sources[:count] = self._hosts[:count].astype(np.int64) << 16 | self._ports[:count]
        if self._stamped:
            ages = time.time() - (self._seconds[:count] + self._nanoseconds[:count] * 1e-9)
            self.ages[:count] = _plausible(ages, now - empty_at)
        return count

    def set_destination(self, row: int, address: Address) -> None:
        """Where the row of ``outgoing`` is sent from now on."""
        key = source_key(address)
        self._out_names[row] = (socket.AF_INET, key & 0xFFFF, key >> 16)

    def send(self, rows: npt.NDArray[np.int64]) -> int:
        """Send these rows of ``outgoing``; returns how many the kernel took. Never blocks."""
        count = len(rows)
        self._out[:count] = self._out_rows[rows]
        done = sent = 0
        while done < count:
            at = self._out_at + done * _MMSGHDR.itemsize
            taken: int = self._sendmmsg(self._fd, at, count - done, _MSG_DONTWAIT)
            if taken > 0:
                sent += taken
                done += taken
            elif ctypes.get_errno() == errno.EINTR:
                continue
            else:
                done += 1  # it reports the error of the first one left (sendmmsg(2)): that one is lost, not the rest
        return sent


def _plausible(ages: npt.NDArray[np.float64], most: float) -> npt.NDArray[np.float64]:
    """Ages of datagrams that lay in an empty socket for ``most`` s at most, the newest last.

    The kernel stamps them with the time of day. Where that was set meanwhile, the ages are wrong, but by the same
    amount: the newest is then taken to have come now. Were each cut down to ``most``, it would seem that nothing
    had come since, and silence would be made up for audio that is there.
    """
    if ages.max() > most + CLOCKS_S or ages.min() < -CLOCKS_S:
        ages = ages - ages.min()
    return np.minimum(np.maximum(ages, 0.0), most)


def _messages(rows: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Address, iovec and header arrays that describe one message per row; they must live as long as the headers."""
    count, size = rows.shape
    index = np.arange(count, dtype=np.uint64)
    names = np.zeros(count, _NAME)
    iov = np.zeros(count, _IOVEC)
    iov["base"] = rows.ctypes.data + index * size
    iov["len"] = size
    headers = np.zeros(count, _MMSGHDR)
    headers["name"] = names.ctypes.data + index * _NAME.itemsize
    headers["namelen"] = _NAME.itemsize
    headers["iov"] = iov.ctypes.data + index * _IOVEC.itemsize
    headers["iovlen"] = 1
    return names, iov, headers
