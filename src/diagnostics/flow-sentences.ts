/** Sentences about steps, expressions, functions and params. Looked up through `sentences`. */

import { didYouMean, type FlowDiagnosticCode } from './document-sentences.ts';
import type { FactsByCode } from './facts.ts';
import { counted, example, listedNames, quoted, stepNamed, yamlScalar } from './phrase.ts';
import type { Sentence, Sentences } from './sentences.ts';

const ACTIONS = ['run', 'call', 'flow', 'steps', 'wait', 'approve'];

const say = (message: string, help: string | null = null): Sentence => ({ message, help });

const subtractionHelp = (subtraction: string | null): string | null =>
  subtraction === null ? null : `a name may contain \`-\`; to subtract, write:${example(subtraction)}`;

/** How the other languages read an environment variable. */
const VARIABLE_READS: {
  readonly [Shell in FactsByCode['expression_in_shell']['shell']]: (name: string) => string;
} = {
  python: (name) => `os.environ["${name}"]`,
  node: (name) => `process.env.${name}`,
  pwsh: (name) => `$env:${name}`,
};

/** Where a name is available, of those that are not everywhere. */
function availability(name: string): string | null {
  switch (name.split('.').at(-1)) {
    case 'steps':
      return 'no step has run when this is computed; use it in a step, or in `outputs`';
    case 'item':
      return 'a step with `foreach` has it, and what is inside of such a step; `outer.item` is that of the map around';
    case 'matrix':
      return 'a step with `matrix` has it, and what is inside of such a step; `outer.matrix` is that of the map around';
    case 'index':
    case 'outer':
      return 'a step with `foreach` or `matrix` has it, and what is inside of such a step';
    case 'previous':
    case 'outputs':
    case 'exit_code':
      return 'only the condition of a `repeat` has it; those of other steps are `steps.<name>.outputs` and `.exit_code`';
    default:
      return null;
  }
}

/** Sentences for what the parts of a flow mean together. */
export const FLOW_SENTENCES: Sentences<FlowDiagnosticCode> = {
  missing_action: ({ step }) =>
    say(
      `step ${quoted(step)} does nothing: it has none of ${listedNames(ACTIONS, 'and')}`,
      `give it a command, or a function:${example('run: echo hello', 'call: ./tasks.ts#name')}`,
    ),
  several_actions: ({ step, keys }) =>
    say(
      `${stepNamed(step)} has ${keys.length === 2 ? 'both ' : ''}${listedNames(keys, 'and')}`,
      `keep one of them, or ${step.endsWith(']') ? 'write two' : keys.length === 2 ? 'make two steps' : 'make several steps'}`,
    ),
  misplaced_key: ({ key, step, home, remedy }) =>
    say(
      `${quoted(key)} of ${stepNamed(step)} has no effect: it belongs to ${home}`,
      remedy ?? `leave ${quoted(key)} out`,
    ),
  one_key_of: ({ what, keys, found }) =>
    found.length === 0
      ? say(
          `${what} has ${keys.length === 2 ? `neither ${keys.map(quoted).join(' nor ')}` : `none of ${listedNames(keys, 'and')}`}`,
          'write one of them',
        )
      : say(`${what} has ${found.length === 2 ? 'both ' : ''}${listedNames(found, 'and')}`, 'keep one of them'),
  axis_name_clash: ({ name, other }) =>
    say(
      `the axes ${quoted(name)} and ${quoted(other)} differ only in case`,
      'expressions do not tell upper from lower case: rename one of them',
    ),
  unknown_axis: ({ name, ...facts }) =>
    say(
      `${quoted(name)} is no axis of this \`matrix\``,
      didYouMean(facts, 'axis') ?? 'write it beside `exclude`, with its values',
    ),
  unknown_need: ({ step, name, elsewhere, ...facts }) => {
    if (elsewhere === null)
      return say(`step ${quoted(step)} needs ${quoted(name)}, which does not exist`, didYouMean(facts, 'step'));
    const { kind, group } = elsewhere;
    return kind === 'inside'
      ? say(
          `step ${quoted(step)} needs ${quoted(name)}, which is inside of group ${quoted(group)}`,
          `a step waits for those beside it; wait for the whole group:${example(`needs: ${group}`)}`,
        )
      : say(
          `step ${quoted(step)} needs ${quoted(name)}, which is outside of group ${quoted(group)}`,
          `a step waits for those beside it; let the whole group wait, in ${quoted(group)}:${example(`needs: ${name}`)}`,
        );
  },
  self_need: ({ step }) => say(`step ${quoted(step)} needs itself`, 'leave it out of `needs`'),
  duplicate_need: ({ step, need }) => say(`step ${quoted(step)} needs ${quoted(need)} twice`, 'name it once'),
  exit_code_clash: ({ step, exitCode, isDefault }) =>
    say(
      `exit code ${exitCode} of step ${quoted(step)} means both success and nothing to do`,
      isDefault
        ? `without \`success_codes\`, 0 is success; say which other code is:${example('success_codes: [1]')}`
        : 'keep it in one of `success_codes` and `skip_codes`',
    ),
  dependency_cycle: ({ path }) => {
    const shown = path.length > 12 ? [...path.slice(0, 9), '...', ...path.slice(-2)] : path;
    return say(`steps wait for each other: ${shown.join(' -> ')}`, 'take one of these names out of `needs`');
  },

  expression_syntax: ({ problem, remedy }) => say(problem, remedy),
  unknown_function: ({ problem, remedy }) => say(problem, remedy),
  unknown_name: ({ problem, remedy }) => say(problem, remedy),
  expression_too_large: ({ problem, remedy }) => say(problem, remedy),
  wrong_arguments: ({ problem, remedy }) => say(problem, remedy),
  invalid_pattern: ({ problem, remedy }) => say(problem, remedy),
  status_outside_if: ({ problem, remedy }) => say(problem, remedy),
  mixed_condition: ({ rewritten }) =>
    say(
      'the condition is an expression with text around it, and such a text is always true',
      rewritten === null
        ? 'put the whole of it in one `${{ }}`, or write it without'
        : `write all of it as one expression:${example(`if: ${yamlScalar(rewritten)}`)}`,
    ),
  expression_in_shell_place: ({ problem, remedy }) => say(problem, remedy),
  expression_in_shell: ({ shell, variables }) => {
    const env = variables.map(({ name, value }) => `  ${name}: ${yamlScalar(value)}`);
    const reads = variables.map(({ name }) => `  ... ${VARIABLE_READS[shell](name)} ...`);
    return say(
      `an expression cannot stand in the text of \`${shell}\`: the value would become code`,
      `hand the value over in an environment variable, and read that:${example('env:', ...env, 'run: |', ...reads)}`,
    );
  },
  expression_not_allowed: ({ what }) => say(`${what} cannot hold an expression`, 'write the value itself'),
  unknown_step_reference: ({ name, inside, ...facts }) =>
    inside === null
      ? say(`the expression refers to step ${quoted(name)}, which does not exist`, didYouMean(facts, 'step'))
      : say(
          `the expression refers to step ${quoted(name)}, which is inside of a group`,
          `from outside, the group's outputs hold those of its steps; did you mean ${quoted(inside)}?`,
        ),
  step_not_upstream: ({ step, waiter, reference, isDownstream, isAround }) => {
    if (isAround)
      return say(`step ${quoted(step)} refers to ${quoted(reference)}, the group that it is in, before that has ended`);
    if (step === reference) return say(`step ${quoted(step)} refers to itself, before it has run`);
    const message = `step ${quoted(step)} refers to ${quoted(reference)}, but does not wait for it`;
    if (isDownstream)
      return say(message, `${quoted(reference)} itself waits for ${quoted(waiter)}: it cannot run first`);
    return say(message, `let it wait, in step ${quoted(waiter)}:${example(`needs: ${reference}`)}`);
  },
  dynamic_step_reference: () =>
    say(
      '`steps` has to be followed by the name of a step',
      `for example:${example('${{ steps.extract.outputs.rows }}')}`,
    ),
  unknown_property: ({ owner, name, ...facts }) =>
    say(`${quoted(owner)} has no ${quoted(name)}`, didYouMean(facts, 'member')),
  unknown_output: ({ owner, name, subtraction, ...facts }) =>
    say(
      `${quoted(owner)} has no ${quoted(name)}: its schema allows only what it lists`,
      subtractionHelp(subtraction) ?? didYouMean(facts, 'member'),
    ),
  shadowed_step: ({ name, group }) =>
    say(
      `${quoted(`steps.${name}`)} is a step beside the group ${quoted(group)}, and one inside as well`,
      'the steps inside of the group see the nearer one: rename one of them',
    ),
  mapped_outputs: ({ owner, name }) =>
    say(
      `${quoted(owner)} is a list, with one entry for each item; it has no ${quoted(name)}`,
      `of one item, or of all of them:${example(`${owner}[0].${name}`, `${owner}.*.${name}`)}`,
    ),
  unknown_param: ({ name, subtraction, ...facts }) => {
    const help =
      subtractionHelp(subtraction) ??
      didYouMean(facts, 'param') ??
      `declare it at the top of the flow:${example('params:', `  ${name}: { type: string }`)}`;
    return say(`the flow has no param ${quoted(name)}`, help);
  },
  later_param: ({ param, reference }) =>
    param === reference
      ? say(`the default of param ${quoted(param)} refers to itself`)
      : say(
          `the default of param ${quoted(param)} refers to ${quoted(reference)}, which comes later`,
          `defaults are computed from the top down: move ${quoted(reference)} above ${quoted(param)}`,
        ),
  name_not_available: ({ name, where }) => say(`${quoted(name)} is not available in ${where}`, availability(name)),

  invalid_call: ({ text }) =>
    say(
      `${quoted(text)} does not name a function`,
      /\.ya?ml$/.test(text)
        ? `a flow file is called by \`flow\`:${example(`flow: ${text}`)}`
        : `write the path of a TypeScript or JavaScript file, \`#\`, and the name of its export:${example('call: ./tasks.ts#name')}`,
    ),
  module_not_found: ({ module }) =>
    say(`there is no file ${quoted(module)}`, "the path is relative to the flow's own folder"),
  module_syntax: ({ module, problem }) => say(`${quoted(module)} cannot be parsed: ${problem}`),
  export_not_found: ({ module, name, ...facts }) => {
    const hint = didYouMean(facts, 'export') ?? 'it exports nothing: write `export` before the function';
    const help = name === 'default' ? `without \`#name\` the default export is meant; ${hint}` : hint;
    return say(`${quoted(module)} has no export ${quoted(name)}`, help);
  },
  not_a_function: ({ module, name, found, wanted }) =>
    say(
      `${quoted(name)} of ${quoted(module)} is ${found}, and no ${wanted}`,
      wanted === 'flow'
        ? `export a flow:${example(`export ${name === 'default' ? 'default' : `const ${name} =`} flow('name', async () => { ... });`)}`
        : `export a function:${example(`export ${name === 'default' ? 'default function' : `function ${name}`}(input) { ... }`)}`,
    ),

  flow_not_found: ({ flow }) =>
    say(`there is no flow file ${quoted(flow)}`, "the path is relative to this flow's own folder"),
  flow_not_loaded: ({ message }) => say(`this module cannot be loaded: ${message}`),
  no_such_flow: ({ flow, available, found }) =>
    say(
      found === null
        ? `this module has no ${flow === 'default' ? 'default export' : `flow ${quoted(flow)}`}`
        : `the export ${quoted(flow)} is no flow but of the type ${quoted(found)}`,
      available.length === 0
        ? `export a flow:${example("export default flow('name', async () => { ... });")}`
        : `its flows are ${listedNames(available, 'and')}; name one as ${quoted(`file.ts#${available[0] ?? ''}`)}`,
    ),
  invalid_sub_flow: ({ count }) => say(`this flow has ${counted(count, 'error')} of its own, which are listed as well`),
  invalid_schedule: ({ key, problem, remedy }) => say(`${quoted(key)}: ${problem}`, remedy),
  invalid_trigger: ({ key, problem, remedy }) => say(`${quoted(key)}: ${problem}`, remedy),
  invalid_automation: ({ key, problem, remedy }) => say(`${quoted(key)}: ${problem}`, remedy),
  missing_schedule_param: ({ params }) =>
    say(
      `the runs that this begins have no value for ${params.length === 1 ? 'the param' : 'the params'} ${listedNames(params, 'and')}`,
      `write it here, or give it a default:${example('params:', ...params.slice(0, 5).map((name) => `  ${name}: ...`))}`,
    ),
  unknown_flow_param: ({ flow, name, ...facts }) =>
    say(
      `${quoted(flow)} has no param ${quoted(name)}`,
      didYouMean(facts, 'param') ??
        `declare it in ${quoted(flow)}:${example('params:', `  ${name}: { type: string }`)}`,
    ),
  missing_flow_param: ({ flow, params }) =>
    say(
      `${quoted(flow)} is not given ${params.length === 1 ? 'its param' : 'its params'} ${listedNames(params, 'and')}`,
      `write:${example('with:', ...params.slice(0, 5).map((name) => `  ${name}: ...`))}`,
    ),
  flow_param_mismatch: ({ flow, param, problem }) =>
    say(`the value does not fit param ${quoted(param)} of ${quoted(flow)}: ${problem}`),

  invalid_param_schema: ({ param, problem }) => say(`the schema of param ${quoted(param)} is wrong: ${problem}`),
  invalid_outputs_schema: ({ step, problem }) =>
    say(`the schema of the outputs of step ${quoted(step)} is wrong: ${problem}`),
  default_mismatch: ({ param, problem }) =>
    say(`the default of param ${quoted(param)} does not fit its schema: ${problem}`),

  pipe_in_sh: ({ step }) =>
    say(
      `a failure before the pipe in ${stepNamed(step)} goes unnoticed`,
      `\`sh\` looks only at the last command of a pipe; let the step fail with any of them:${example('shell: bash')}`,
    ),
  undeclared_output: ({ owner, name, subtraction, ...facts }) =>
    say(
      `the schema of ${quoted(owner)} does not list ${quoted(name)}`,
      subtractionHelp(subtraction) ?? didYouMean(facts, 'member'),
    ),
  more_problems: ({ count }) => say(`and ${counted(count, 'more problem')}, not shown`),
  more_warnings: ({ count }) => say(`and ${counted(count, 'more warning')}, not shown`),
};
