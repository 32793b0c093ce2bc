import { hostInterface, hostLink, hostTable, poolAddresses, vpcLinkPrefix } from './layout.ts';
import { table } from './ruleset.ts';

/**
 * Firewalls outside of VPCs: of the edge namespace, which everything between VPCs, host and the world passes, and of
 * the host. Both are whole tables, replaced in one transaction.
 */

/** nft commands for the edge namespace. Without an uplink nothing but answers goes to the host. */
export function edgeFirewall(publicPool: string, uplink: string | undefined): string[] {
  const link = `"${hostLink}"`;
  // Links of internet gateways and of egress-only internet gateways. VPCs let nothing out under others' IPv6 addresses.
  const vpcs = '"v*", "e*"';
  return [
    `add table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {
      chain spoof {
        type filter hook prerouting priority raw; policy drop;
        iifname "lo" accept
        meta nfproto ipv6 iifname { ${link}, ${vpcs} } accept
        fib saddr . iif oif != 0 accept
      }
      chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid drop
        iifname { ${link}, ${vpcs} } oifname { ${vpcs} } accept
        iifname { ${vpcs} } oifname ${link} meta nfproto ipv6 ct state established,related accept
        iifname { ${vpcs} } oifname ${link} meta nfproto ipv4 ${uplink === undefined ? 'ct state established,related ' : ''}accept
      }
      chain router {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        icmpv6 type { 135, 136 } accept
      }
      chain vpc_routers {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr ${vpcLinkPrefix} oifname ${link} snat ip to ${poolAddresses(publicPool).edge}
      }
    }`,
  ];
}

/**
 * nft commands for the host: machines reach nothing here and nothing through here, except what they answer, and with
 * an uplink the world beyond that interface. Only IPv4 is translated there: IPv6 stays on the machine.
 * @param lan the pool is a part of the network there, where instances are known by their own addresses
 */
export function hostFirewall(dataDir: string, publicPool: string, uplink: string | undefined, lan: boolean): string[] {
  const name = hostTable(dataDir);
  const edge = `"${hostInterface(dataDir)}"`;
  const beyond = `"${uplink}"`;
  const through =
    uplink === undefined
      ? ''
      : `meta nfproto ipv4 iifname ${edge} oifname ${beyond} accept
        meta nfproto ipv4 iifname ${beyond} oifname ${edge} accept`;
  const masquerade = `chain uplink {
        type nat hook postrouting priority srcnat; policy accept;
        ${lan ? '' : `ip saddr ${publicPool} oifname ${beyond} masquerade`}
      }
      chain host {
        type filter hook input priority filter; policy accept;
        iifname ${edge} ct state established,related accept
        iifname ${edge} icmpv6 type { 135, 136 } accept
        iifname ${edge} drop
      }`;
  return [
    `add table inet ${name}`,
    `delete table inet ${name}`,
    `table inet ${name} {
      chain forward {
        type filter hook forward priority filter; policy accept;
        ${through}
        iifname ${edge} drop
        oifname ${edge} drop
      }
      ${uplink === undefined ? '' : masquerade}
    }`,
  ];
}
