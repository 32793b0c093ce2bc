"""One interface: link, DHCP lease (RFC 2131), address and routes, as dhclient and its script would set them."""

import fcntl
import os
import select
import socket
import struct
import time

COOKIE = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
# What /etc/dhcp/dhclient.conf asks for.
WANTED = bytes([1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42])
# Options in the order and with the names of dhclient's lease file: (code, name, kind).
NAMES = [
    (1, "subnet-mask", "ip"),
    (3, "routers", "ips"),
    (51, "dhcp-lease-time", "int"),
    (26, "interface-mtu", "int"),
    (121, "rfc3442-classless-static-routes", "bytes"),
    (53, "dhcp-message-type", "int"),
    (6, "domain-name-servers", "ips"),
    (54, "dhcp-server-identifier", "ip"),
    (58, "dhcp-renewal-time", "int"),
    (42, "ntp-servers", "ips"),
    (28, "broadcast-address", "ip"),
    (59, "dhcp-rebinding-time", "int"),
    (12, "host-name", "text"),
    (15, "domain-name", "text"),
    (119, "domain-search", "names"),
]


class Rtnetlink:
    """A socket for route messages; with `groups` it hears what happens to links."""

    def __init__(self, groups=0):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self.socket.bind((0, groups))
        self.sequence = 1

    def call(self, kind, flags, body, attributes):
        for code, value in attributes:
            body += struct.pack("HH", len(value) + 4, code) + value + b"\0" * (-len(value) % 4)
        self.sequence += 1
        # NLM_F_REQUEST | NLM_F_ACK
        self.socket.send(struct.pack("IHHII", len(body) + 16, kind, flags | 5, self.sequence, 0) + body)
        answer = self.socket.recv(65536)
        if struct.unpack_from("H", answer, 4)[0] == 2:
            error = -struct.unpack_from("i", answer, 16)[0]
            # EEXIST
            if error not in (0, 17):
                raise OSError(error, os.strerror(error))


def link_up(name, mtu=None):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = name.encode().ljust(16, b"\0")
        flags = struct.unpack_from("H", fcntl.ioctl(s, 0x8913, request + bytes(16)), 16)[0]
        if mtu:
            fcntl.ioctl(s, 0x8922, request + struct.pack("i", mtu) + bytes(12))
        if not flags & 1:
            fcntl.ioctl(s, 0x8914, request + struct.pack("H", flags | 1) + bytes(14))


def hardware_address(name):
    with open(f"/sys/class/net/{name}/address") as file:
        return bytes.fromhex(file.read().strip().replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(payload):
    """IPv4 and UDP from 0.0.0.0:68 to 255.255.255.255:67."""
    udp = struct.pack("!HHHH", 68, 67, len(payload) + 8, 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0x10, len(udp) + 20, 0, 0, 128, 17, 0, bytes(4), b"\xff" * 4)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def message(kind, xid, mac, seconds, more=b""):
    head = struct.pack("!BBBB4sHH16x16s192x", 1, 1, 6, 0, xid, seconds, 0, mac)
    options = bytes([53, 1, kind]) + more + bytes([55, len(WANTED)]) + WANTED + b"\xff"
    return (head + COOKIE + options).ljust(300, b"\0")


def parse(packet, xid, mac):
    """The options of a DHCP answer to us and the address that it gives, or nothing."""
    if len(packet) < 28 or packet[9] != 17 or packet[0] >> 4 != 4:
        return None
    start = (packet[0] & 15) * 4
    if struct.unpack_from("!HH", packet, start) != (67, 68):
        return None
    reply = packet[start + 8 : start + struct.unpack_from("!H", packet, start + 4)[0]]
    if len(reply) < 240 or reply[0] != 2 or reply[4:8] != xid or reply[28:34] != mac or reply[236:240] != COOKIE:
        return None
    options = {}
    at = 240
    while at + 1 < len(reply) and reply[at] != 255:
        if reply[at] == 0:
            at += 1
            continue
        size = reply[at + 1]
        # RFC 3396: an option that occurs again goes on.
        options[reply[at]] = options.get(reply[at], b"") + reply[at + 2 : at + 2 + size]
        at += 2 + size
    return reply[16:20], options


def obtain_lease(name):
    """Asks until a server gives a lease. Returns the address and the options, both raw."""
    mac = hardware_address(name)
    # ETH_P_IP
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as s:
        s.bind((name, 0x0800))
        s.setblocking(False)
        wait = 0.5
        began = time.monotonic()
        xid = os.urandom(4)
        kind, more, offered = DISCOVER, b"", None
        refused = 0
        while True:
            seconds = int(time.monotonic() - began)
            try:
                s.sendto(datagram(message(kind, xid, mac, seconds, more)), (name, 0x0800, 0, 1, b"\xff" * 6))
            except OSError:
                pass
            until = time.monotonic() + wait
            answered = False
            while not answered:
                left = until - time.monotonic()
                if left <= 0 or not select.select([s], [], [], left)[0]:
                    break
                answer = parse(s.recv(4096), xid, mac)
                if not answer:
                    continue
                address, options = answer
                said = options.get(53, b"\0")[0]
                if kind == DISCOVER and said == OFFER:
                    kind, offered = REQUEST, address
                    more = bytes([50, 4]) + address + bytes([54, 4]) + options.get(54, bytes(4))
                    answered = True
                elif kind == REQUEST and said == ACK and address == offered:
                    return address, options
                elif kind == REQUEST and said == NAK:
                    kind, more, answered = DISCOVER, b"", True
                    refused += 1
                    time.sleep(min(refused, 10) * 0.1)
            if not answered:
                wait = min(wait * 2, 8)
                if kind == REQUEST and wait >= 4:
                    kind, more = DISCOVER, b""


def ip(raw):
    return socket.inet_ntoa(raw)


def ips(raw):
    return [ip(raw[at : at + 4]) for at in range(0, len(raw) - 3, 4)]


def names(raw):
    """RFC 1035 names, compressed (RFC 3397)."""
    found = []
    at = 0
    while at < len(raw):
        labels, here, jumps = [], at, 0
        end = None
        while here < len(raw) and raw[here] and jumps < 20:
            if raw[here] >= 192 and here + 1 < len(raw):
                end = end if end is not None else here + 2
                here = ((raw[here] & 63) << 8) | raw[here + 1]
                jumps += 1
            else:
                labels.append(raw[here + 1 : here + 1 + raw[here]].decode("ascii", "replace"))
                here += 1 + raw[here]
        at = end if end is not None else here + 1
        found.append(".".join(labels))
    return found


def value(kind, raw):
    """As text in the syntax of a lease file."""
    if kind == "ip":
        return ip(raw)
    if kind == "ips":
        return ",".join(ips(raw))
    if kind == "int":
        return str(int.from_bytes(raw, "big"))
    if kind == "bytes":
        return ",".join(map(str, raw))
    if kind == "names":
        return ", ".join(f'"{name}."' for name in names(raw))
    return '"%s"' % raw.rstrip(b"\0").decode("utf-8", "replace").replace('"', "")


class Lease:
    def __init__(self, interface, address, options):
        self.interface = interface
        self.address = ip(address)
        self.raw = options
        self.obtained = time.time()
        self.options = {name: value(kind, options[code]) for code, name, kind in NAMES if options.get(code)}

    def number(self, code, default):
        return int.from_bytes(self.raw[code], "big") if code in self.raw else default

    def text(self, code):
        return self.raw.get(code, b"").rstrip(b"\0").decode("utf-8", "replace")

    @property
    def prefix(self):
        mask = self.raw.get(1) or b"\xff\xff\xff\0"
        return bin(int.from_bytes(mask, "big")).count("1")

    @property
    def broadcast(self):
        if 28 in self.raw:
            return self.raw[28]
        host = (1 << (32 - self.prefix)) - 1
        return (int.from_bytes(socket.inet_aton(self.address), "big") | host).to_bytes(4, "big")

    def routes(self):
        """(destination, prefix, gateway); RFC 3442's replace the router."""
        found, raw, at = [], self.raw.get(121, b""), 0
        while at < len(raw):
            size = (raw[at] + 7) // 8
            destination = raw[at + 1 : at + 1 + size].ljust(4, b"\0")
            found.append((destination, raw[at], raw[at + 1 + size : at + 5 + size]))
            at += 5 + size
        return found or [(bytes(4), 0, socket.inet_aton(router)) for router in ips(self.raw.get(3, b""))[:1]]

    def apply(self):
        """Sets the address with its lifetime, the routes and /etc/resolv.conf."""
        mtu = self.number(26, 0)
        if mtu > 576:
            link_up(self.interface, mtu)
        index = socket.if_nametoindex(self.interface)
        address = socket.inet_aton(self.address)
        seconds = self.number(51, 0xFFFFFFFF)
        label = self.interface.encode() + b"\0"
        life = struct.pack("IIII", seconds, seconds, 0, 0)
        link = Rtnetlink()
        # RTM_NEWADDR: IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO
        link.call(
            20,
            0x600,
            struct.pack("BBBBI", 2, self.prefix, 0, 0, index),
            [(1, address), (2, address), (3, label), (4, self.broadcast), (6, life)],
        )
        for destination, prefix, gateway in self.routes():
            direct = gateway == bytes(4)
            attributes = [(4, struct.pack("I", index))] + ([] if direct else [(5, gateway)])
            if not direct and self.prefix == 32:
                self.route(link, index, gateway, 32, [(4, struct.pack("I", index))], True)
            self.route(link, index, destination, prefix, attributes, direct)
        link.socket.close()
        self.write_resolver()

    @staticmethod
    def route(link, index, destination, prefix, attributes, direct):
        # RTM_NEWROUTE in the main table, RTPROT_BOOT, scope link or universe, unicast; RTA_DST
        body = struct.pack("BBBBBBBBI", 2, prefix, 0, 0, 254, 3, 253 if direct else 0, 1, 0)
        link.call(24, 0x600, body, ([(1, destination)] if prefix else []) + attributes)

    def write_resolver(self):
        domain = self.text(15)
        search = names(self.raw.get(119, b""))
        if not (domain or search or 6 in self.raw):
            return
        lines = []
        if domain:
            lines.append(f"domain {domain.split(' ')[0]}")
            if domain not in search:
                search = [domain, *search]
        if search:
            lines.append("search " + " ".join(search))
        lines += [f"nameserver {server}" for server in ips(self.raw.get(6, b""))]
        with open("/etc/resolv.conf", "w") as file:
            file.write("\n".join(lines) + "\n")

    def fields(self):
        """As cloud-init reads it out of a lease file."""
        found = {"interface": self.interface, "fixed-address": self.address}
        found.update({name: text.replace('"', "") for name, text in self.options.items()})
        return {**found, **self.times()}

    def times(self):
        total = self.number(51, 0)
        if not total:
            return {}
        renew = self.number(58, total // 2)
        rebind = self.number(59, total * 7 // 8)
        moments = (("renew", renew), ("rebind", rebind), ("expire", total))
        stamp = "%w %Y/%m/%d %H:%M:%S"
        return {name: time.strftime(stamp, time.gmtime(self.obtained + after)) for name, after in moments}

    def file(self):
        """For /var/lib/dhcp/dhclient.eth0.leases: dhclient goes on with it."""
        lines = ["lease {", f'  interface "{self.interface}";', f"  fixed-address {self.address};"]
        lines += [f"  option {name} {text};" for name, text in self.options.items()]
        lines += [f"  {name} {text};" for name, text in self.times().items()]
        return "\n".join(lines) + "\n}\n"
