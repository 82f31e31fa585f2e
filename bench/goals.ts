/** What flowctl wants to be held to, and which figures tell whether it is. A goal that no area measures is a line of the page that says so. */

/** One goal. */
export interface Goal {
  readonly area: string;
  /** What a ratio of 1 is. */
  readonly reference: string;
  readonly peer: string;
  readonly goal: string;
  readonly technique: string;
  /** The figures: the area of the bench, and how their names begin. */
  readonly figures: readonly { readonly area: string; readonly name: RegExp }[];
  /** Where it is missed: what the time goes to. */
  readonly limit?: string;
}

/** All goals, the largest costs first. */
export const GOALS: readonly Goal[] = [
  {
    area: 'starting 2,000 times `/bin/true`, two at a time',
    reference: 'a C loop of `posix_spawn`',
    peer: 'make 1.26',
    goal: 'at most 1.3 wall, 2.4 CPU',
    technique: 'shells that stay, or a small process that starts the others',
    figures: [{ area: 'starting', name: /^(shells that stay|the starter|directly)$/ }],
    limit:
      'A shell forks itself, where the loop need not copy what it has; it opens the log, and says to another process what became of it: two switches between processes where the loop has one.',
  },
  {
    area: 'the main thread held by a start',
    reference: 'nothing',
    peer: '',
    goal: '0.2 ms; below 5 ms at the 99th percentile with 1 GB resident',
    technique: 'the same; no output in memory',
    figures: [{ area: 'starting', name: /^(shells that stay|the starter|directly), beside 1 GB$/ }],
  },
  {
    area: '`--version`, `runs`',
    reference: '`node -e 0`',
    peer: 'turbo 1.2',
    goal: 'at most 1.1, also of 100,000 runs',
    technique: 'a script for queries, the tail of an index',
    figures: [{ area: 'cold start', name: /^(--version|runs)/ }],
    limit:
      'What `runs` takes beyond Node itself, 8 ms of CPU, is reading the script and what was compiled of it, a module of Node for its checksum, and one pass through code that V8 has not made fast yet.',
  },
  {
    area: '`validate`; the first event of `run`; all of a run of one step',
    reference: '`node -e 0`',
    peer: 'nx 1.9',
    goal: 'at most 1.35, stretch 1.2; all of it 1.8',
    technique: 'compiled schemas, lazy imports, code cache',
    figures: [{ area: 'cold start', name: /^(validate|run, )/ }],
    limit:
      'Beyond Node itself `validate` takes 17 ms of CPU and a run of one step 47. A fifth of those is V8 compiling the modules of Node that one `spawn` needs, which are in no cache; a tenth is taking over what was compiled of flowctl. A start-up snapshot of Node would hold both; `bench/README.md` has the parts.',
  },
  {
    area: 'the ready queue and the plan of 100,000 steps',
    reference: 'a plain loop; `node -e 0`',
    peer: '',
    goal: 'at most 4; within one `node -e 0`',
    technique: 'integers in typed arrays',
    figures: [{ area: 'planning', name: /^(plan|ready queue), / }],
  },
  {
    area: 'the whole engine, 100,000 steps',
    reference: 'one C `posix_spawn` per step',
    peer: '',
    goal: 'at most 0.05; exponent at most 1.1',
    technique: 'an index of what changed',
    figures: [{ area: 'engine', name: /^(engine, .*per step|growth)/ }],
  },
  {
    area: 'memory per step',
    reference: 'a plain loop: 150 bytes',
    peer: '',
    goal: 'at most 2 KB in the engine, nothing per byte printed',
    technique: 'typed arrays, outputs by reference',
    figures: [
      { area: 'engine', name: /^growth/ },
      { area: 'logs', name: /memory/ },
    ],
  },
  {
    area: 'recording',
    reference: 'one `fdatasync` for 50 lines',
    peer: '',
    goal: 'at most 15 us and 150 bytes an event; 10 MB in all for 10,000 steps',
    technique: 'group commit',
    figures: [
      { area: 'recording', name: /^journal/ },
      { area: 'shell steps', name: /^growth, what is on the disk/ },
    ],
  },
  {
    area: 'the log of a step',
    reference: "the shell's `> file`; `| cat > file` with secrets",
    peer: 'the shell',
    goal: 'at most 1.11 (0.9 of its speed); 2 (half of it) with secrets; memory flat',
    technique: 'the descriptor itself; one alternation of all secrets',
    figures: [{ area: 'logs', name: /./ }],
  },
  {
    area: 'the view of 5,000 running steps',
    reference: 'one core; the same run without a view',
    peer: '',
    goal: 'at most 0.02 of a core, 20 kB/s, the run at most 1 % slower',
    technique: 'a screenful ten times a second',
    figures: [
      { area: 'rendering', name: /^tree/ },
      { area: 'live run', name: /./ },
    ],
  },
  {
    area: '1,000 shell steps with logs and journal',
    reference: 'a C loop of `sh -c :`',
    peer: 'ninja 0.9 to 1.1, keeps neither',
    goal: 'safe against kill -9: at most 1.6, in a chain 1.8; against power loss: 2.0, 2.2',
    technique: 'all of it',
    figures: [{ area: 'shell steps', name: /^(flowctl|make|ninja|xargs|parallel)/ }],
    limit:
      'See the first goal; beside it each step has its log, its folder of outputs and two events, and a chain waits for the disk after each step.',
  },
  {
    area: '40 fib(10) in Python and in TypeScript',
    reference: 'a C loop that starts python; one `node -e 0`; Prefect 3',
    peer: 'xargs 1.0 to 1.1',
    goal: 'at most 1.0, warm 0.2; 2 in all; 0.5 and 0.05 of Prefect',
    technique: 'interpreters and hosts that stay',
    figures: [
      { area: 'warm python', name: /./ },
      { area: 'peers', name: /./ },
    ],
    limit:
      'A cold step starts its own python, as the loop does, so nothing below the loop is in reach without `warm`. With TypeScript the compiler of modules and the thread of the functions start beside flowctl itself.',
  },
];
