"""Writes the events of tfevents_test.go by the definitions alone, and prints them as hex digits.

CRC-32C is computed bit by bit, and each message byte by byte from tensorflow's event.proto and
summary.proto, so that nothing is shared with the package. Run: python3 write.py > events.oracle
"""
import struct


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(x):
    out = b""
    while x >= 128:
        out += bytes([x & 127 | 128])
        x >>= 7
    return out + bytes([x])


def integer(field, x):
    return varint(field << 3) + varint(x)


def double(field, x):
    return varint(field << 3 | 1) + struct.pack("<d", x)


def text(field, x):
    return varint(field << 3 | 2) + varint(len(x)) + x


def single(field, x):
    return varint(field << 3 | 5) + struct.pack("<f", x)


wall = double(1, 1000.5)
image = integer(1, 300) + integer(2, 200) + integer(3, 3) + text(4, b"a picture")
scalars = text(1, text(1, b"g_loss") + single(2, 1.5)) + text(1, text(1, b"d_loss") + single(2, -2))
file = record(wall + text(3, b"brain.Event:2"))
file += record(wall + text(5, scalars))
file += record(wall + integer(2, 1000) + text(5, text(1, text(1, b"samples") + text(4, image))))
print(file.hex())
