/**
 * Addresses that requests of flowctl's own do not go to. Never, whoever asks: where cloud machines are told their credentials. Not by
 * themselves: those of private networks and of this machine. People do wait for services of their own, so a host that the flow itself
 * names, that a secret holds, or that the project allows is asked; one that only came with data is not.
 */

import { BlockList, isIP } from 'node:net';
import type { PrivateHosts } from '../model/project.ts';

let forbidden: BlockList | undefined;
let privately: BlockList | undefined;

function makeForbidden(): BlockList {
  const list = new BlockList();
  // Link-local (RFC 3927): 169.254.169.254 of AWS, Azure, Google and others, 169.254.170.2 of ECS.
  list.addSubnet('169.254.0.0', 16, 'ipv4');
  // Alibaba Cloud; Azure's wire server; the instance metadata service of AWS by IPv6.
  list.addAddress('100.100.100.200', 'ipv4');
  list.addAddress('168.63.129.16', 'ipv4');
  list.addAddress('fd00:ec2::254', 'ipv6');
  // Link-local (RFC 4291, 2.5.6); the same IPv4 network behind a translator (RFC 6052, 2.1).
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
  return list;
}

/** What the registries of IANA for special addresses (RFC 6890) call not globally reachable, groups of receivers among them. */
const PRIVATE_NETWORKS: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
const PRIVATE_NETWORKS_6: typeof PRIVATE_NETWORKS = [
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['fc00::', 7],
  ['fec0::', 10],
  ['ff00::', 8],
];

function makePrivate(): BlockList {
  const list = new BlockList();
  for (const [network, bits] of PRIVATE_NETWORKS) {
    list.addSubnet(network, bits, 'ipv4');
    const [a = 0, b = 0, c = 0, d = 0] = network.split('.').map(Number);
    const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
    // The same behind a translator, and through 6to4 (RFC 3056).
    list.addSubnet(`64:ff9b::${high}:${low}`, 96 + bits, 'ipv6');
    list.addSubnet(`2002:${high}:${low}::`, 16 + bits, 'ipv6');
  }
  for (const [network, bits] of PRIVATE_NETWORKS_6) list.addSubnet(network, bits, 'ipv6');
  return list;
}

const holds = (list: BlockList, address: string): boolean => {
  const plain = address.replace(/%.*$/, '');
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
};

/** True for an address that is never asked, also where an IPv4 address is written as an IPv6 one (`::ffff:169.254.169.254`). */
export function isForbiddenAddress(address: string): boolean {
  forbidden ??= makeForbidden();
  return holds(forbidden, address);
}

/** True for an address of this machine or of a private network. */
export function isPrivateAddress(address: string): boolean {
  privately ??= makePrivate();
  return holds(privately, address);
}

/** @param host as `URL` has it, or as somebody wrote it. */
const plainHost = (host: string): string => {
  const text = isIP(host) === 6 ? `http://[${host}]` : `http://${host}`;
  return URL.canParse(text) ? new URL(text).hostname.replace(/\.$/, '') : host.toLowerCase();
};

/** True when a host may be asked although its address is private. @param address what its name was resolved to, or the host itself. */
export function isAllowedHost(hosts: PrivateHosts, host: string, address: string): boolean {
  if (hosts === 'all') return true;
  const asked = plainHost(host);
  return hosts.some((entry) => plainHost(entry) === asked || isWithin(entry, address.replace(/%.*$/, '')));
}

/** True for an address of a network such as `10.0.0.0/8`, or for the address itself. */
function isWithin(entry: string, address: string): boolean {
  const [network = '', bits] = entry.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(address) === 0) return false;
  const list = new BlockList();
  const most = family === 4 ? 32 : 128;
  list.addSubnet(network, Math.min(most, Number(bits ?? most)), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
