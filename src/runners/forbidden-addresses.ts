/**
 * Addresses that no request of flowctl's own ever goes to, whoever asks: where cloud machines are told their credentials. Private
 * networks are allowed, for people do wait for and notify services of their own.
 */

import { BlockList, isIP } from 'node:net';

let forbidden: BlockList | undefined;

function makeList(): BlockList {
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

/** True for such an address, also where an IPv4 address is written as an IPv6 one (`::ffff:169.254.169.254`). */
export function isForbiddenAddress(address: string): boolean {
  forbidden ??= makeList();
  const plain = address.replace(/%.*$/, '');
  const family = isIP(plain);
  return family !== 0 && forbidden.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}
