"""cloud-init's boot stages in children of a process that has loaded everything before."""

import base64
import ctypes
import gc
import glob
import http.client
import os
import pickle
import random
import signal
import socket
import stat
import sys
import threading
import time

import email.generator  # noqa: F401
import encodings.idna  # noqa: F401
import jinja2.ext  # noqa: F401
import netrc  # noqa: F401

from cloudinit import safeyaml, stages, subp, type_utils, url_helper, util, version
from cloudinit import importer, config as config_package
from cloudinit.cmd import main as cloud_init
from cloudinit.config import cc_growpart, cc_ssh, schema
from cloudinit.distros import ug_util
from cloudinit.net import dhcp, ephemeral
from cloudinit.sources import DataSourceEc2, DataSourceNone  # noqa: F401
import cloudinit.distros.debian  # noqa: F401
import cloudinit.net.activators  # noqa: F401
import cloudinit.net.eni  # noqa: F401

import disk
import hostkeys
import metadata

UNITS = {
    "local": ("cloud-init-local.service", ["init", "--local"]),
    "networking": ("networking.service", []),
    "init": ("cloud-init.service", ["init"]),
    "config": ("cloud-config.service", ["modules", "--mode=config"]),
    "final": ("cloud-final.service", ["modules", "--mode=final"]),
}
RUN = "/run/ec2-warm"
# A name for the root disk that udev does not watch.
DISK_NODE = "/dev/.ec2-warm-disk"

libc = ctypes.CDLL(None, use_errno=True)
real_subp = subp.subp


class Known:
    """What the children need to know of this instance."""

    lease = None
    # Kind to public blob, when the host keys have been made for this instance.
    keys = {}
    comment = ""
    # The sudo rules were written for this instance already.
    sudo = False


class Defaults:
    def __init__(self):
        init = stages.Init()
        init.read_cfg()
        self.distro = init.distro
        self.cfg = init.cfg
        users, _groups = ug_util.normalize_users_groups(self.cfg, self.distro)
        self.user, self.config = ug_util.extract_default(users)


def preload():
    """Imports every module of the configured stages and remembers what reading the settings gives."""
    defaults = Defaults()
    for section in ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules"):
        for name in defaults.cfg.get(section, []):
            text = name if isinstance(name, str) else name[0]
            found, _looked = importer.find_module(
                "cc_" + text.replace("-", "_"), ["", type_utils.obj_name(config_package)], ["handle"]
            )
            for module in found:
                importer.import_module(module)
    for command in (["lsb_release", "--all"], ["dpkg", "--print-architecture"], ["growpart", "--help"]):
        try:
            replayed[tuple(command)] = real_subp(command)
        except subp.ProcessExecutionError:
            pass
    util.get_dpkg_architecture.cache_clear()
    # It is running when it is asked, and what is printed is not looked at.
    replayed[("systemctl", "status", "ssh")] = ("", "")
    replayed[("ifup", "eth0")] = ("", "ifup: interface eth0 already configured\n")
    return defaults


replayed = {}


def quick_subp(args, *rest, **named):
    """Commands whose result is known, or that are one system call, without a process."""
    key = tuple(args) if isinstance(args, (list, tuple)) else None
    if key and not named.get("data") and named.get("capture", True):
        if key in replayed:
            log_command(args, named)
            return replayed[key]
        if key[0] == "hostname" and len(key) == 2:
            log_command(args, named)
            socket.sethostname(key[1])
            return "", ""
        if key[0] == "resize2fs" and len(key) == 2:
            try:
                disk.grow_file_system(key[1])
                log_command(args, named)
                return "", ""
            except OSError:
                pass
        if key[0] == "ssh-keygen" and "-t" in key:
            kind = key[key.index("-t") + 1]
            if key[-1] == hostkeys.path(kind) and kind in hostkeys.TYPES:
                log_command(args, named)
                return host_key(kind), ""
        if key[0] == "/usr/lib/cloud-init/write-ssh-key-fingerprints" and key[1] == "":
            text = show_keys(*key[1:])
            if text:
                log_command(args, named)
                return text, ""
        if key[:2] == ("passwd", "-l") and is_locked(key[2]):
            log_command(args, named)
            return "passwd: password expiry information changed.\n", ""
    return real_subp(args, *rest, **named)


def inside(module, source):
    """Defines functions that belong to a module of cloud-init: its log names the file that writes a line."""
    exec(compile(source, module.__file__, "exec"), module.__dict__)


inside(
    subp,
    """
def log_command(args, named):
    LOG.debug(
        "Running command %s with allowed return codes %s (shell=%s, capture=%s)",
        args,
        named.get("rcs") or [0],
        named.get("shell", False),
        named.get("capture", True),
    )
""",
)
log_command = subp.log_command

inside(
    url_helper,
    """
def log_open(i, tries, url, arguments):
    LOG.debug("[%s/%s] open '%s' with %s configuration", i, tries, url, arguments)


def log_read(url, code, size):
    LOG.debug("Read from %s (%s, %sb) after %s attempts", url, code, size, 1)


class QuickResponse(UrlResponse):
    def __init__(self, url, code, headers, contents):
        self.values = url, code, headers, contents

    url = property(lambda self: self.values[0])
    code = property(lambda self: self.values[1])
    headers = property(lambda self: self.values[2])
    contents = property(lambda self: self.values[3])

    def __str__(self):
        return self.contents.decode()

    def iter_content(self, chunk_size=1, decode_unicode=False):
        yield self.contents
""",
)


class Service:
    """The metadata service by one connection. An answer that is not a plain success is asked for again by
    cloud-init's own means."""

    connection = None
    lock = threading.Lock()


def quick_readurl(url, data=None, timeout=None, retries=0, headers=None, headers_cb=None, headers_redact=None, **more):
    plain = not data and not more.get("stream") and not more.get("ssl_details") and not more.get("session")
    if plain and headers_cb and url.startswith(f"http://{metadata.HOST}/") and Service.lock.acquire(blocking=False):
        try:
            sent = headers_cb(url)
            method = more.get("request_method") or "GET"
            if Service.connection is None:
                Service.connection = http.client.HTTPConnection(metadata.HOST, timeout=5)
            plain_headers = {"User-Agent": f"Cloud-Init/{version.version_string()}", **sent}
            Service.connection.request(method, url[len(f"http://{metadata.HOST}") :], headers=plain_headers)
            response = Service.connection.getresponse()
            contents = response.read()
            if response.status == 200:
                if more.get("log_req_resp", True):
                    shown = {"url": url, "stream": False, "allow_redirects": True, "method": method}
                    if timeout is not None:
                        shown["timeout"] = max(float(timeout), 0)
                    hidden = headers_redact or []
                    shown["headers"] = {
                        key: url_helper.REDACTED if key in hidden else text for key, text in sent.items()
                    }
                    url_helper.log_open(0, max(int(retries) + 1, 1), url, shown)
                url_helper.log_read(url, 200, len(contents))
                return url_helper.QuickResponse(url, 200, dict(response.headers.items()), contents)
        except (OSError, http.client.HTTPException):
            Service.connection = None
        finally:
            Service.lock.release()
    return real_readurl(
        url, data, timeout, retries, headers=headers, headers_cb=headers_cb, headers_redact=headers_redact, **more
    )


real_readurl = url_helper.readurl


def show_keys(_fingerprints, blocked):
    """What write-ssh-key-fingerprints logs and prints, or nothing when there is a key of another kind."""
    lines, keys = [], []
    for path in sorted(glob.glob("/etc/ssh/ssh_host_*key.pub")):
        with open(path) as file:
            text = file.read()
        kind, blob, comment = (text.strip() + "  ").split(" ", 2)
        title = {"ssh-ed25519": "ED25519", "ecdsa-sha2-nistp256": "ECDSA"}.get(kind)
        if not title:
            return None
        print_of = hostkeys.fingerprint(base64.b64decode(blob))
        lines.append(f"256 {print_of} {comment.strip() or 'no comment'} ({title})")
        if kind not in blocked.split(","):
            keys.append(text)
    line = "#" * 61
    begin, end = "-----BEGIN SSH HOST KEY FINGERPRINTS-----", "-----END SSH HOST KEY FINGERPRINTS-----"
    shown = [line, begin, *lines, end, line]
    stamp = time.strftime("%b %e %H:%M:%S")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.connect("/dev/log")
        for text in shown:
            log.send(f"<14>{stamp} cloud-init: {text}".encode())
    text = "".join(f"<14>{stamp} cloud-init: {text}\n" for text in shown)
    if keys:
        text += "-----BEGIN SSH HOST KEY KEYS-----\n" + "".join(keys) + "-----END SSH HOST KEY KEYS-----\n"
    return text


def is_locked(user):
    with open("/etc/shadow") as file:
        return any(line.startswith(f"{user}:!") for line in file)


def write_host_key(kind, public, private, comment):
    """The name appears with the whole content."""
    path = hostkeys.path(kind)
    for name, text, mode in (
        (path, hostkeys.private_file(public, private, comment), 0o600),
        (path + ".pub", hostkeys.public_file(public, comment), 0o644),
    ):
        fd = os.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        os.write(fd, text.encode())
        os.fchmod(fd, mode)
        os.close(fd)
        os.rename(name + ".new", name)


def host_key(kind):
    comment = Known.comment or f"root@{socket.gethostname()}"
    if kind not in Known.keys:
        public, private = hostkeys.make(kind)
        write_host_key(kind, public, private, comment)
        Known.keys[kind] = public
    return hostkeys.report(kind, Known.keys[kind], comment)


class KeptKeys:
    """For cc_ssh: the keys that lie there are this instance's own; they count as missing, so that making them is
    reported as always."""

    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        return getattr(self.module, name)

    def glob(self, pattern):
        return [] if pattern == "/etc/ssh/ssh_host_*key*" else self.module.glob(pattern)


class PathWithoutKeys:
    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        return getattr(self.module, name)

    def exists(self, path):
        return path not in [hostkeys.path(kind) for kind in Known.keys] and self.module.exists(path)


class OsWithoutKeys:
    def __init__(self, module):
        self.module = module
        self.path = PathWithoutKeys(module.path)

    def __getattr__(self, name):
        return getattr(self.module, name)


inside(
    dhcp,
    """
def discovered(_path, interface, log_func=None):
    LOG.debug("Performing a dhcp discovery on %s", interface)
    return [KNOWN.lease.fields()]
""",
)
dhcp.KNOWN = Known

inside(
    ephemeral,
    """
def keep_address(self):
    LOG.debug("Skip ephemeral network setup, %s already has address %s", self.interface, self.ip)
""",
)


def grow(self, diskdev, partnum, partdev):
    before = disk.size_of(partdev)
    try:
        os.mknod(DISK_NODE, stat.S_IFBLK | 0o600, os.stat(diskdev).st_rdev)
        try:
            disk.grow_partition(int(partnum), DISK_NODE)
        finally:
            os.remove(DISK_NODE)
    except (OSError, ValueError):
        return real_grow(self, diskdev, partnum, partdev)
    return before, disk.size_of(partdev)


real_grow = cc_growpart.ResizeGrowPart.resize


def sudo_once(self, user, rules, sudo_file=None):
    if not Known.sudo:
        real_sudo(self, user, rules, sudo_file)
    Known.sudo = False


real_sudo = cloudinit.distros.debian.Distro.write_sudo_rules


def patch():
    """Only speed and what was done before the stages began; results and logs are to stay the same."""
    memo = {}
    load = safeyaml.load

    def load_once(blob):
        if blob not in memo:
            memo[blob] = pickle.dumps(load(blob))
        return pickle.loads(memo[blob])

    safeyaml.load = load_once
    full = schema.get_schema()
    validator = schema.get_jsonschema_validator()
    schema.get_schema = lambda: full
    schema.get_jsonschema_validator = lambda: validator
    subp.subp = quick_subp
    url_helper.readurl = quick_readurl
    dhcp.dhcp_discovery = dhcp.discovered
    ephemeral.EphemeralIPv4Network.__enter__ = ephemeral.keep_address
    cc_growpart.ResizeGrowPart.resize = grow
    cloudinit.distros.debian.Distro.write_sudo_rules = sudo_once


def set_priority(pid, nice):
    """A login at the same time goes before what is nice. Priorities weigh within a session, the second file between
    sessions."""
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    try:
        with open(f"/proc/{pid}/autogroup", "w") as file:
            file.write(str(nice))
    except OSError:
        pass


def client_of(name):
    with open(f"{RUN}/{name}.pid") as file:
        return int(file.read())


def take_place_of(name):
    """Control group, environment and output of the process that systemd started for a stage."""
    unit = UNITS[name][0]
    client = client_of(name)
    with open(f"/sys/fs/cgroup/system.slice/{unit}/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
    with open(f"/proc/{client}/environ", "rb") as file:
        variables = [pair.split(b"=", 1) for pair in file.read().split(b"\0") if b"=" in pair]
    os.environb.clear()
    os.environb.update({key: text for key, text in variables if key not in (b"PWD", b"_", b"OLDPWD")})
    pidfd = os.pidfd_open(client)
    # pidfd_getfd
    for number in (1, 2):
        fd = libc.syscall(438, pidfd, number, 0)
        if fd >= 0:
            os.dup2(fd, number)
            os.close(fd)
    os.close(pidfd)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def fork_stage(name):
    """Starts a stage; returns the child's id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        gc.disable()
        os.setsid()
        if name != "final":
            set_priority(os.getpid(), 15)
        take_place_of(name)
        random.seed()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # PR_SET_NAME
        libc.prctl(15, b"cloud-init", 0, 0, 0)
        os.umask(0o022)
        os.environ.setdefault("TZ", ":/etc/localtime")
        if name == "init" and Known.keys:
            cc_ssh.glob = KeptKeys(cc_ssh.glob)
            cc_ssh.os = OsWithoutKeys(os)
        sys.argv = ["/usr/bin/cloud-init", *UNITS[name][1]]
        status = cloud_init.main(list(sys.argv)) or 0
        status = int(status)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:
            pass
        os._exit(min(max(status, 0), 255))


def wait_stage(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def fork_program(name, arguments):
    """Starts a program in the place of a stage; returns the child's id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        take_place_of(name)
        os.execvp(arguments[0], arguments)
    finally:
        os._exit(1)


released = set()


def release(name, status=0):
    """Lets the process that stands for a stage end."""
    released.add(name)
    with open(f"{RUN}/{name}", "w") as fifo:
        fifo.write(f"{status if status >= 0 else 1}\n")


def user_keys_possible(user_data):
    """Whether a login as the default user with the key pair is what the user data leads to, before it is read."""
    if not user_data or user_data.startswith(b"#!"):
        return True
    if not user_data.startswith(b"#cloud-config"):
        return False
    words = (b"ssh", b"user", b"group", b"system_info", b"bootcmd", b"disable_root", b"hostname", b"fqdn", b"merge")
    return not any(word in user_data for word in words)
