/**
 * Draws a flow of 5 to 40 pieces of work: a random graph of commands, functions, maps, groups, sub-flows, repeats, waits, an approval,
 * and handlers. Every output follows from the inputs alone, so that two runs of a flow yield the same.
 */

import { between, chance, type Draw, oneOf } from '../kit/seeded.ts';
import { drawScript } from './draw-script.ts';
import { type DrawnWork, drawCall, drawWork, FUNCTIONS, type WorkPlace } from './draw-work.ts';
import type { DrawnFlow, ExpectedFile, ExpectedStep } from './flow-parts.ts';

/** Draws a flow, one of eight in TypeScript. @param kind draws one of this kind in any case. */
export function drawFlow(draw: Draw, kind?: DrawnFlow['kind']): DrawnFlow {
  const isScript = chance(draw, 0.125);
  return (kind ?? (isScript ? 'typescript' : 'yaml')) === 'typescript' ? drawScript(draw) : new YamlFlow(draw).drawn();
}

const indented = (lines: readonly string[], by: number): readonly string[] =>
  lines.map((line) => `${' '.repeat(by)}${line}`);

const KINDS = ['work', 'map', 'group', 'map of groups', 'sub-flow', 'call', 'repeat', 'wait', 'gate'] as const;
type Kind = (typeof KINDS)[number];
/** Of a hundred steps. */
const SHARES: { readonly [kind in Kind]: number } = {
  work: 53,
  map: 12,
  group: 8,
  'map of groups': 3,
  'sub-flow': 6,
  call: 6,
  repeat: 5,
  wait: 4,
  gate: 3,
};

function drawKind(draw: Draw): Kind {
  let left = draw() * 100;
  for (const kind of KINDS) {
    left -= SHARES[kind];
    if (left < 0) return kind;
  }
  return 'work';
}

/** A flow while it is drawn. */
class YamlFlow {
  private readonly draw: Draw;
  private readonly steps: ExpectedStep[] = [];
  private readonly generated: ExpectedFile[] = [];
  private readonly loud: string[] = [];
  private readonly files = new Map<string, string>();
  private gate: string | null = null;

  constructor(draw: Draw) {
    this.draw = draw;
  }

  drawn(): DrawnFlow {
    const { draw } = this;
    // Many small ones: a kill is worth the same in each.
    const size = 5 + Math.floor(draw() ** 2 * 36);
    const parallel = between(draw, 1, 8);
    const yielding: string[] = [];
    const lines: string[] = [];
    for (let index = 0; this.steps.length < size; index += 1) {
      const name = `s${index}`;
      // Of the last few, so that what is wide is also deep.
      const needs = yielding.slice(-6).filter(() => chance(draw, 0.35));
      const kind = drawKind(draw);
      lines.push(`  ${name}:`, `    needs: [${needs.join(', ')}]`);
      lines.push(...indented(this.step(kind, { name, needs, isItem: false, mayBeOnce: true, isPlain: true }), 4));
      if (kind !== 'wait' && kind !== 'gate') yielding.push(name);
    }
    const group = chance(draw, 0.2) ? ['concurrency: torture'] : [];
    const head = [
      'name: torture',
      `max_parallel: ${parallel}`,
      'secrets: [TORTURE_SECRET]',
      ...group,
      ...this.handlers(),
    ];
    this.files.set('flow.yaml', `${[...head, 'steps:', ...lines].join('\n')}\n`);
    this.files.set('flowctl.config.yaml', 'resources: { seats: 2 }\n');
    this.files.set('sources.txt', 'what results depend on\n');
    if ([...this.files.values()].some((text) => text.includes('functions.mjs'))) {
      this.files.set('functions.mjs', FUNCTIONS);
    }
    const { steps, generated, loud, gate, files } = this;
    const isWarm = steps.some(({ mayBeReused }) => mayBeReused) && chance(draw, 0.7);
    return { kind: 'yaml', entry: 'flow.yaml', files, steps, generated, loud, gate, isWarm };
  }

  private handlers(): readonly string[] {
    const phases = ['on_success', 'finally'].filter(() => chance(this.draw, 0.4));
    return phases.flatMap((phase) => {
      this.expect(`${phase}[0]`, { successes: null });
      return [`${phase}:`, '  - run: echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"'];
    });
  }

  private expect(key: string, more: Partial<ExpectedStep> = {}): void {
    this.steps.push({ key, successes: 1, isOnce: false, mayBeReused: false, ...more });
  }

  /** A command or a function; `keys` are those of the steps that it becomes. */
  private work(place: WorkPlace, keys: readonly string[], how: 'command' | 'function' = 'command'): readonly string[] {
    const { draw } = this;
    const work: DrawnWork = how === 'command' ? drawWork(draw, place) : drawCall(draw, place);
    for (const key of keys) {
      const { isOnce, mayBeReused, isTolerated } = work;
      this.expect(key, { isOnce, mayBeReused, successes: isTolerated ? 0 : 1 });
      if (work.isLoud) this.loud.push(key);
    }
    if (work.generates !== null) this.generated.push({ name: work.generates, content: /^first\nsecond\n$/ });
    return work.lines;
  }

  private step(kind: Kind, place: WorkPlace): readonly string[] {
    const { draw } = this;
    const { name, needs } = place;
    const inner: WorkPlace = { ...place, mayBeOnce: false, isPlain: false };
    switch (kind) {
      case 'work':
        return [...this.work(place, [name]), ...this.stepHandler(name)];
      case 'call':
        return this.work(place, [name], 'function');
      case 'map': {
        const items = between(draw, 1, chance(draw, 0.2) ? 20 : 5);
        const keys = Array.from({ length: items }, (_, item) => `${name}[${item}]`);
        return [
          `foreach: [${keys.map((_, item) => item).join(', ')}]`,
          `max_parallel: ${between(draw, 1, 4)}`,
          ...this.work({ ...inner, isItem: true }, keys),
        ];
      }
      case 'group':
        return this.group(inner, [name]);
      case 'map of groups': {
        const keys = Array.from({ length: between(draw, 1, 3) }, (_, item) => `${name}[${item}]`);
        return [
          `foreach: [${keys.map((_, item) => item).join(', ')}]`,
          ...this.group({ ...inner, isItem: true }, keys),
        ];
      }
      case 'sub-flow': {
        const file = `sub-${name}.yaml`;
        const lines = this.group({ ...inner, needs: [] }, [name]);
        this.files.set(file, `${lines.join('\n')}\noutputs: { value: "\${{ steps.y.outputs.value }}" }\n`);
        return [`flow: ./${file}`];
      }
      case 'repeat':
        return this.repeat(name);
      case 'wait':
        return [
          oneOf(draw, [
            'wait: 40ms',
            "wait: { for: { command: 'true' }, every: 20ms }",
            `wait: { for: { command: 'sleep 0.02; test -s "$EFFECTS" || test -n "$FLOWCTL_RUN_ID"' }, every: 10ms }`,
          ]),
        ];
      case 'gate':
        // One is enough to be left waiting at.
        if (this.gate !== null) return ['wait: 20ms'];
        this.gate = name;
        return [`approve: { message: "after ${needs.length} steps?" }`];
    }
  }

  private group(place: WorkPlace, keys: readonly string[]): readonly string[] {
    const member = (id: string, needs: readonly string[]): readonly string[] => [
      `  ${id}:`,
      ...(needs.length > 0 ? [`    needs: [${needs.join(', ')}]`] : []),
      ...indented(
        this.work(
          { ...place, name: `${place.name}_${id}`, needs: id === 'x' ? place.needs : needs },
          keys.map((key) => `${key}/${id}`),
        ),
        4,
      ),
    ];
    return ['steps:', ...member('x', []), ...member('y', ['x'])];
  }

  private repeat(name: string): readonly string[] {
    this.expect(name, { successes: null });
    const times = between(this.draw, 2, 4);
    return [
      `repeat: { until: "\${{ outputs.count == ${times} }}", every: 10ms, max: ${times + 9} }`,
      'run: |',
      '  echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"',
      `  counted="$COUNTS/$FLOWCTL_RUN_ID.${name}"`,
      '  count=0; if [ -e "$counted" ]; then read -r count < "$counted" || count=0; fi',
      // Never beyond the last, which may be lost and come again.
      `  if [ "$count" -lt ${times} ]; then count=$((count + 1)); fi`,
      '  echo "$count" > "$counted"',
      '  echo "count=$count" >> "$FLOWCTL_OUTPUT"',
    ];
  }

  /** Of the step that was drawn last: not of one that is reused, or fails, and so has nothing to handle. */
  private stepHandler(name: string): readonly string[] {
    const { mayBeReused = true, successes = 0 } = this.steps.at(-1) ?? {};
    if (!chance(this.draw, 0.08) || mayBeReused || successes === 0) return [];
    this.expect(`${name}/on_success[0]`, { successes: null });
    return ['on_success:', '  - run: echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"'];
  }
}
