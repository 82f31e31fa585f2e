/** Which hosts a text names, and which it only has from an expression. */

import { expect, test } from 'vitest';
import { secretMark } from '../../src/base/secret-mark.ts';
import { hostOfSecret, hostsNamedIn, reachableHosts } from '../../src/runners/named-hosts.ts';

test.each([
  ['http://localhost:8080/health', ['localhost']],
  ['see HTTPS://Example.org/a?b, http://10.0.0.7.', ['example.org', '10.0.0.7']],
  ['http://0x7f.1/', ['127.0.0.1']],
  ['http://[::1]:80/', ['[::1]']],
  ['http://me:word@inside/', ['inside']],
  ['http://localhost:${{ params.port }}/x', ['localhost']],
  ["${{ format('http://inside/{0}', params.x) }}", ['inside']],
  ['http://${{ params.host }}/', []],
  ['http://${{ params.host }}.example.org/', []],
  ['http://10.0.0.${{ params.last }}/', []],
  ['http://inside${{ params.rest }}/', []],
  ['http://inside:${{ params.word }}@${{ params.host }}/', []],
  ['ftp://inside/ inside //inside http:///', []],
])('%s', (text, hosts) => {
  expect(hostsNamedIn({ deep: [{ text }] })).toEqual(hosts);
});

test('a secret names its host where the address begins with it, and nowhere else', () => {
  const mark = secretMark('HOOK');
  const held = (url: string, value: string) => hostOfSecret(url, (text) => text.replace(mark, value));
  expect(held(`${mark}/path`, 'http://10.0.0.1:80/x')).toBe('10.0.0.1');
  expect(held(`https://${mark}:8080/`, 'inside')).toBe('inside');
  expect(held(`https://u:${mark}@evil.test/`, 'word')).toBeNull();
  expect(held(`https://evil.test/${mark}`, 'http://inside')).toBeNull();
  expect(held(`${mark}/path`, 'no address')).toBeNull();
});

test('flows are looked through once, and only when it is asked for', () => {
  expect(reachableHosts('all', [])()).toBe('all');
  const hosts = reachableHosts(['10.0.0.0/8'], []);
  expect(hosts()).toEqual(['10.0.0.0/8']);
  expect(hosts()).toBe(hosts());
});
