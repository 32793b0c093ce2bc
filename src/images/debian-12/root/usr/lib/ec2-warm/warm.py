import calendar
import ctypes
import fcntl
import gc
import glob
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
import traceback

from cloudinit import ssh_util, util

import hostkeys
import metadata
import network
import stages
from stages import RUN, Known, release

HELD = {f"{unit}" for unit, _arguments in stages.UNITS.values()} | {"ssh.service"}
INTERFACE = "eth0"
ACCOUNTS = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"]
PLAIN_NETWORK = ["auto lo", "iface lo inet loopback", f"auto {INTERFACE}", f"iface {INTERFACE} inet dhcp"]
SEED = "/var/lib/systemd/random-seed"
SSHD_GATE = hostkeys.path("ecdsa")


def quiet(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def output(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


def sleeps_at(pid):
    try:
        with open(f"/proc/{pid}/wchan") as file:
            return file.read()
    except OSError:
        return ""


def main():
    server = Server()
    server.freeze()
    try:
        server.start()
    except Exception:
        traceback.print_exc()
        server.start_slowly()
    server.finish()


class Server:
    def __init__(self):
        # sshd waits at it for its keys.
        self.gate = os.open(SSHD_GATE, os.O_PATH | os.O_CLOEXEC)
        self.gate_open = False
        self.defaults = stages.preload()
        stages.patch()
        stages.Defaults()
        for kind in hostkeys.TYPES:
            hostkeys.make(kind)

    # Before the machine is copied

    def freeze(self):
        for module in ("virtio_net", "af_packet"):
            quiet("modprobe", module)
        self.add_user()
        self.wait_for_quiet()
        self.warm_up()
        self.sshd = int(output("systemctl", "show", "-P", "MainPID", "ssh.service"))
        self.sessions = set(os.listdir("/run/systemd/sessions"))
        self.links = network.Rtnetlink(1)
        self.clean_up()
        gc.collect()
        gc.freeze()
        self.print_ready()

    def add_user(self):
        os.makedirs(f"{RUN}/accounts", exist_ok=True)
        for name in ACCOUNTS:
            for file in (name, name + "-"):
                if os.path.exists(f"/etc/{file}"):
                    shutil.copy2(f"/etc/{file}", f"{RUN}/accounts/{file}")
                    owner = os.stat(f"/etc/{file}")
                    os.chown(f"{RUN}/accounts/{file}", owner.st_uid, owner.st_gid)
        self.added = not util.is_user(self.defaults.user)
        self.defaults.distro.add_user(self.defaults.user, **dict(self.defaults.config))

    def remove_user(self):
        """Back to accounts without the default user: the user data says which there are to be."""
        import pwd

        home = pwd.getpwnam(self.defaults.user)
        quiet("systemctl", "stop", f"user@{home.pw_uid}.service")
        for name in os.listdir(f"{RUN}/accounts"):
            saved = os.stat(f"{RUN}/accounts/{name}")
            shutil.copy2(f"{RUN}/accounts/{name}", f"/etc/{name}")
            os.chown(f"/etc/{name}", saved.st_uid, saved.st_gid)
        shutil.rmtree(home.pw_dir, ignore_errors=True)

    def wait_for_quiet(self):
        """Until systemd has nothing left to do but what waits for this process."""
        calm = 0
        while calm < 3:
            time.sleep(0.5)
            jobs = [line.split() for line in output("systemctl", "list-jobs", "--no-legend").splitlines()]
            running = {job[1] for job in jobs if job[-1] == "running"}
            calm = calm + 1 if running == HELD else 0
        quiet("udevadm", "settle")

    def warm_up(self):
        """A login by SSH with all that belongs to it, and what the stages run: their pages are in memory then."""
        user = self.defaults.user
        quiet("loginctl", "enable-linger", user)
        folder = f"{RUN}/login"
        os.mkdir(folder, 0o700)
        for name in ("host", "key"):
            quiet("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}")
        shutil.copy(f"{folder}/key.pub", "/run/ec2-warm.pub")
        os.chmod("/run/ec2-warm.pub", 0o644)
        # Without TCP: the secrets that the kernel draws for its first connection must be those of the instance.
        daemon = f"/usr/sbin/sshd -i -o HostKey={folder}/host -o AuthorizedKeysFile=/run/ec2-warm.pub"
        client = ["ssh", "-q", "-i", f"{folder}/key", "-o", "BatchMode=yes", "-o", f"ProxyCommand={daemon}"]
        client += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        for command in ("date", "sudo -n true"):
            quiet(*client, f"{user}@localhost", command)
        shutil.rmtree(folder)
        os.remove("/run/ec2-warm.pub")
        for path in glob.glob("/var/lib/systemd/linger/*"):
            os.remove(path)
        quiet("/usr/lib/cloud-init/write-ssh-key-fingerprints", "", "ssh-dss")
        quiet("dhclient", "--version")
        quiet("ip", "--json", "addr")
        for path in ("/sbin/dhclient", "/sbin/dhclient-script", "/lib/systemd/systemd-update-utmp", "/usr/bin/date"):
            with open(path, "rb") as file:
                file.read()

    def clean_up(self):
        """Nothing that belongs to one boot or one machine may be left, on disk or in memory."""
        gate = f"{RUN}/journald"
        os.mkfifo(gate, 0o600)
        with open("/run/machine-id") as file:
            self.template = file.read().strip()[::-1]
        ctypes.CDLL(None).umount2(b"/etc/machine-id", 2)
        os.truncate("/etc/machine-id", 0)
        quiet("journalctl", "--sync")
        quiet("systemctl", "restart", "--no-block", "systemd-journald.service")
        self.wait_at_gates()
        self.journal = int(output("systemctl", "show", "-P", "MainPID", "systemd-journald.service"))
        self.journal_gate = os.open(gate, os.O_PATH | os.O_CLOEXEC)
        os.remove(gate)
        for folder in ("/run/log/journal", "/var/log/journal"):
            for name in os.listdir(folder):
                shutil.rmtree(os.path.join(folder, name))
        # What udev has to do for a new interface can wait until there was time for a login.
        self.udev = int(output("systemctl", "show", "-P", "MainPID", "systemd-udevd.service"))
        os.kill(self.udev, signal.SIGSTOP)
        for path in ("/run/systemd/journal/kernel-seqnum", SEED, "/run/log/lastlog"):
            if os.path.exists(path):
                os.remove(path)
        open("/run/systemd/journal/flushed", "w").close()
        for path in ("/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"):
            os.truncate(path, 0)
        os.sync()

    @staticmethod
    def wait_at_gates():
        """Until each process that a FIFO holds has opened it and sleeps there."""
        services = ["ssh.service", "systemd-journald.service"]
        pids = {stages.client_of(name) for name in stages.UNITS}
        waiting = False
        while not waiting:
            time.sleep(0.1)
            main = {int(output("systemctl", "show", "-P", "MainPID", service)) for service in services}
            waiting = all(pid and sleeps_at(pid) == "wait_for_partner" for pid in pids | main)

    def print_ready(self):
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot_id = file.read().strip()
        fd = os.open("/dev/ttyS0", os.O_WRONLY | os.O_NOCTTY)
        os.write(fd, f"ec2-warm: ready boot_id={boot_id} machine_id={self.template[::-1]}\n".encode())
        os.close(fd)
        del boot_id

    # In each copy

    def start(self):
        while not os.path.exists(f"/sys/class/net/{INTERFACE}"):
            self.links.socket.recv(65536)
        self.marks = []
        self.mark("go")
        open(f"{RUN}/started", "w").close()
        self.set_clock()
        self.mark("clock")
        self.feed_entropy()
        self.mark("entropy")
        self.bring_up()
        login = self.prepare_login()
        if not login and self.added:
            self.remove_user()
        self.set_machine_id()
        if login:
            self.let_login_pass()
            self.mark("login")
        # The journal sees who sends it lines, so it must not begin long after them; a login goes first.
        stages.set_priority(self.journal, 15)
        self.open_gate(self.journal_gate, b"go\n")
        self.run_stages(login)

    def start_slowly(self):
        """What has not been done yet, by the programs that do it otherwise."""
        if self.gate_open:
            quiet("systemctl", "restart", "--no-block", "ssh.service")
        if stat.S_ISFIFO(os.lstat(SSHD_GATE).st_mode):
            os.remove(SSHD_GATE)
        self.open_gate(self.journal_gate, b"go\n")
        stages.set_priority(self.journal, 0)
        os.kill(self.udev, signal.SIGCONT)
        for name, (_unit, arguments) in stages.UNITS.items():
            if name not in stages.released:
                pid = stages.fork_program(name, ["cloud-init", *arguments] if arguments else ["ifup", "-a"])
                release(name, stages.wait_stage(pid))
        quiet("systemctl", "restart", "--no-block", "ssh.service")

    def mark(self, what):
        self.marks.append((what, time.monotonic(), time.process_time()))

    @staticmethod
    def set_clock():
        fd = os.open("/dev/rtc0", os.O_RDONLY | os.O_CLOEXEC)
        # RTC_RD_TIME
        fields = struct.unpack("9i", fcntl.ioctl(fd, 0x80247009, bytes(36)))
        os.close(fd)
        second, minute, hour, day, month, year = fields[:6]
        moment = calendar.timegm((year + 1900, month + 1, day, hour, minute, second))
        # As the kernel does at boot: on average half a second of it has passed.
        time.clock_settime(time.CLOCK_REALTIME, moment + 0.5)

    @staticmethod
    def feed_entropy():
        try:
            with open("/dev/hwrng", "rb", buffering=0) as source:
                data = source.read(64) or b""
        except OSError:
            data = b""
        # RNDADDENTROPY and RNDRESEEDCRNG
        with open("/dev/urandom", "wb", buffering=0) as pool:
            fcntl.ioctl(pool, 0x40085203, struct.pack("ii", len(data) * 8, len(data)) + data)
            fcntl.ioctl(pool, 0x5207)

    def set_machine_id(self):
        """On EC2 systemd takes it from the machine's UUID."""
        with open("/sys/class/dmi/id/product_uuid") as file:
            machine_id = file.read().strip().replace("-", "").lower()
        if machine_id == self.template[::-1]:
            # The copy was not given a UUID of its own.
            machine_id = os.urandom(16).hex()
        for path in ("/run/machine-id", "/etc/machine-id"):
            with open(path + ".new", "w") as file:
                file.write(machine_id + "\n")
            os.chmod(path + ".new", 0o444)
            os.rename(path + ".new", path)

    @staticmethod
    def write_seed():
        fd = os.open(SEED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(fd, os.urandom(512))
        os.close(fd)

    def bring_up(self):
        network.link_up("lo")
        network.link_up(INTERFACE)
        self.mark("link")
        lease = network.Lease(INTERFACE, *network.obtain_lease(INTERFACE))
        self.mark("lease")
        lease.apply()
        Known.lease = lease
        self.mark("address")

    def prepare_login(self):
        """Keys and rights of the default user, and an SSH server, before cloud-init's stages: when they would come to
        the same."""
        try:
            service = metadata.Metadata()
            if not stages.user_keys_possible(service.get("user-data")):
                return False
            keys = service.public_keys()
            name = (service.get("meta-data/local-hostname") or b"").decode().split(".")[0]
        except (OSError, ValueError):
            return False
        self.mark("metadata")
        if not name:
            return False
        socket.sethostname(name)
        Known.comment = f"root@{name}"
        self.renew_account()
        self.mark("account")
        ssh_util.setup_user_keys(set(keys), self.defaults.user)
        self.mark("authorized")
        self.defaults.distro.write_sudo_rules(self.defaults.user, self.defaults.config["sudo"])
        Known.sudo = True
        self.mark("user")
        for kind in hostkeys.TYPES:
            public, private = hostkeys.make(kind)
            stages.write_host_key(kind, public, private, Known.comment)
            Known.keys[kind] = public
        self.mark("keys")
        with open(SSHD_GATE, "rb") as file:
            self.open_gate(self.gate, file.read())
        self.gate_open = True
        self.mark("sshd")
        return True

    def let_login_pass(self):
        """All that follows would take processor time from somebody who waits to log in. Not long, and only if there
        is somebody."""
        began = time.monotonic()
        while time.monotonic() - began < 2:
            if set(os.listdir("/run/systemd/sessions")) - self.sessions:
                # The user's shell begins.
                time.sleep(0.3)
                return
            with open(f"/proc/{self.sshd}/task/{self.sshd}/children") as file:
                if not file.read() and time.monotonic() - began > 0.6:
                    return
            time.sleep(0.03)

    def renew_account(self):
        """The account was made today."""
        user = self.defaults.user
        with open("/etc/shadow") as file:
            lines = file.read().splitlines()
        fields = [line.split(":") for line in lines]
        today = str(int(time.time() // 86400))
        if any(line[0] == user and line[2] != today for line in fields):
            for line in fields:
                if line[0] == user:
                    line[2] = today
            with open("/etc/shadow", "w") as file:
                file.write("".join(":".join(line) + "\n" for line in fields))
        home = f"/home/{user}"
        paths = [f"/etc/{name}" for name in ACCOUNTS] + [home]
        for path in paths + [os.path.join(home, name) for name in os.listdir(home) if name == ".ssh"]:
            os.utime(path)

    @staticmethod
    def open_gate(path_fd, content):
        """Lets the process go on that waits to read a FIFO, which may have no name any more."""
        try:
            fd = os.open(f"/proc/self/fd/{path_fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            # Nobody waits any more.
            return
        os.write(fd, content)
        os.close(fd)

    def run_stages(self, login):
        release("local", stages.wait_stage(stages.fork_stage("local")))
        self.mark("local")
        self.write_seed()
        stages.set_priority(self.journal, 0)
        os.kill(self.udev, signal.SIGCONT)
        client = None
        if self.plain_network():
            self.set_up_ifupdown()
            client = self.fork_client()
            os.waitpid(client, os.WUNTRACED)
            release("networking")
        else:
            release("networking", stages.wait_stage(stages.fork_program("networking", ["ifup", "-a"])))
        self.wait_for_udev()
        self.mark("udev")
        status = stages.wait_stage(stages.fork_stage("init"))
        self.mark("init")
        release("init", status)
        if not login:
            quiet("systemctl", "restart", "--no-block", "ssh.service")
        release("config", stages.wait_stage(stages.fork_stage("config")))
        self.mark("config")
        release("final", stages.wait_stage(stages.fork_stage("final")))
        self.mark("final")
        if client:
            os.kill(client, signal.SIGCONT)
            os.waitpid(client, 0)

    @staticmethod
    def wait_for_udev():
        """Until other disks have the names that their user chose."""
        if all(name in ("vda", "vda1", "vda14") for name in os.listdir("/sys/class/block") if name[:2] == "vd"):
            return
        until = time.monotonic() + 10
        time.sleep(0.05)
        while os.path.exists("/run/udev/queue") and time.monotonic() < until:
            time.sleep(0.02)

    @staticmethod
    def plain_network():
        """Whether the settings ask for nothing but the lease that there is."""
        text = b""
        for path in sorted(glob.glob("/etc/network/interfaces.d/*")):
            with open(path, "rb") as file:
                text += file.read()
        lines = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
        return lines == PLAIN_NETWORK

    @staticmethod
    def set_up_ifupdown():
        """What `ifup -a` leaves behind."""
        os.makedirs("/run/network", exist_ok=True)
        for name, text in (("ifstate", "lo=lo\neth0=eth0\n"), ("ifstate.lo", "lo\n"), ("ifstate.eth0", "eth0\n")):
            with open(f"/run/network/{name}", "w") as file:
                file.write(text)
        with open(f"/var/lib/dhcp/dhclient.{INTERFACE}.leases", "w") as file:
            file.write(Known.lease.file())

    @staticmethod
    def fork_client():
        """The DHCP client that keeps the lease, as ifupdown starts it; it may begin when it disturbs nobody."""
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            stages.take_place_of("networking")
            os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
            os.kill(os.getpid(), signal.SIGSTOP)
            leases = "/var/lib/dhcp/dhclient"
            arguments = ["-4", "-v", "-i", "-pf", f"/run/dhclient.{INTERFACE}.pid", "-lf"]
            arguments += [f"{leases}.{INTERFACE}.leases", "-I", "-df", f"{leases}6.{INTERFACE}.leases", INTERFACE]
            os.execv("/sbin/dhclient", ["dhclient", *arguments])
        finally:
            os._exit(1)

    def finish(self):
        """Nothing of the time before is left when the boot has ended: units are those on disk again."""
        if os.path.exists("/run/ec2-warm/debug"):
            self.write_times()
        quiet("systemctl", "is-system-running", "--wait")
        quiet("/lib/systemd/systemd-update-utmp", "reboot")
        quiet("loginctl", "disable-linger", self.defaults.user)
        # udev looks again at a disk that was open for writing: its partition has grown.
        os.close(os.open("/dev/vda", os.O_WRONLY | os.O_CLOEXEC))
        # The one file says to the generator that this is an instance, should the board not say so.
        for name in os.listdir(RUN):
            path = os.path.join(RUN, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif name not in ("started", "times"):
                os.remove(path)
        os.execv("/usr/bin/systemctl", ["systemctl", "daemon-reload"])

    def write_times(self):
        began = self.marks[0]
        with open(f"{RUN}/times", "w") as file:
            for what, moment, used in self.marks:
                file.write(f"{moment - began[1]:7.3f} {used - began[2]:7.3f} {what}\n")
