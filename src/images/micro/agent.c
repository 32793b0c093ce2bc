/*
 * The steps of a start for which busybox has no command, or needs many processes. No C library: nothing to load, and
 * under emulation every instruction that runs for the first time has a price.
 *
 *   agent wait [clock]   waits for the interface eth0, gives the kernel new entropy, sets the clock from the RTC if told
 *                        to, and switches the interface on. It is started before the machine is frozen, so that only
 *                        what follows the wait is left for a copy.
 *   agent resume         sets the clock and gives new entropy, where the machine stood still (hibernation).
 *   agent dhcp           asks for an address for eth0 and sets it, with netmask, route and MTU. What else the server says
 *                        is left in /run/lease, for the shell. Status 1: no answer within a second.
 *   agent dhcp6 NAME     keeps the IPv6 address that a DHCPv6 server gives an interface, once a router says that there is
 *                        one. It never ends. Beyond eth0, `interface NAME address6 ADDRESS` is run for each address.
 *   agent imds           fetches what a first start needs from the metadata service, over one connection, into files in
 *                        /run/imds. Status 0: there; 1: the service refuses (it is switched off); 2: no answer.
 */
typedef long word;

__asm__(".globl _start\n_start:\n xor %rbp, %rbp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");

/* One system call. */
static word call6(word number, word a, word b, word c, word d, word e, word f) {
  word result;
  __asm__ volatile("mov %5, %%r10\n mov %6, %%r8\n mov %7, %%r9\n syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "m"(d), "m"(e), "m"(f)
                   : "rcx", "r8", "r9", "r10", "r11", "memory");
  return result;
}

static word call(word number, word a, word b, word c, word d, word e) {
  return call6(number, a, b, c, d, e, 0);
}

enum {
  READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, IOCTL = 16, ACCESS = 21, NANOSLEEP = 35, SOCKET = 41, CONNECT = 42,
  SENDTO = 44, RECVFROM = 45, BIND = 49, SETSOCKOPT = 54, FORK = 57, EXECVE = 59, EXIT = 60,
  WAIT4 = 61, MKDIR = 83, CLOCK_SETTIME = 227
};
enum { AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16, SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3 };

static word length(const char *text) {
  word n = 0;
  while (text[n]) n++;
  return n;
}

static void zero(void *memory, word size) {
  char *byte = memory;
  while (size-- > 0) *byte++ = 0;
}

static int equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* The decimal number at the beginning of a text. */
static word parse_number(const char *text) {
  word number = 0;
  while (*text >= '0' && *text <= '9') number = 10 * number + *text++ - '0';
  return number;
}

static void exit(int status) {
  call(EXIT, status, 0, 0, 0, 0);
}

static void pause_for(word seconds) {
  word time[2];
  time[0] = seconds, time[1] = 0;
  call(NANOSLEEP, (word)time, 0, 0, 0, 0);
}

/* ---- agent wait ---- */

/* The kernel tells of every new interface through a netlink socket: no polling. rtnetlink(7) */
static void wait_for_interface(void) {
  static const char path[] = "/sys/class/net/eth0";
  static char message[4096];
  struct { unsigned short family, pad; unsigned pid, groups; } address;
  word socket = call(SOCKET, AF_NETLINK, SOCK_RAW, 0, 0, 0);
  zero(&address, sizeof address);
  address.family = AF_NETLINK;
  address.groups = 1; /* RTMGRP_LINK */
  call(BIND, socket, (word)&address, sizeof address, 0, 0);
  while (call(ACCESS, (word)path, 0, 0, 0, 0) != 0) call(RECVFROM, socket, (word)message, sizeof message, 0, 0);
  call(CLOSE, socket, 0, 0, 0, 0);
}

/*
 * Copies of a machine begin with the same random generator. What the host's device gives makes them differ, and only
 * RNDRESEEDCRNG puts it to use at once: Linux would otherwise wait up to a minute. random(4)
 */
static void feed_entropy(void) {
  struct { int bits, size; char bytes[64]; } pool;
  word source = call(OPEN, (word) "/dev/hwrng", 0, 0, 0, 0);
  word random = call(OPEN, (word) "/dev/urandom", 1, 0, 0, 0);
  word size = call(READ, source, (word)pool.bytes, sizeof pool.bytes, 0, 0);
  if (size > 0) {
    pool.bits = 8 * size;
    pool.size = size;
    call(IOCTL, random, 0x40085203, (word)&pool, 0, 0); /* RNDADDENTROPY */
  }
  call(IOCTL, random, 0x5207, 0, 0, 0); /* RNDRESEEDCRNG */
  call(CLOSE, source, 0, 0, 0, 0);
  call(CLOSE, random, 0, 0, 0, 0);
}

/* The RTC counts whole seconds; half of one is its mean error, which the kernel adds at a boot too. */
static void set_clock(void) {
  char text[32];
  word time[2];
  word file = call(OPEN, (word) "/sys/class/rtc/rtc0/since_epoch", 0, 0, 0, 0);
  zero(text, sizeof text);
  call(READ, file, (word)text, sizeof text - 1, 0, 0);
  call(CLOSE, file, 0, 0, 0, 0);
  time[0] = parse_number(text);
  time[1] = 500000000;
  if (time[0] > 0) call(CLOCK_SETTIME, 0, (word)time, 0, 0, 0);
}

struct address { unsigned short family, port; unsigned char bytes[4]; char rest[8]; };
struct interface_request { char name[16]; union { short flags; int mtu; struct address address; char all[24]; } u; };

static void name_interface(struct interface_request *request, const char *name) {
  word i;
  zero(request, sizeof *request);
  for (i = 0; name[i] && i < sizeof request->name - 1; i++) request->name[i] = name[i];
}

/* netdevice(7) */
static void switch_interface_on(void) {
  struct interface_request request;
  word socket = call(SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0);
  name_interface(&request, "eth0");
  call(IOCTL, socket, 0x8913, (word)&request, 0, 0); /* SIOCGIFFLAGS */
  request.u.flags |= 1;                              /* IFF_UP */
  call(IOCTL, socket, 0x8914, (word)&request, 0, 0); /* SIOCSIFFLAGS */
  call(CLOSE, socket, 0, 0, 0, 0);
}

/* Dotted decimal. */
static void parse_address(struct address *address, const char *text) {
  int i;
  zero(address, sizeof *address);
  address->family = AF_INET;
  for (i = 0; i < 4; i++) {
    address->bytes[i] = parse_number(text);
    while (*text >= '0' && *text <= '9') text++;
    if (*text++ != '.') break;
  }
}

/* netdevice(7), rtentry in the kernel's <linux/route.h>. Returns 0 or a negative error. */
static word set_address(const char *interface, const char *address, const char *mask, const char *gateway, int mtu) {
  struct interface_request request;
  struct {
    word pad1;
    struct address destination, gateway, mask;
    unsigned short flags, pad2[3];
    word pad3, pad4, metric, device, mtu, window, irtt;
  } route;
  word socket = call(SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0), error;
  name_interface(&request, interface);
  if (mtu) {
    request.u.mtu = mtu;
    call(IOCTL, socket, 0x8922, (word)&request, 0, 0); /* SIOCSIFMTU */
  }
  parse_address(&request.u.address, address);
  if ((error = call(IOCTL, socket, 0x8916, (word)&request, 0, 0))) return error; /* SIOCSIFADDR */
  parse_address(&request.u.address, mask);
  if ((error = call(IOCTL, socket, 0x891c, (word)&request, 0, 0))) return error; /* SIOCSIFNETMASK */
  zero(&route, sizeof route);
  route.destination.family = route.mask.family = AF_INET;
  parse_address(&route.gateway, gateway);
  route.flags = 3; /* RTF_UP | RTF_GATEWAY */
  route.device = (word)interface;
  return call(IOCTL, socket, 0x890b, (word)&route, 0, 0); /* SIOCADDRT */
}

/* ---- agent dhcp ---- */

static unsigned char packet[1500]; /* RFC 2131, figure 1 */
static word packet_size;

static void option(int code, const void *value, int size) {
  const unsigned char *byte = value;
  packet[packet_size++] = code;
  packet[packet_size++] = size;
  while (size-- > 0) packet[packet_size++] = *byte++;
}

/* An option of the packet, its length in `size`, or 0. RFC 2132 */
static unsigned char *find_option(int code, int *size) {
  word at = 240;
  while (at + 1 < packet_size && packet[at] != 255) {
    if (packet[at] == 0) { at++; continue; }
    if (packet[at] == code && at + 2 + packet[at + 1] <= packet_size) {
      *size = packet[at + 1];
      return packet + at + 2;
    }
    at += 2 + packet[at + 1];
  }
  return 0;
}

/* Sends a DISCOVER, or for `server` a REQUEST of `wanted`, and waits for the answer of type `expected`. */
static int ask(word socket, const unsigned char *mac, unsigned transaction, unsigned char *wanted, unsigned char *server,
               int expected) {
  static const unsigned char parameters[] = {1, 3, 6, 12, 15, 26, 119, 121};
  struct address to;
  unsigned char type = server ? 3 : 1, client[7];
  int i, size, tries;
  zero(packet, sizeof packet);
  packet[0] = 1, packet[1] = 1, packet[2] = 6;
  for (i = 0; i < 4; i++) packet[4 + i] = transaction >> 8 * i;
  packet[10] = 0x80; /* answers by broadcast: there is no address yet */
  client[0] = 1;
  for (i = 0; i < 6; i++) packet[28 + i] = client[i + 1] = mac[i];
  packet[236] = 99, packet[237] = 130, packet[238] = 83, packet[239] = 99;
  packet_size = 240;
  option(53, &type, 1);
  option(61, client, 7);
  if (server) {
    option(50, wanted, 4);
    option(54, server, 4);
  }
  option(55, parameters, sizeof parameters);
  packet[packet_size++] = 255;
  if (packet_size < 300) packet_size = 300;
  parse_address(&to, "255.255.255.255");
  to.port = 67 << 8;
  if (call6(SENDTO, socket, (word)packet, packet_size, 0, (word)&to, sizeof to) < 0) return 0;
  for (tries = 0; tries < 50; tries++) {
    unsigned char *value;
    packet_size = call(READ, socket, (word)packet, sizeof packet, 0, 0);
    if (packet_size < 0) return 0; /* time is over */
    if (packet_size < 244 || packet[0] != 2) continue;
    for (i = 0; i < 4 && packet[4 + i] == (transaction >> 8 * i & 255); i++) ;
    for (; i >= 4 && i < 10 && packet[28 + i - 4] == mac[i - 4]; i++) ;
    if (i == 10 && (value = find_option(53, &size)) && *value == expected) return 1;
  }
  return 0;
}

static char lease_text[2048];
static word lease_size;

static void lease_char(char c) {
  if (lease_size < sizeof lease_text) lease_text[lease_size++] = c;
}

static void lease_add(const char *text) {
  while (*text) lease_char(*text++);
}

static void lease_address(const unsigned char *byte) {
  int i;
  for (i = 0; i < 4; i++) {
    if (byte[i] >= 100) lease_char('0' + byte[i] / 100);
    if (byte[i] >= 10) lease_char('0' + byte[i] / 10 % 10);
    lease_char('0' + byte[i] % 10);
    if (i < 3) lease_char('.');
  }
}

/* NAME='TEXT', with nothing in it that a shell or a host name could mind. */
static void lease_name(const char *name, int code) {
  int size, i;
  const unsigned char *value = find_option(code, &size);
  if (!value) return;
  lease_add(name);
  lease_add("='");
  for (i = 0; i < size; i++) {
    char c = value[i];
    if (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') lease_char(c);
  }
  lease_add("'\n");
}

static int get_lease(void) {
  struct interface_request request;
  struct address self;
  word timeout[2], one = 1, socket = call(SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0), file;
  unsigned transaction;
  unsigned char mac[6], wanted[4], server[4], ip[4], *value, *gateway, *mask;
  int i, size, mtu = 0;
  file = call(OPEN, (word) "/dev/urandom", 0, 0, 0, 0);
  call(READ, file, (word)&transaction, 4, 0, 0);
  call(CLOSE, file, 0, 0, 0, 0);
  name_interface(&request, "eth0");
  call(IOCTL, socket, 0x8927, (word)&request, 0, 0); /* SIOCGIFHWADDR */
  for (i = 0; i < 6; i++) mac[i] = request.u.all[2 + i];
  timeout[0] = 0, timeout[1] = 500000;
  call(SETSOCKOPT, socket, 1, 20, (word)timeout, sizeof timeout); /* SO_RCVTIMEO */
  call(SETSOCKOPT, socket, 1, 6, (word)&one, 4);                  /* SO_BROADCAST */
  call(SETSOCKOPT, socket, 1, 25, (word) "eth0", 5);              /* SO_BINDTODEVICE */
  parse_address(&self, "0.0.0.0");
  self.port = 68 << 8;
  if (call(BIND, socket, (word)&self, sizeof self, 0, 0)) return 1;
  if (!ask(socket, mac, transaction, 0, 0, 2)) return 1;
  for (i = 0; i < 4; i++) wanted[i] = packet[16 + i];
  if (!(value = find_option(54, &size)) || size != 4) return 1;
  for (i = 0; i < 4; i++) server[i] = value[i];
  if (!ask(socket, mac, transaction, wanted, server, 5)) return 1;
  call(CLOSE, socket, 0, 0, 0, 0);
  /* Routes of its own, a list of domains, a mask or a router that is missing: for udhcpc and its script. */
  if (find_option(121, &size) || find_option(119, &size) || !(mask = find_option(1, &size)) || !(gateway = find_option(3, &size))) return 1;
  if ((value = find_option(26, &size))) mtu = value[0] << 8 | value[1];
  for (i = 0; i < 4; i++) ip[i] = packet[16 + i];
  lease_size = 0;
  lease_address(ip), lease_char(0);
  lease_address(mask), lease_char(0);
  lease_address(gateway), lease_char(0);
  {
    char *second = lease_text + length(lease_text) + 1;
    if (set_address("eth0", lease_text, second, second + length(second) + 1, mtu)) return 1;
  }
  lease_size = 0;
  lease_add("ip=");
  lease_address(ip);
  lease_char('\n');
  lease_name("hostname", 12);
  lease_name("domain", 15);
  lease_add("dns='");
  if ((value = find_option(6, &size)))
    for (i = 0; i + 4 <= size; i += 4) lease_address(value + i), lease_char(' ');
  lease_add("'\n");
  file = call(OPEN, (word) "/run/lease", 0x241, 0644, 0, 0);
  call(WRITE, file, (word)lease_text, lease_size, 0, 0);
  call(CLOSE, file, 0, 0, 0, 0);
  return 0;
}

/* ---- agent dhcp6 ---- */

/* RFC 8415: message types, options, times. */
enum { SOLICIT = 1, ADVERTISE = 2, REQUEST = 3, RENEW = 5, REPLY = 7 };
enum { CLIENT_ID = 1, SERVER_ID = 2, IA_NA = 3, IA_ADDRESS = 5, OPTION_REQUEST = 6, ELAPSED_TIME = 8 };
enum { LONGEST_PAUSE = 8 }; /* seconds between two solicitations */

struct address6 { unsigned short family, port; unsigned flow; unsigned char bytes[16]; unsigned scope; };

static const char *interface_name;
static unsigned interface_index;
static unsigned char client_id[10];   /* a DUID-LL */
static unsigned char server_id[130];
static int server_id_size;
static unsigned char leased[24];      /* address, preferred and valid lifetime, as in an IA Address option */

static void append6(const void *value, int size) {
  const unsigned char *byte = value;
  while (size-- > 0) packet[packet_size++] = *byte++;
}

static void head6(int code, int size) {
  packet[packet_size++] = code >> 8, packet[packet_size++] = code;
  packet[packet_size++] = size >> 8, packet[packet_size++] = size;
}

/* An option between two places of the packet, its length in `size`, or 0. */
static unsigned char *find_option6(unsigned char *at, unsigned char *end, int code, int *size) {
  while (at + 4 <= end) {
    *size = at[2] << 8 | at[3];
    if (at + 4 + *size > end) return 0;
    if ((at[0] << 8 | at[1]) == code) return at + 4;
    at += 4 + *size;
  }
  return 0;
}

static unsigned number6(const unsigned char *byte) {
  return (unsigned)byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3];
}

/* Sends a message and waits a second for its answer, which is noted in `server_id` and `leased`. Returns 0 without one. */
static int exchange6(word socket, int type, int expected, const unsigned char *transaction) {
  static const unsigned char wanted[] = {0, 23, 0, 24};
  struct address6 to;
  unsigned char zeros[12], *value, *ia;
  int size, ia_size, tries;
  zero(zeros, sizeof zeros);
  packet_size = 0;
  packet[packet_size++] = type;
  append6(transaction, 3);
  head6(CLIENT_ID, sizeof client_id), append6(client_id, sizeof client_id);
  if (type != SOLICIT) head6(SERVER_ID, server_id_size), append6(server_id, server_id_size);
  head6(ELAPSED_TIME, 2), append6(zeros, 2);
  head6(OPTION_REQUEST, sizeof wanted), append6(wanted, sizeof wanted);
  head6(IA_NA, type == SOLICIT ? 12 : 12 + 4 + sizeof leased);
  append6(client_id + 6, 4), append6(zeros, 8);
  if (type != SOLICIT) head6(IA_ADDRESS, sizeof leased), append6(leased, sizeof leased);
  zero(&to, sizeof to);
  to.family = AF_INET6;
  to.port = 547 >> 8 | (547 & 255) << 8;
  to.bytes[0] = 0xff, to.bytes[1] = 2, to.bytes[13] = 1, to.bytes[15] = 2; /* ff02::1:2 */
  to.scope = interface_index;
  if (call6(SENDTO, socket, (word)packet, packet_size, 0, (word)&to, sizeof to) < 0) return 0;
  for (tries = 0; tries < 50; tries++) {
    unsigned char *end;
    packet_size = call(READ, socket, (word)packet, sizeof packet, 0, 0);
    if (packet_size < 0) return 0; /* time is over */
    end = packet + packet_size;
    if (packet_size < 4 || packet[0] != expected || packet[1] != transaction[0] || packet[2] != transaction[1]) continue;
    ia = find_option6(packet + 4, end, IA_NA, &ia_size);
    if (!ia || ia_size < 12) return 0;
    value = find_option6(ia + 12, ia + ia_size, IA_ADDRESS, &size);
    if (!value || size < sizeof leased || number6(value + 20) == 0) return 0;
    for (size = 0; size < sizeof leased; size++) leased[size] = value[size];
    value = find_option6(packet + 4, end, SERVER_ID, &size);
    if (!value || size > sizeof server_id) return 0;
    server_id_size = size;
    while (size-- > 0) server_id[size] = value[size];
    return 1;
  }
  return 0;
}

/* Gives the interface the address for as long as the lease says. rtnetlink(7) */
static void keep_address6(void) {
  struct {
    unsigned size; unsigned short type, flags; unsigned sequence, process;
    unsigned char family, prefix, address_flags, scope; unsigned index;
    unsigned short address_size, address_type; unsigned char address[16];
    unsigned short times_size, times_type; unsigned preferred, valid, created, updated;
  } message;
  word socket = call(SOCKET, AF_NETLINK, SOCK_RAW, 0, 0, 0);
  int i;
  zero(&message, sizeof message);
  message.size = sizeof message;
  message.type = 20;       /* RTM_NEWADDR */
  message.flags = 0x501;   /* NLM_F_REQUEST | NLM_F_REPLACE | NLM_F_CREATE */
  message.family = AF_INET6;
  message.prefix = 128;
  message.address_flags = 2; /* IFA_F_NODAD */
  message.index = interface_index;
  message.address_size = 20, message.address_type = 1; /* IFA_ADDRESS */
  for (i = 0; i < 16; i++) message.address[i] = leased[i];
  message.times_size = 20, message.times_type = 6;     /* IFA_CACHEINFO */
  message.preferred = number6(leased + 16), message.valid = number6(leased + 20);
  call6(SENDTO, socket, (word)&message, sizeof message, 0, 0, 0);
  call(CLOSE, socket, 0, 0, 0, 0);
}

/* Answers from a further interface must leave by it: the script has a routing table for each. */
static void tell_address6(void) {
  static const char digits[] = "0123456789abcdef";
  static char *arguments[5], *environment[1];
  char text[40];
  word child;
  int i, at = 0;
  if (equal(interface_name, "eth0")) return;
  for (i = 0; i < 16; i++) {
    if (i && i % 2 == 0) text[at++] = ':';
    text[at++] = digits[leased[i] >> 4], text[at++] = digits[leased[i] & 15];
  }
  text[at] = 0;
  arguments[0] = "/usr/lib/micro/interface", arguments[1] = (char *)interface_name;
  arguments[2] = "address6", arguments[3] = text;
  child = call(FORK, 0, 0, 0, 0, 0);
  if (child == 0) {
    call(EXECVE, (word)arguments[0], (word)arguments, (word)environment, 0, 0);
    exit(127);
  }
  call(WAIT4, child, 0, 0, 0, 0);
}

/* Waits for a router that says that addresses are managed. RFC 4861, figure of section 4.2 */
static void wait_for_router(void) {
  static unsigned filter[8];
  word socket = call(SOCKET, AF_INET6, SOCK_RAW, 58, 0, 0);
  int i;
  call(SETSOCKOPT, socket, 1, 25, (word)interface_name, length(interface_name) + 1); /* SO_BINDTODEVICE */
  for (i = 0; i < 8; i++) filter[i] = 0xffffffff;
  filter[134 >> 5] &= ~(1u << (134 & 31));
  call(SETSOCKOPT, socket, 58, 1, (word)filter, sizeof filter); /* ICMP6_FILTER */
  for (;;) {
    word size = call(READ, socket, (word)packet, sizeof packet, 0, 0);
    if (size < 0) pause_for(1);
    if (size >= 16 && packet[0] == 134 && packet[5] & 0x80) break;
  }
  call(CLOSE, socket, 0, 0, 0, 0);
}

static void keep_lease6(void) {
  struct interface_request request;
  struct address6 self;
  word timeout[2], random = call(OPEN, (word) "/dev/urandom", 0, 0, 0, 0), socket;
  unsigned char transaction[3];
  int i, pause = 1, bound = 0;
  wait_for_router();
  socket = call(SOCKET, AF_INET6, SOCK_DGRAM, 0, 0, 0);
  name_interface(&request, interface_name);
  call(IOCTL, socket, 0x8927, (word)&request, 0, 0); /* SIOCGIFHWADDR */
  client_id[1] = 3, client_id[3] = 1;
  for (i = 0; i < 6; i++) client_id[4 + i] = request.u.all[2 + i];
  call(IOCTL, socket, 0x8933, (word)&request, 0, 0); /* SIOCGIFINDEX */
  interface_index = request.u.mtu;
  timeout[0] = 1, timeout[1] = 0;
  call(SETSOCKOPT, socket, 1, 20, (word)timeout, sizeof timeout); /* SO_RCVTIMEO */
  call(SETSOCKOPT, socket, 1, 25, (word)interface_name, length(interface_name) + 1); /* SO_BINDTODEVICE */
  zero(&self, sizeof self);
  self.family = AF_INET6;
  self.port = 546 >> 8 | (546 & 255) << 8;
  while (call(BIND, socket, (word)&self, sizeof self, 0, 0)) pause_for(1);
  for (;;) {
    call(READ, random, (word)transaction, 3, 0, 0);
    if (bound && exchange6(socket, RENEW, REPLY, transaction)
        || exchange6(socket, SOLICIT, ADVERTISE, transaction) && exchange6(socket, REQUEST, REPLY, transaction)) {
      bound = 1;
      keep_address6();
      tell_address6();
      /* A changed address is noticed at a renewal; half of the preferred lifetime is when EC2's clients ask. */
      pause_for(number6(leased + 16) / 2 + 1);
      pause = 1;
    } else {
      bound = 0;
      pause_for(pause);
      if (pause < LONGEST_PAUSE) pause *= 2;
    }
  }
}

/* ---- agent imds ---- */

static const struct { const char *file, *path; } items[] = {
  {"/run/imds/instance-id", "meta-data/instance-id"},
  {"/run/imds/local-hostname", "meta-data/local-hostname"},
  {"/run/imds/openssh-key", "meta-data/public-keys/0/openssh-key"},
};
enum { ITEMS = sizeof items / sizeof items[0] };

static char out[4096];     /* requests */
static word out_size;
static char in[65536];     /* answers: `in_start` is behind the last one that was read */
static word in_start, in_size;
static char token[1024];
static char *body;         /* of the last answer */
static word body_size;

static void add(const char *text) {
  while (*text && out_size < sizeof out) out[out_size++] = *text++;
}

static word connection(void) {
  struct address address;
  word timeout[2];
  word socket = call(SOCKET, AF_INET, SOCK_STREAM, 0, 0, 0);
  timeout[0] = 2, timeout[1] = 0;
  call(SETSOCKOPT, socket, 1, 20, (word)timeout, sizeof timeout); /* SO_RCVTIMEO */
  call(SETSOCKOPT, socket, 1, 21, (word)timeout, sizeof timeout); /* SO_SNDTIMEO: connecting too */
  parse_address(&address, "169.254.169.254");
  address.port = 80 << 8; /* in network order */
  in_start = in_size = 0;
  if (call(CONNECT, socket, (word)&address, sizeof address, 0, 0) == 0) return socket;
  call(CLOSE, socket, 0, 0, 0, 0);
  return -1;
}

/* Reads more of an answer. Returns 0 when there is no more. */
static int more(word socket) {
  word size = in_size < sizeof in ? call(READ, socket, (word)(in + in_size), sizeof in - in_size, 0, 0) : 0;
  if (size <= 0) return 0;
  in_size += size;
  return 1;
}

/* Does the header line at `line` have this name (in lower case, with colon)? Returns its value. */
static const char *header(const char *line, const char *name) {
  for (; *name; line++, name++) {
    char c = *line;
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    if (c != *name) return 0;
  }
  while (*line == ' ') line++;
  return line;
}

/* Reads one answer: returns its status and sets `body`, or 0 when the connection ended before. RFC 9112 */
static int answer(word socket) {
  word at = in_start, line = in_start, size = -1;
  int status = 0;
  for (;;) {
    const char *value;
    while (at >= in_size) if (!more(socket)) return 0;
    if (in[at++] != '\n') continue;
    if (at - line <= 2) break; /* the empty line behind the header */
    if (line == in_start) status = (in[line + 9] - '0') * 100 + (in[line + 10] - '0') * 10 + in[line + 11] - '0';
    if ((value = header(in + line, "content-length:")))
      size = parse_number(value);
    line = at;
  }
  /* Without a length the answer ends with the connection. */
  while (size < 0 || in_size - at < size) if (!more(socket)) break;
  if (size >= 0 && in_size - at < size) return 0;
  body = in + at;
  body_size = size < 0 ? in_size - at : size;
  in_start = at + body_size;
  return status;
}

static void save(const char *file) {
  word to = call(OPEN, (word)file, 0x241, 0600, 0, 0); /* O_WRONLY | O_CREAT | O_TRUNC */
  call(WRITE, to, (word)body, body_size, 0, 0);
  call(CLOSE, to, 0, 0, 0, 0);
}

/* One attempt. Returns the status of `agent imds`. */
static int fetch(void) {
  word socket = connection();
  int status, tries, i, next = 0;
  if (socket < 0) return 2;
  out_size = 0;
  add("PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nContent-Length: 0\r\n"
      "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n");
  call(SENDTO, socket, (word)out, out_size, 0x4000, 0); /* MSG_NOSIGNAL */
  status = answer(socket);
  if (status != 200) {
    call(CLOSE, socket, 0, 0, 0, 0);
    return status && status < 500 ? 1 : 2;
  }
  for (i = 0; i < body_size && i < sizeof token - 1; i++) token[i] = body[i];
  save("/run/imds/token");
  /* All requests at once; should the service end the connection in between, the rest again over another. */
  for (tries = 0; tries < ITEMS + 1 && next < ITEMS; tries++) {
    if (socket < 0 && (socket = connection()) < 0) return 2;
    out_size = 0;
    for (i = next; i < ITEMS; i++) {
      add("GET /latest/");
      add(items[i].path);
      add(" HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token: ");
      add(token);
      add("\r\n\r\n");
    }
    call(SENDTO, socket, (word)out, out_size, 0x4000, 0);
    while (next < ITEMS && (status = answer(socket))) {
      if (status >= 500) return 2;
      if (status == 200) save(items[next].file);
      next++;
    }
    call(CLOSE, socket, 0, 0, 0, 0);
    socket = -1;
  }
  return next == ITEMS ? 0 : 2;
}

void begin(word *stack) {
  char **argument = (char **)(stack + 1);
  const char *command = stack[0] > 1 ? argument[1] : "";
  if (equal(command, "wait")) {
    wait_for_interface();
    feed_entropy();
    if (stack[0] > 2 && equal(argument[2], "clock")) set_clock();
    switch_interface_on();
    exit(0);
  }
  if (equal(command, "resume")) {
    feed_entropy();
    set_clock();
    exit(0);
  }
  if (equal(command, "dhcp")) exit(get_lease());
  if (equal(command, "dhcp6")) {
    interface_name = stack[0] > 2 ? argument[2] : "eth0";
    keep_lease6();
  }
  if (equal(command, "imds")) {
    int status = 2, tries;
    call(MKDIR, (word) "/run/imds", 0700, 0, 0, 0);
    /* About ten seconds: the service may answer later than the first packet leaves. */
    for (tries = 0; tries < 10 && (status = fetch()) == 2; tries++) pause_for(1);
    exit(status);
  }
  exit(64);
}
