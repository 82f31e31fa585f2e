/** Whatever text or bytes come in, the parts that read them answer: in time, with a value or a reason, and never throw. */

import { expect, it, vi } from 'vitest';
import { formatDuration, parseDuration } from '../../src/base/duration.ts';
import type { Json } from '../../src/base/json.ts';
import { environmentOfRun } from '../../src/cli/dotenv.ts';
import { openSession } from '../../src/cli/session.ts';
import { printDiagnostics } from '../../src/diagnostics/report.ts';
import { SourceText } from '../../src/diagnostics/source.ts';
import { evaluateTemplate, parseCondition, parseTemplate, templateReads } from '../../src/expressions/expressions.ts';
import { loadFlowText } from '../../src/load/load.ts';
import { readParamsFile, resolveParams } from '../../src/load/params.ts';
import { TerminalFilter } from '../../src/observers/terminal-filter.ts';
import { findJsonFault } from '../../src/process/json-fault.ts';
import { parseOutputs } from '../../src/process/output-file.ts';
import { readPrinted } from '../../src/process/printed-outputs.ts';
import { nextOf, readTimetable } from '../../src/schedules/occurrences.ts';
import { folderWith, loaded } from '../load/flow-file.ts';
import { expression, flow, sentence, yamlCorpus } from './grammar.ts';
import { again, anyJson, casesOf, HOSTILE_TEXTS, mutateBytes, Random, SEED } from './random.ts';

// Many starts of the program, or many cases, beside other tests on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

/** Far more than anything here takes, on a machine that does much else. */
const LIMIT_MS = 5_000;

/** Asks about each case; what throws, or takes too long, is told with the case and how it is had again. */
async function campaign(
  what: string,
  usual: number,
  ask: (random: Random) => { readonly text: string | Buffer; readonly answer: () => unknown },
): Promise<void> {
  for (let number = 0; number < casesOf(usual); number += 1) {
    const { text, answer } = ask(new Random(SEED + number * 7_919));
    const began = performance.now();
    const told = () => `${again(what, number)}: ${JSON.stringify(text.toString().slice(0, 2_000))}`;
    try {
      await answer();
    } catch (error) {
      throw new Error(told(), { cause: error });
    }
    expect(performance.now() - began, told()).toBeLessThan(LIMIT_MS);
  }
}

it('durations', () =>
  campaign('duration', 2_000, (random) => {
    const text = sentence(random, ['1', '90', '0', '.5', 'ms', 's', 'm', 'h', 'd', 'w', '-', '1e3'], 6);
    return {
      text,
      answer: () => {
        const read = parseDuration(text);
        if (read.ok) expect(formatDuration(read.value)).toBeTypeOf('string');
      },
    };
  }));

const CRON = '* 0 5 59 60 23 31 12 7 */5 1-5 5-1 L L-3 15W # 1#2 ? JAN MON-FRI , - / @daily H'.split(' ');
const RRULE =
  'FREQ= DAILY WEEKLY YEARLY SECONDLY ; INTERVAL= 0 1 99 COUNT= UNTIL= 20260101T000000Z BYDAY= MO,-1FR BYMONTH= 13 BYSETPOS= -366 DTSTART: RRULE: BYHOUR= 24 \n'.split(
    ' ',
  );

it('schedules: their next instants are found, or it is said that there are none', () =>
  campaign('schedule', 400, (random) => {
    const cron = Array.from({ length: 4 + random.below(4) }, () => random.pick(CRON)).join(' ');
    const rule = sentence(random, RRULE, 10);
    const timing = random.pick([
      { kind: 'cron', expression: random.chance(80) ? cron : sentence(random, CRON, 8) },
      { kind: 'rrule', rule },
      {
        kind: 'interval',
        every_ms: random.pick([1, 1_000, 86_400_000, 90_061_001]),
        anchor: random.pick([null, ...HOSTILE_TEXTS]),
      },
      { kind: 'at', time: random.pick(HOSTILE_TEXTS) },
    ] as const);
    const timezone = random.pick([
      'UTC',
      'America/New_York',
      'Pacific/Apia',
      'Europe/Berlin',
      ...HOSTILE_TEXTS.slice(0, 12),
    ]);
    const start = random.pick([null, null, '2026-01-01', ...HOSTILE_TEXTS.slice(0, 6)]);
    const timetable = { timing, timezone, start, end: random.pick([null, '2027-01-01T00:00:00Z']) };
    return {
      text: JSON.stringify(timetable),
      answer: () => {
        const read = readTimetable(timetable);
        if (!read.ok) return expect(read.error.length).toBeGreaterThan(0);
        const from = Date.UTC(2026, random.below(12), 1 + random.below(28));
        const next = nextOf([read.value], from, 5);
        expect(next.every((instant, index) => instant >= from && instant > (next[index - 1] ?? 0))).toBe(true);
      },
    };
  }));

it('outputs: files of names and values, and what was printed', () =>
  campaign('outputs', 2_000, (random) => {
    const lines = [
      'a=1',
      'b<<EOF',
      'EOF',
      'x',
      '{"a":1}',
      '__proto__=1',
      'constructor<<',
      '=',
      'a<<a',
      '\r',
      '\ufeff{',
    ];
    const good = random.chance(50)
      ? Array.from({ length: random.below(6) }, () => random.pick(lines)).join('\n')
      : JSON.stringify(anyJson(random, 4));
    const bytes = random.chance(60) ? mutateBytes(random, Buffer.from(good)) : Buffer.from(good);
    return {
      text: bytes,
      answer: () => {
        const read = parseOutputs(bytes);
        if (read.ok && read.value !== null) {
          expect(Object.getPrototypeOf(read.value)).toBe(Object.prototype);
          expect(JSON.parse(JSON.stringify(read.value))).toEqual(read.value);
        }
        for (const mode of ['json', 'text', 'lines'] as const) readPrinted(mode, { kind: 'whole', bytes });
        const text = bytes.toString();
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        expect(findJsonFault(text) === null).toBe(isJson);
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      },
    };
  }));

it('S3: expressions have a value of JSON, or a problem with its place; nothing of JavaScript is reached', () => {
  const scope = {
    params: { list: [1, 'two', null, { three: 3 }], map: { a: { b: 1 } }, text: 'x'.repeat(100) },
    steps: { a: { outputs: { n: 1 }, state: 'succeeded' } },
    item: { id: 'x' },
  };
  return campaign('expression', 2_000, (random) => {
    const inner = expression(random);
    const text = random.chance(80) ? `\${{ ${inner} }}` : `a \${{ ${inner} }} b \${{ ${expression(random, 2)} }}`;
    return {
      text,
      answer: () => {
        parseCondition(inner);
        const template = parseTemplate(text);
        if (!template.ok)
          return expect(template.error.every(({ offset }) => offset >= 0 && offset <= text.length)).toBe(true);
        templateReads(template.value);
        const value = evaluateTemplate(template.value, scope);
        if (!value.ok) return expect(value.error.message).not.toBe('');
        // Neither a function nor a prototype: what comes out survives the way through JSON.
        expect(JSON.stringify(JSON.parse(JSON.stringify(value.value)))).toBe(JSON.stringify(value.value));
        expect(JSON.stringify(value.value)).not.toMatch(/\[native code\]|function/);
      },
    };
  });
});

it('params, of a command line and of a file', async () => {
  const types = ['string', 'integer', 'number', 'boolean', 'array', 'object', 'null'];
  const params = types.map((type) => `  ${type}: { type: "${type}" }`);
  const patterned = '  pattern: { type: string, pattern: "^(a+)+$", maxLength: 5000 }\n  any: {}\n';
  const { definition } = await loaded(`params:\n${params.join('\n')}\n${patterned}steps: { a: { run: 'true' } }\n`);
  await campaign('params', 400, (random) => {
    const given = new Map<string, { kind: 'text'; text: string }>();
    for (const name of [...types, 'pattern', 'any']) {
      const text = random.chance(60) ? random.pick(HOSTILE_TEXTS) : (JSON.stringify(anyJson(random)) ?? '');
      if (random.chance(70)) given.set(random.chance(95) ? name : random.pick(HOSTILE_TEXTS), { kind: 'text', text });
    }
    const file = mutateBytes(random, Buffer.from(JSON.stringify(anyJson(random) ?? null))).toString();
    return {
      text: JSON.stringify([...given]),
      answer: async () => {
        readParamsFile(file);
        const read = await resolveParams(definition, given, {});
        if (!read.ok) expect(read.error.every(({ message }) => message !== '')).toBe(true);
      },
    };
  });
});

it('dotenv files', () => {
  const lines = [
    'A=1',
    'export B="x y"',
    "C='a\nb'",
    'D=`x`',
    '# c',
    'E = 1 # c',
    '=x',
    'F',
    'A=$(touch P)',
    '\ufeffG=1',
    'H="',
  ];
  return campaign('dotenv', 200, (random) => {
    const text = Array.from({ length: random.below(6) }, () => random.pick(lines)).join('\n');
    const bytes = random.chance(70) ? mutateBytes(random, Buffer.from(text)) : Buffer.from(text);
    const file = `${folderWith({ '.env': bytes })}/.env`;
    return {
      text: bytes,
      answer: () => {
        const read = environmentOfRun(openSession({}), { dotenv: [file] });
        if (!read.ok) expect(read.error).toContain('.env');
      },
    };
  });
});

it('S14: whatever is printed in whatever pieces, a terminal is shown the same, and obeys colours only', () => {
  const pieces = [
    '\u001b',
    '[',
    ']',
    '52;c;',
    '\u0007',
    '\u001b\\',
    '31m',
    'm',
    '?25l',
    '\u009b',
    '\u009d',
    '\u0090',
    '\n',
    '\r',
    '\0',
    'text',
    '\u202e',
    'é',
    '😀',
    '\u001bP',
    '\u001b(B',
    '\u001bc',
    ';',
    '999999999',
  ];
  const obeyed = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
  return campaign('terminal', 1_000, (random) => {
    const text = sentence(random, pieces, 30);
    const bytes = random.chance(50) ? mutateBytes(random, Buffer.from(text)) : Buffer.from(text);
    return {
      text: bytes,
      answer: () => {
        const whole = new TerminalFilter();
        const expected = whole.push(bytes) + whole.end();
        const cut = new TerminalFilter();
        let shown = '';
        for (let at = 0; at < bytes.length; ) {
          const length = 1 + random.below(5);
          shown += cut.push(bytes.subarray(at, at + length));
          at += length;
        }
        expect(shown + cut.end()).toBe(expected);
        expect(expected.replace(/\u001b\[[0-9;:]*m/g, '')).not.toMatch(/\u001b/);
        expect(expected).not.toMatch(obeyed);
      },
    };
  });
});

it('flows: bytes changed in good ones, and drawn from their grammar: a definition, or problems that can be printed', async () => {
  const corpus = yamlCorpus();
  expect(corpus.length).toBeGreaterThan(100);
  await campaign('flow', 150, (random) => {
    const text = random.chance(40) ? flow(random) : mutateBytes(random, random.pick(corpus)).toString();
    return {
      text,
      answer: async () => {
        const result = await loadFlowText(new SourceText('flow.yaml', text), '/nowhere/flow.yaml');
        const found = result.kind === 'loaded' ? result.warnings : result.diagnostics;
        const printed = printDiagnostics(found, result.sources);
        if (result.kind === 'invalid') expect(printed).toMatch(/flow\.yaml:\d+:\d+|-->/);
        expect(printed).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
        if (result.kind === 'loaded')
          expect(JSON.parse(JSON.stringify(result.definition)) as Json).toEqual(
            JSON.parse(JSON.stringify(result.definition)),
          );
      },
    };
  });
});
