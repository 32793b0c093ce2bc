"""SSH host keys as ssh-keygen makes them, in a process that has the libraries already."""

import base64
import hashlib
import os
import struct

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
TYPES = ("ed25519", "ecdsa")
TITLES = {"ed25519": "ED25519 256", "ecdsa": "ECDSA 256"}


def path(kind):
    return f"/etc/ssh/ssh_host_{kind}_key"


def string(data):
    return struct.pack("!I", len(data)) + data


def mpint(number):
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def make(kind):
    """Public blob and the private part of a new key. All its randomness is the kernel's of this moment."""
    if kind == "ed25519":
        seed = os.urandom(32)
        public = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        head = string(b"ssh-ed25519") + string(raw)
        return head, head + string(seed + raw)
    scalar = 0
    while not 0 < scalar < ORDER:
        scalar = int.from_bytes(os.urandom(32), "big")
    public = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    head = string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(point)
    return head, head + mpint(scalar)


def private_file(public, private, comment):
    check = os.urandom(4)
    inner = check + check + private + string(comment.encode())
    inner += bytes(range(1, 1 + -len(inner) % 8))
    data = b"openssh-key-v1\0" + string(b"none") + string(b"none") + string(b"") + struct.pack("!I", 1)
    text = base64.b64encode(data + string(public) + string(inner)).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", ""])


def public_file(public, comment):
    name = public[4 : 4 + struct.unpack_from("!I", public)[0]].decode()
    return f"{name} {base64.b64encode(public).decode()} {comment}\n"


def fingerprint(public):
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


def picture(public, title):
    """The walk of the drunken bishop over 17 × 9 squares."""
    field = [[0] * 9 for _ in range(17)]
    x, y = 8, 4
    symbols = " .o+=*BOX@%&#/^SE"
    for byte in hashlib.sha256(public).digest():
        for _ in range(4):
            x = min(max(x + (1 if byte & 1 else -1), 0), 16)
            y = min(max(y + (1 if byte & 2 else -1), 0), 8)
            if field[x][y] < len(symbols) - 3:
                field[x][y] += 1
            byte >>= 2
    field[8][4] = len(symbols) - 2
    field[x][y] = len(symbols) - 1
    rows = ["|" + "".join(symbols[field[x][y]] for x in range(17)) + "|" for y in range(9)]
    return "\n".join([edge(title), *rows, edge("SHA256")])


def edge(text):
    return "+" + ("-" * ((15 - len(text)) // 2) + f"[{text}]").ljust(17, "-") + "+"


def report(kind, public, comment):
    """What `ssh-keygen -t KIND -f PATH` prints."""
    file = path(kind)
    return (
        f"Generating public/private {kind} key pair.\n"
        f"Your identification has been saved in {file}\n"
        f"Your public key has been saved in {file}.pub\n"
        f"The key fingerprint is:\n{fingerprint(public)} {comment}\n"
        f"The key's randomart image is:\n{picture(public, TITLES[kind])}\n"
    )
