/** `graph`: which step comes after which, in five formats; for a run with the states of its steps. */

import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlowGraph } from '../../src/cli/graph/flow-graph.ts';
import { dotText, mermaidText } from '../../src/cli/graph/markup.ts';
import { svgText } from '../../src/cli/graph/svg.ts';
import { treeText } from '../../src/cli/graph/tree.ts';
import { createStyle } from '../../src/cli/style.ts';
import { useCase } from '../kit/case.ts';
import { onlyRun } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase();
const plain = createStyle(false);

const DIAMOND = `name: diamond
steps:
  fetch: { run: 'echo rows=3 >> "$FLOWCTL_OUTPUT"' }
  left: { needs: fetch, run: 'true' }
  right: { needs: fetch, env: { N: "\${{ steps.fetch.outputs.rows }}" }, run: 'true' }
  join: { needs: [left, right], env: { N: "\${{ steps.fetch.outputs.rows }} \${{ steps.left.state }}" }, run: 'true' }
`;

describe('graph of a flow', () => {
  it('a tree: every step once, other needs named, arrows to what stands elsewhere; nothing is made', async () => {
    const { rig } = here;
    rig.write('flow.yaml', DIAMOND);
    expect(await rig.flowctl('graph', 'flow.yaml')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `diamond  4 steps

fetch         command
├─ left       command
│  └─ → join
└─ right      command
   └─ join    command  also needs left
`,
    });
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });

  it('json: nodes and edges, and nothing else; `data` where outputs are read, not where a state is', async () => {
    const { rig } = here;
    rig.write('flow.yaml', DIAMOND);
    const { stdout } = await rig.flowctl('graph', 'flow.yaml', '--format', 'json');
    expect(JSON.parse(stdout)).toEqual({
      nodes: ['fetch', 'left', 'right', 'join'].map((id) => ({ id, kind: 'command' })),
      edges: [
        { from: 'fetch', to: 'left', kind: 'needs' },
        { from: 'fetch', to: 'right', kind: 'needs' },
        { from: 'fetch', to: 'right', kind: 'data' },
        { from: 'left', to: 'join', kind: 'needs' },
        { from: 'right', to: 'join', kind: 'needs' },
        { from: 'fetch', to: 'join', kind: 'data' },
      ],
    });
  });

  it('shows needs that follow from files, and so does the plan of a run', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      'name: files\nsteps:\n  clean: { run: x }\n  make: { run: x, needs: clean, generates: a.o }\n  link: { run: x, needs: clean, sources: "*.o" }\n',
    );
    expect((await rig.flowctl('graph', 'flow.yaml')).stdout).toBe(`files  3 steps

clean       command
├─ make     command
│  └─ link  command  needs clean; reads files of make
└─ → link
`);
    const { stdout } = await rig.flowctl('graph', 'flow.yaml', '--format', 'json');
    expect((JSON.parse(stdout) as FlowGraph).edges).toEqual([
      { from: 'clean', to: 'make', kind: 'needs' },
      { from: 'clean', to: 'link', kind: 'needs' },
      { from: 'make', to: 'link', kind: 'files' },
    ]);
    expect((await rig.flowctl('run', 'flow.yaml', '--dry-run')).stdout).toContain('; reads files of make\n');
  });

  it('mermaid and dot: one arrow for each pair, dashes where no need joins them', async () => {
    const { rig } = here;
    rig.write('flow.yaml', DIAMOND);
    expect((await rig.flowctl('graph', 'flow.yaml', '--format', 'mermaid')).stdout).toBe(`flowchart TD
  s0["fetch"]
  s1["left"]
  s2["right"]
  s3["join"]
  s0 --> s1
  s0 --> s2
  s1 --> s3
  s2 --> s3
  s0 -.-> s3
`);
    expect((await rig.flowctl('graph', 'flow.yaml', '--format', 'dot')).stdout).toBe(`digraph "diamond" {
  rankdir=LR;
  node [shape=box, fontname="sans-serif"];
  "fetch";
  "left";
  "right";
  "join";
  "fetch" -> "left";
  "fetch" -> "right";
  "left" -> "join";
  "right" -> "join";
  "fetch" -> "join" [style=dashed];
}
`);
  });

  it('refuses what `run` refuses, with the same codes, and an unknown format', async () => {
    const { rig } = here;
    rig.write('bad.yaml', 'steps:\n  a: { needs: nobody, run: x }\n');
    expect(await rig.flowctl('graph', 'bad.yaml')).toMatchObject({ code: 3, stdout: '' });
    expect(await rig.flowctl('graph', 'none.yaml')).toMatchObject({ code: 4, stdout: '' });
    expect(await rig.flowctl('graph', '01aaaaaaaaaaaaaaaaaaaaaaaa')).toMatchObject({ code: 4, stdout: '' });
    expect(await rig.flowctl('graph', 'bad.yaml', '--format', 'png')).toMatchObject({ code: 2, stdout: '' });
    expect(await rig.flowctl('graph')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('graph of a run', () => {
  it('has the states of maps and of groups, not those of their items or of members with the same name', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  load: { foreach: [1, 2], if: item == 1, run: 'true' }
  check: { foreach: [1, 2], tolerate: 1, run: [test, "\${{ item }}", "=", "1"] }
  both: { steps: { load: { run: exit 1, continue_on_error: true } } }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    const { stdout } = await rig.flowctl('graph', 'last', '--format', 'json');
    expect((JSON.parse(stdout) as FlowGraph).nodes.map(({ id, state }) => [id, state])).toEqual([
      ['load', 'succeeded'],
      ['check', 'succeeded'],
      ['both', 'succeeded'],
      ['both/load', 'failed'],
    ]);
  });

  it('has the states of its steps, while it goes on and afterwards, of the definition it ran', async () => {
    const { rig } = here;
    const stage = await here.stage();
    const text = `name: states
steps:
  good: { run: 'true' }
  slow: { needs: good, run: ${Stage.step('slow')} }
  after: { needs: slow, run: 'true' }
`;
    rig.write('flow.yaml', text);
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('slow');
    const states = async (): Promise<unknown> =>
      (JSON.parse((await rig.flowctl('graph', 'last', '--format', 'json')).stdout) as FlowGraph).nodes.map(
        ({ id, state }) => [id, state],
      );
    expect(await states()).toEqual([
      ['good', 'succeeded'],
      ['slow', 'running'],
      ['after', 'pending'],
    ]);
    await puppet.exit(3);
    await run.ended;
    rig.write('flow.yaml', 'name: other\nsteps: { other: { run: x } }\n');
    expect(await states()).toEqual([
      ['good', 'succeeded'],
      ['slow', 'failed'],
      ['after', 'skipped'],
    ]);
    const { id } = await onlyRun(rig);
    expect((await rig.flowctl('graph', id.slice(0, 20))).stdout).toBe(`states, run ${id}  3 steps

✓ good         succeeded  command
└─ ✗ slow      failed     command
   └─ - after  skipped    command
`);
    expect((await rig.flowctl('graph', 'last', '--format', 'dot')).stdout).toContain(
      '"slow" [style="filled", fillcolor="#f9d7d4", color="#b3372e", tooltip="slow: failed"];',
    );
    expect((await rig.flowctl('graph', 'last', '--format', 'mermaid')).stdout).toMatch(
      /classDef failed fill:#\w+.*\n {2}class s1 failed\n/,
    );
    expect((await rig.flowctl('graph', 'last', '--format', 'svg')).stdout).toContain('<g class="step failed">');
  });
});

/** Graphs of up to 40 steps, each of which needs some of those before it. */
const graphs: fc.Arbitrary<FlowGraph> = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 40 })
  .map((lists) => ({
    nodes: lists.map((_, index) => ({ id: `s${index}`, kind: index % 3 === 0 ? 'function' : 'command' })),
    edges: lists.flatMap((list, index) =>
      index === 0
        ? []
        : [...new Set(list.map((number) => number % index))].map(
            (need) => ({ from: `s${need}`, to: `s${index}`, kind: 'needs' }) as const,
          ),
    ),
  }));

describe('drawings of any graph', () => {
  it('the tree shows every step once, and says of every need where it is', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const lines = treeText(graph, 'x', plain).trimEnd().split('\n').slice(2);
        const steps = lines.filter((line) => !line.includes('→'));
        const names = steps.map((line) => /s\d+/.exec(line)?.[0]);
        expect([...names].sort()).toEqual(graph.nodes.map(({ id }) => id).sort());
        for (const { id } of graph.nodes) {
          const needs = graph.edges.filter(({ to }) => to === id).length;
          const line = steps[names.indexOf(id)] ?? '';
          const named = / needs (.*)$/.exec(line)?.[1]?.split(', ').length ?? 0;
          const isIndented = /[├└]/.test(line);
          expect(named + (isIndented ? 1 : 0)).toBe(needs);
        }
      }),
    );
  });

  it('the picture is well-formed, its steps do not overlap, and every edge goes to the right', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const svg = svgText(graph, 'x');
        expectWellFormed(svg);
        const boxes = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(
          ([, x, y, width, height]) => [Number(x), Number(y), Number(width), Number(height)] as const,
        );
        expect(boxes).toHaveLength(graph.nodes.length);
        boxes.forEach(([x, y, width, height], index) => {
          for (const [otherX, otherY, otherWidth, otherHeight] of boxes.slice(index + 1)) {
            const apart =
              x + width <= otherX || otherX + otherWidth <= x || y + height <= otherY || otherY + otherHeight <= y;
            expect(apart).toBe(true);
          }
        });
        const edges = [...svg.matchAll(/<path(?: class="indirect")? d="M([\d.]+),[\d.]+ .*?([\d.]+),[\d.]+"\/>/g)];
        expect(edges).toHaveLength(graph.edges.length);
        for (const [, from, to] of edges) expect(Number(from)).toBeLessThan(Number(to));
      }),
    );
  });

  it('hostile names stay text in every format', () => {
    const id = `a"]; click s0 "javascript:x" <script>&'\\ \u0007`;
    const graph: FlowGraph = {
      nodes: [
        { id, kind: 'command', state: 'failed' },
        { id: 'end', kind: 'function' },
      ],
      edges: [{ from: id, to: 'end', kind: 'needs' }],
    };
    expectWellFormed(svgText(graph, id));
    expect(svgText(graph, id)).not.toContain('<script');
    expect(mermaidText(graph).split('\n')[1]).toBe(
      '  s0["a#34;]#59; click s0 #34;javascript#58;x#34; #60;script#62;#38;#39;#92; #7;"]',
    );
    expect(dotText(graph, id).split('\n')[0]).toBe(`digraph "${id.replace(/["\\]/g, '\\$&')}" {`);
  });

  it('a chain of 5,000 steps and a fan of 300 by 300 are drawn without overflowing the stack', () => {
    const chain: FlowGraph = {
      nodes: Array.from({ length: 5_000 }, (_, index) => ({ id: `s${index}`, kind: 'command' })),
      edges: Array.from({ length: 4_999 }, (_, index) => ({ from: `s${index}`, to: `s${index + 1}`, kind: 'needs' })),
    };
    const lines = treeText(chain, 'x', plain).trimEnd().split('\n');
    expect(lines).toHaveLength(5_002);
    expect(lines.every((line) => line.length < 120)).toBe(true);
    expect(lines.at(-1)).toContain('needs s4998');
    expectWellFormed(svgText(chain, 'x'));
    const names = (letter: string): string[] => Array.from({ length: 300 }, (_, index) => `${letter}${index}`);
    const fan: FlowGraph = {
      nodes: [...names('a'), ...names('b')].map((name) => ({ id: name, kind: 'command' })),
      edges: names('a').flatMap((from) => names('b').map((to) => ({ from, to, kind: 'needs' }) as const)),
    };
    expect(treeText(fan, 'x', plain).length).toBeLessThan(200_000);
    expect(svgText(fan, 'x').match(/<rect /g)).toHaveLength(600);
  });
});

/** Tags are balanced, attributes quoted, no stray markup: enough of XML 1.0 for what is printed here. */
function expectWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-zA-Z]+)((?:\s+[a-zA-Z:]+="[^"<&]*(?:&(?:amp|lt|gt|quot|#39);[^"<&]*)*")*)\s*(\/?)>/g,
    (_, closing: string, name: string, _attributes: string, empty: string) => {
      if (closing === '/') expect(open.pop()).toBe(name);
      else if (empty === '') open.push(name);
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/<|&(?!(?:amp|lt|gt|quot|#39);)/);
  expect(rest).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
}
