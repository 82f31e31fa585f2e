/** Flows of any size and shape, as YAML, as Makefile, as ninja file, and as definitions. */

import type { StepId } from '../src/base/ids.ts';
import type { FlowDefinition, StepDefinition } from '../src/model/flow.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../src/model/defaults.ts';

/** The shapes: no edges; one chain; pairs that meet; layers of 100 in which each step needs 3 of the layer before. */
export type Shape = 'wide' | 'chain' | 'diamond' | 'layered';

/** The steps that step `index` needs. */
export function needsOf(shape: Shape, index: number): readonly number[] {
  switch (shape) {
    case 'wide':
      return [];
    case 'chain':
      return index === 0 ? [] : [index - 1];
    case 'diamond': {
      const corner = index % 4;
      const first = index - corner;
      if (corner === 0) return first === 0 ? [] : [first - 1];
      return corner === 3 ? [first + 1, first + 2] : [first];
    }
    case 'layered': {
      const layer = Math.floor(index / 100);
      if (layer === 0) return [];
      return [0, 37, 71].map((shift) => (layer - 1) * 100 + ((index + shift) % 100));
    }
  }
}

const range = (size: number): readonly number[] => Array.from({ length: size }, (_, index) => index);

/** A flow file whose steps run `command`. */
export function yamlFlow(shape: Shape, size: number, command = ':', maxParallel = 2): string {
  const steps = range(size).map((index) => {
    const needs = needsOf(shape, index).map((need) => `s${need}`);
    return `  s${index}: { run: '${command}'${needs.length === 0 ? '' : `, needs: [${needs.join(', ')}]`} }`;
  });
  return `name: bench\nmax_parallel: ${maxParallel}\nsteps:\n${steps.join('\n')}\n`;
}

/** A Makefile that does the same. The `true &&` makes make start a shell, which it does not for a bare `:`. */
export function makefile(shape: Shape, size: number): string {
  const rules = range(size).map(
    (index) =>
      `s${index}: ${needsOf(shape, index)
        .map((need) => `s${need}`)
        .join(' ')}\n\t@true && :\n`,
  );
  return `.PHONY: all ${range(size)
    .map((index) => `s${index}`)
    .join(' ')}\nall: ${range(size)
    .map((index) => `s${index}`)
    .join(' ')}\n${rules.join('')}`;
}

/** A ninja file that does the same. */
export function ninjafile(shape: Shape, size: number): string {
  const builds = range(size).map(
    (index) =>
      `build s${index}: noop ${needsOf(shape, index)
        .map((need) => `s${need}`)
        .join(' ')}\n`,
  );
  return `rule noop\n  command = :\n${builds.join('')}`;
}

/** A definition for the engine alone. */
export function definition(shape: Shape, size: number): FlowDefinition {
  const steps = range(size).map(
    (index): StepDefinition => ({
      id: `s${index}` as StepId,
      action: { kind: 'argv', argv: ['true'] },
      ...STEP_DEFAULTS,
      needs: needsOf(shape, index).map((need) => `s${need}` as StepId),
    }),
  );
  return { ...FLOW_DEFAULTS, name: 'bench', file: '/bench/flow.yaml', directory: '/bench', steps };
}
