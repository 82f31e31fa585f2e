import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { printedBy } from '../../src/secrets/command-source.ts';
import { until } from '../process/processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'flowctl-secret-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const place = { environment: { PATH: process.env['PATH'], WORD: 'from outside' }, directory };
const value = async (command: string, limitMs?: number) => {
  const printed = await printedBy(command, place, 100, limitMs);
  return printed.ok ? printed.value.toString() : printed;
};
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a command', () => {
  test('runs in the flow’s folder and environment, and what it prints is read as it is', async () => {
    expect(await value('printf "%s\\n" "$WORD"; pwd')).toBe(`from outside\n${directory}\n`);
  });

  test('has an empty input, and what it says on stderr goes nowhere', async () => {
    expect(await value('cat; echo secret >&2; readlink /proc/self/fd/2')).toBe('/dev/null\n');
  });

  test('may leave something behind that holds its output open', async () => {
    expect(await value('echo value; sleep 20 & echo $! > left')).toBe('value\n');
    process.kill(Number(readFileSync(join(directory, 'left'), 'utf8')), 'SIGKILL');
  });

  test('that takes too long is ended', async () => {
    expect(await value('echo $$ > pid; exec sleep 600', 300)).toEqual({
      ok: false,
      error: 'its command did not end within 0.3 s',
    });
    await until(
      'it is gone',
      () => existsSync(join(directory, 'pid')) && !isAlive(Number(readFileSync(join(directory, 'pid'), 'utf8'))),
    );
  });

  test('that takes too long goes with all that it started', async () => {
    const left = join(directory, 'far');
    const started = 'setsid sleep 600 & echo $! > far; sleep 600';
    expect(await value(started, 300)).toMatchObject({ ok: false });
    // Killed; whoever adopted it may not have taken note of that yet.
    await until('it is gone', () => !isAlive(Number(readFileSync(left, 'utf8'))));
  });

  test.each([
    ['yes', 'its command printed more than 100 bytes'],
    ['head -c 101 /dev/zero', 'its command printed more than 100 bytes'],
    ['echo value; exit 4', 'its command exited with code 4; run it yourself to see what it says'],
    ['kill -9 $$', 'its command was ended by a signal; run it yourself to see what it says'],
    ['no-such-command', 'its command exited with code 127; run it yourself to see what it says'],
  ])('that fails yields nothing: %s', async (command, error) => {
    expect(await value(command)).toEqual({ ok: false, error });
  });

  test('needs its folder', async () => {
    const gone = await printedBy('true', { ...place, directory: join(directory, 'gone') }, 100);
    expect(gone).toMatchObject({ ok: false, error: expect.stringContaining('cannot be started') });
  });
});
