/** Sentences about files, YAML, and the shape of keys and values. Looked up through `sentences`. */

import { assertNever } from '../base/result.ts';
import type { FactsByCode, ForeignWord } from './facts.ts';
import { example, listedNames, quoted } from './phrase.ts';
import type { Sentence, Sentences } from './sentences.ts';
import { yamlSentence } from './yaml-sentences.ts';

type FlowCode =
  | 'missing_action'
  | 'several_actions'
  | 'misplaced_key'
  | 'one_key_of'
  | 'unknown_axis'
  | 'axis_name_clash'
  | 'unknown_need'
  | 'self_need'
  | 'duplicate_need'
  | 'exit_code_clash'
  | 'dependency_cycle'
  | 'expression_syntax'
  | 'unknown_function'
  | 'unknown_name'
  | 'expression_too_large'
  | 'wrong_arguments'
  | 'invalid_pattern'
  | 'status_outside_if'
  | 'mixed_condition'
  | 'expression_in_shell_place'
  | 'expression_in_shell'
  | 'expression_not_allowed'
  | 'unknown_step_reference'
  | 'step_not_upstream'
  | 'dynamic_step_reference'
  | 'unknown_property'
  | 'unknown_output'
  | 'shadowed_step'
  | 'mapped_outputs'
  | 'unknown_param'
  | 'later_param'
  | 'name_not_available'
  | 'invalid_call'
  | 'module_not_found'
  | 'module_syntax'
  | 'export_not_found'
  | 'not_a_function'
  | 'flow_not_found'
  | 'invalid_sub_flow'
  | 'flow_not_loaded'
  | 'no_such_flow'
  | 'invalid_schedule'
  | 'invalid_trigger'
  | 'invalid_automation'
  | 'missing_schedule_param'
  | 'unknown_flow_param'
  | 'missing_flow_param'
  | 'flow_param_mismatch'
  | 'invalid_param_schema'
  | 'invalid_outputs_schema'
  | 'default_mismatch'
  | 'pipe_in_sh'
  | 'undeclared_output'
  | 'more_problems'
  | 'more_warnings';

type PolicyCode =
  | 'secret_not_allowed'
  | 'secret_in_expression'
  | 'dynamic_secret'
  | 'unknown_secret'
  | 'invalid_secret_name'
  | 'several_sources'
  | 'unknown_var'
  | 'empty_handler'
  | 'missing_channel'
  | 'conflicting_keys'
  | 'invalid_resource_name'
  | 'unknown_resource'
  | 'too_much_resource'
  | 'partial_resource'
  | 'include_not_found'
  | 'include_cycle'
  | 'invalid_config_name'
  | 'invalid_glob'
  | 'file_cycle'
  | 'reserved_step_name';

/** The codes that speak of secrets, handlers, limits. */
export type PolicyDiagnosticCode = PolicyCode;
/** The codes that speak of steps, expressions, functions and params. */
export type FlowDiagnosticCode = FlowCode;
/** The codes that speak of files, YAML, and the shape of keys and values. */
export type DocumentDiagnosticCode = Exclude<keyof FactsByCode, FlowCode | PolicyCode>;

const say = (message: string, help: string | null = null): Sentence => ({ message, help });

/** `did you mean x?`, or the list of what there is. @param most how many are named before the rest is counted: ten. */
export function didYouMean(
  facts: { suggestion: string | null; known: readonly string[] },
  noun: string,
  most?: number,
): string | null {
  if (facts.suggestion !== null) return `did you mean ${quoted(facts.suggestion)}?`;
  if (facts.known.length === 0) return null;
  return `${facts.known.length === 1 ? `the only ${noun} is` : `the ${noun}s are`} ${listedNames(facts.known, 'and', most)}`;
}

function meaningOf(word: ForeignWord): string {
  switch (word.kind) {
    case 'known':
      return `here, write:${example(word.write)}`;
    case 'needless':
      return `${word.because}: leave it out`;
    default:
      return assertNever(word, 'foreign word');
  }
}

/** Sentences for files, YAML and shapes. */
export const DOCUMENT_SENTENCES: Sentences<DocumentDiagnosticCode> = {
  unreadable_file: ({ reason }) => say(`the file cannot be read: ${reason}`),
  file_too_large: ({ limitBytes }) =>
    say(
      `the file is longer than ${limitBytes / 1_048_576} MiB`,
      'keep data in files of its own, and read it in a step',
    ),
  not_utf8: () => say('the file is not UTF-8 text', 'save it with the encoding UTF-8'),
  empty_flow: () =>
    say('the flow is empty', `write at least one step:${example('steps:', '  hello:', '    run: echo hello')}`),

  yaml_syntax: yamlSentence,
  tab_indentation: () => say('a tab cannot indent a line in YAML', 'indent with spaces'),
  too_deep: ({ limit }) => say(`this is nested more than ${limit} levels deep`),
  too_many_nodes: ({ limit }) => say(`the file stands for more than ${limit} values, with every alias written out`),
  too_many_tokens: ({ limit }) =>
    say(
      `the file has more than ${limit} signs, values and lines`,
      'keep data in files of its own, and read it in a step',
    ),
  too_many_aliases: ({ limit }) => say(`the file holds more than ${limit} aliases`),
  complex_key: () => say('a key has to be a plain text', 'lists, maps, aliases and `? ` cannot be keys'),
  custom_tag: ({ tag }) =>
    say(
      `the tag ${quoted(tag)} is not supported`,
      // `if: !failure()` looks like a tag to YAML.
      /^![A-Za-z_.]*\(/.test(tag)
        ? `an expression that begins with \`!\` needs quotes:${example('if: "!failure()"')}`
        : 'leave it out; quotes make a text of any value',
    ),
  yaml_directive: ({ directive }) =>
    say(`the directive ${quoted(directive)} is not supported`, 'leave it out; the file is YAML 1.2'),
  several_documents: () => say('the file has to be one YAML document', 'leave out the second `---`, or make two files'),
  merge_key: () =>
    say(
      'merge keys are not supported',
      'YAML 1.2 has none: repeat the keys, or share a whole value with `&name` and `*name`',
    ),
  unknown_alias: ({ name }) =>
    say(`nothing is named ${quoted(`&${name}`)} above`, 'quote the text if it only begins with `*`'),
  duplicate_key: ({ key }) => say(`${quoted(key)} is written twice`, 'keep one of them'),
  unsafe_key: ({ key }) => say(`${quoted(key)} cannot be a key`, 'choose another name'),
  not_finite: ({ text }) => say(`${quoted(text)} is not a number that JSON has`, 'quote it if it is a text'),

  unknown_key: ({ name, owner, foreign, ...facts }) => {
    const message = `unknown key ${quoted(name)} in ${owner}`;
    // The keys are all the language there is: to hide some of them would help nobody.
    if (foreign === null) return say(message, didYouMean(facts, 'key', facts.known.length));
    return say(message, `${quoted(name)} is a word of ${foreign.tool}; ${meaningOf(foreign)}`);
  },
  reserved_key: ({ key }) =>
    say(`${quoted(key)} is reserved for later`, 'leave it out: this version gives it no meaning'),
  not_yet_supported: ({ what, instead }) =>
    say(`${what} is part of the flow language, but this version does not run it yet`, instead),
  missing_key: ({ key, owner }) =>
    say(
      `${owner} has no ${quoted(key)}`,
      key === 'steps'
        ? `write at least one:${example('steps:', '  hello:', '    run: echo hello')}`
        : key === 'name'
          ? `begin it with one:${example('- name: hello')}`
          : null,
    ),
  wrong_type: ({ what, expected, found, remedy }) => say(`${what} has to be ${expected}, but this is ${found}`, remedy),
  not_allowed: ({ what, name, ...facts }) =>
    say(`${what} cannot be ${quoted(name)}`, didYouMean(facts, 'possible value')),
  out_of_range: ({ what, found, bound }) => say(`${what} is ${found}; it has to be ${bound}`),
  empty_value: ({ what }) => say(`${what} is empty`, 'write something, or leave the key out'),
  too_long: ({ what, limit }) => say(`${what} is longer than ${limit} characters`),

  invalid_flow_name: ({ name, isFileName }) =>
    say(
      isFileName
        ? `the file name ${quoted(name)} does not make a flow name`
        : `${quoted(name)} cannot be the name of a flow`,
      `a name is up to 100 letters, digits, \`_\`, \`.\` or \`-\`, begins with a letter or digit, and has no \`..\`${
        isFileName ? `; add one to the file:${example('name: my-flow')}` : ''
      }`,
    ),
  invalid_step_name: ({ name, suggestion }) =>
    say(
      `${quoted(name)} cannot be the name of a step`,
      `a name is up to 64 letters, digits, \`_\` or \`-\`, and begins with a letter or \`_\`${
        suggestion === null ? '' : `; for example ${quoted(suggestion)}`
      }`,
    ),
  missing_step_name: ({ key, name, lines }) =>
    say(
      `${quoted(key)} stands right under \`steps\`: the name of its step is missing`,
      `write:${example('steps:', `  ${name}:`, ...lines.map((line) => `    ${line}`))}`,
    ),
  step_name_clash: ({ name, other }) =>
    say(
      `the steps ${quoted(name)} and ${quoted(other)} differ only in case`,
      'expressions do not tell upper from lower case: rename one of them',
    ),
  nul_byte: ({ what }) =>
    say(
      `${what} cannot hold a NUL byte`,
      what === '`run`'
        ? "no argument of a program can; for the shell to write one: `printf '\\0'`"
        : 'no path of the system can',
    ),
  invalid_env_name: ({ name }) =>
    say(
      name === ''
        ? 'an environment variable needs a name'
        : `${quoted(name)} cannot be the name of an environment variable`,
      'a name is not empty and has neither `=` nor a NUL character in it',
    ),
  reserved_env_name: ({ name, known, suggestion }) =>
    say(
      `${quoted(name)} cannot be set: names that begin with \`FLOWCTL_\` are flowctl's own`,
      suggestion === null
        ? `choose another name; for a flowctl that the step runs, ${listedNames(known, 'and')} may be set`
        : `did you mean ${quoted(suggestion)}?`,
    ),
  invalid_instant: ({ text }) =>
    say(
      `${quoted(text)} is not an instant`,
      'write date, time and zone as RFC 3339 has them: `2026-12-24T18:00:00Z`, `2026-12-24T19:00:00+01:00`',
    ),
  invalid_url: ({ text }) =>
    say(`${quoted(text)} is not the address of a web page`, 'it begins with `http://` or `https://`'),
  invalid_duration: ({ text, reason }) => {
    if (reason === 'expression') {
      return say('an expression cannot stand here', 'write the duration itself, for example `90s` or `1h30m`');
    }
    if (reason === 'too_long') return say(`${quoted(text)} is longer than ten years`);
    return say(
      `${quoted(text)} is not a duration`,
      'write numbers with units, the largest first: `500ms`, `30s`, `10m`, `1h30m`, `2d`, `1w`',
    );
  },
};
