import { afterEach, expect, test } from 'vitest';
import { createRig, type Rig } from '../executors/rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const printed = async (names: string, ...request: readonly [changes?: Parameters<Rig['sh']>[1]]) => {
  await rig.sh(`for name in ${names}; do eval "echo \\"$name=\\\${$name-unset}\\""; done`, ...request);
  return rig.log().toString().trimEnd().split('\n');
};

test('an item is JSON, units are joined by commas under the name of their resource', async () => {
  rig = createRig();
  const units = { gpu: ['0', '3'], 'big-db': ['left'] };
  expect(
    await printed('FLOWCTL_ITEM FLOWCTL_RESOURCE_GPU FLOWCTL_RESOURCE_BIG_DB', { item: { id: 'é', n: 1 }, units }),
  ).toEqual(['FLOWCTL_ITEM={"id":"é","n":1}', 'FLOWCTL_RESOURCE_GPU=0,3', 'FLOWCTL_RESOURCE_BIG_DB=left']);
});

test('an item that is null is an item', async () => {
  rig = createRig();
  expect(await printed('FLOWCTL_ITEM', { item: null })).toEqual(['FLOWCTL_ITEM=null']);
});

test('outside of maps and without resources there is neither, whatever an outer step had', async () => {
  const inherited = { PATH: process.env['PATH'] ?? '', FLOWCTL_ITEM: '7', FLOWCTL_RESOURCE_GPU: '1' };
  rig = createRig({ inherited });
  expect(await printed('FLOWCTL_ITEM FLOWCTL_RESOURCE_GPU')).toEqual([
    'FLOWCTL_ITEM=unset',
    'FLOWCTL_RESOURCE_GPU=unset',
  ]);
});

test('the variables of a step do not hide its item', async () => {
  rig = createRig();
  const env = { FLOWCTL_ITEM: 'mine', FLOWCTL_RESOURCE_GPU: 'mine' };
  expect(await printed('FLOWCTL_ITEM FLOWCTL_RESOURCE_GPU', { env, item: 2, units: { gpu: ['0'] } })).toEqual([
    'FLOWCTL_ITEM=2',
    'FLOWCTL_RESOURCE_GPU=0',
  ]);
});
