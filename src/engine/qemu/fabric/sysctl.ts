import { run } from './run.ts';

/** Kernel settings of namespaces that route. New interfaces take `default`, so ports cost nothing here. */
export const routerSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.ip_forward': '1',
  // The firewall knows senders better than the routes do.
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '0',
  'net.ipv4.conf.all.send_redirects': '0',
  'net.ipv4.conf.default.send_redirects': '0',
  'net.ipv4.conf.all.accept_redirects': '0',
  'net.ipv4.conf.default.accept_redirects': '0',
};

/** For a new namespace: no IPv6 until it is wanted. */
export const noIpv6Sysctls: Readonly<Record<string, string>> = {
  'net.ipv6.conf.all.disable_ipv6': '1',
  'net.ipv6.conf.default.disable_ipv6': '1',
};

/**
 * IPv6 for a namespace that routes, also for the interfaces that are there. Addresses are known to be unique, and nobody's
 * advertisements count.
 */
export const ipv6Sysctls: Readonly<Record<string, string>> = {
  'net.ipv6.conf.all.forwarding': '1',
  'net.ipv6.conf.default.forwarding': '1',
  'net.ipv6.conf.all.accept_redirects': '0',
  'net.ipv6.conf.default.accept_redirects': '0',
  'net.ipv6.conf.all.accept_dad': '0',
  'net.ipv6.conf.default.accept_dad': '0',
  'net.ipv6.conf.default.accept_ra': '0',
  'net.ipv6.conf.default.disable_ipv6': '0',
  'net.ipv6.conf.all.disable_ipv6': '0',
};

/** In a VPC the router answers ARP for everything that it has a route to. */
export const vpcSysctls: Readonly<Record<string, string>> = {
  ...routerSysctls,
  ...noIpv6Sysctls,
  'net.ipv4.conf.default.proxy_arp': '1',
};

/** Settings that this kernel does not have (IPv6 on some) are skipped. */
export async function setSysctls(namespace: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const assignments = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  await run(['sysctl', '-e', '-q', '-w', ...assignments], { namespace });
}
