"""Grows the root partition of a GPT disk and the ext4 on it, as growpart and resize2fs would."""

import fcntl
import os
import struct
import zlib

SECTOR = 512
# growpart leaves a partition alone that could only grow by this much.
FUDGE = 2048


def size_of(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


def sealed(header):
    header = header[:16] + bytes(4) + header[20:]
    return header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]


def grow_partition(number, node):
    """`node`: a device node of the disk. True when the partition grew.
    Raises ValueError for a table that is not as this image makes it."""
    fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        sectors = os.lseek(fd, 0, os.SEEK_END) // SECTOR
        header = os.pread(fd, SECTOR, SECTOR)
        length = struct.unpack_from("<I", header, 12)[0]
        head = header[:length]
        entries_at, count, entry_size = struct.unpack_from("<QII", header, 72)
        if header[:8] != b"EFI PART" or length != 92 or sealed(head) != head or count * entry_size != 16384:
            raise ValueError("no partition table that can be changed here")
        entries = bytearray(os.pread(fd, count * entry_size, entries_at * SECTOR))
        if zlib.crc32(entries) != struct.unpack_from("<I", header, 88)[0]:
            raise ValueError("the partition table is damaged")
        spans = [struct.unpack_from("<QQ", entries, n * entry_size + 32) for n in range(count)]
        first, last = spans[number - 1]
        last_usable = sectors - 34
        end = min([other - 1 for other, _ in spans if other > last] + [last_usable])
        if end <= last + FUDGE:
            return False
        struct.pack_into("<Q", entries, (number - 1) * entry_size + 40, end)
        crc = struct.pack("<I", zlib.crc32(entries))
        common = head[:24]
        tail = head[56:72]
        first_usable = head[40:48]
        rest = struct.pack("<II", count, entry_size) + crc
        usable = first_usable + struct.pack("<Q", last_usable)
        backup = common + struct.pack("<QQ", sectors - 1, 1) + usable + tail + struct.pack("<Q", sectors - 33) + rest
        primary = common + struct.pack("<QQ", 1, sectors - 1) + usable + tail + struct.pack("<Q", entries_at) + rest
        protective = struct.pack("<I", min(sectors - 1, 0xFFFFFFFF))
        os.pwrite(fd, bytes(entries), (sectors - 33) * SECTOR)
        os.pwrite(fd, sealed(backup).ljust(SECTOR, b"\0"), (sectors - 1) * SECTOR)
        os.pwrite(fd, bytes(entries), entries_at * SECTOR)
        os.pwrite(fd, sealed(primary).ljust(SECTOR, b"\0"), SECTOR)
        os.pwrite(fd, protective, 458)
        os.fsync(fd)
        tell_kernel(fd, number, first * SECTOR, (end + 1 - first) * SECTOR)
        return True
    finally:
        os.close(fd)


def tell_kernel(fd, number, start, length):
    """BLKPG_RESIZE_PARTITION"""
    import ctypes

    partition = ctypes.create_string_buffer(struct.pack("qqi128x4x", start, length, number))
    request = struct.pack("iiiP", 3, 0, len(partition.raw), ctypes.addressof(partition))
    fcntl.ioctl(fd, 0x1269, request)


def grow_file_system(partition, mount_point="/"):
    """EXT4_IOC_RESIZE_FS"""
    blocks = size_of(partition) // os.statvfs(mount_point).f_frsize
    fd = os.open(mount_point, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, 0x40086610, struct.pack("Q", blocks))
    finally:
        os.close(fd)
    return blocks
