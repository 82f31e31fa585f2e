/** Sentences about secrets, handlers, limits and what else is asked for beside the work. Looked up through `sentences`. */

import { didYouMean, type PolicyDiagnosticCode } from './document-sentences.ts';
import { example, listed, listedNames, quoted } from './phrase.ts';
import type { Sentence, Sentences } from './sentences.ts';

const say = (message: string, help: string | null = null): Sentence => ({ message, help });

const NAME_RULES = {
  var: 'a name is made of letters, digits, `_` and `-`, and begins with a letter or `_`',
  unit: 'a name is made of letters, digits, `_`, `.`, `:`, `/` and `-`',
  profile: 'a name is made of letters, digits, `_`, `.` and `-`, and begins with a letter, a digit or `_`',
  automation: 'a name is made of letters, digits, `_`, `.` and `-`, and begins with a letter or a digit',
};
const CONFIG = 'flowctl.config.yaml';

/** Sentences for policies. */
export const POLICY_SENTENCES: Sentences<PolicyDiagnosticCode> = {
  secret_not_allowed: ({ name, where }) =>
    say(
      `a secret cannot stand in ${where}: others could read it there`,
      where.endsWith('sub-flow')
        ? `let the sub-flow declare it itself:${example(`secrets: [${name ?? 'NAME'}]`)}`
        : `hand it over in an environment variable, and read that:${example('env:', `  ${name ?? 'NAME'}: "\${{ secrets.${name ?? 'NAME'} }}"`)}`,
    ),
  secret_in_expression: ({ name }) =>
    say(
      `an expression cannot look into the secret ${quoted(name)}: its value is known only when the step starts`,
      `write it as it is, \`\${{ secrets.${name} }}\`, or inside \`format\` or \`join\``,
    ),
  dynamic_secret: () =>
    say('`secrets` has to be followed by the name of a secret', `for example:${example('${{ secrets.API_TOKEN }}')}`),
  unknown_secret: ({ name, ...facts }) =>
    say(
      `the flow declares no secret ${quoted(name)}`,
      didYouMean(facts, 'secret') ?? `declare it at the top of the flow:${example(`secrets: [${name}]`)}`,
    ),
  invalid_secret_name: ({ name }) =>
    say(
      `${quoted(name)} cannot be the name of a secret`,
      'a name is made of letters, digits and `_`, begins with no digit, and not with `FLOWCTL_`',
    ),
  several_sources: ({ secret, keys }) =>
    say(`secret ${quoted(secret)} has both ${listedNames(keys, 'and')}`, 'keep the one that its value comes from'),
  unknown_var: ({ name, config, ...facts }) =>
    say(
      `the project has no var ${quoted(name)}`,
      didYouMean(facts, 'var') ??
        `keep one with ${quoted(`flowctl vars set ${name} <value>`)}, or declare it in ${quoted(config ?? CONFIG)}:${example('vars:', `  ${name}: value`)}`,
    ),
  empty_handler: ({ handler }) =>
    say(
      `${quoted(handler)} does nothing: it has neither \`run\` nor \`call\` nor \`notify\``,
      `give it a command, or a message:${example('- run: echo "$FLOWCTL_RUN_ID"', '- notify: { slack: "${{ secrets.SLACK_URL }}" }')}`,
    ),
  missing_channel: ({ handler, channels }) =>
    say(
      `the message of ${quoted(handler)} goes nowhere`,
      `name a channel, with its address: ${listedNames(channels, 'or')}; for example:${example('notify: { slack: "${{ secrets.SLACK_URL }}" }')}`,
    ),
  conflicting_keys: ({ step, keys, why }) =>
    say(`step ${quoted(step)} cannot have both ${listedNames(keys, 'and')}: ${why}`, 'keep one of them'),
  invalid_resource_name: ({ name }) =>
    say(
      `${quoted(name)} cannot be the name of a resource`,
      'a name is up to 64 letters, digits, `_` or `-`, and begins with a letter or `_`',
    ),
  unknown_resource: ({ step, name, config, ...facts }) =>
    say(
      `step ${quoted(step)} asks for ${quoted(name)}, which the project does not have`,
      didYouMean(facts, 'resource') ??
        `say in ${quoted(config ?? CONFIG)} how much of it there is:${example('resources:', `  ${name}: 1`)}`,
    ),
  too_much_resource: ({ step, name, amount, available, config }) =>
    say(
      `step ${quoted(step)} asks for ${amount} of ${quoted(name)}, and ${available}`,
      `it would wait for ever: ask for less, or raise the capacity in ${quoted(config ?? CONFIG)}`,
    ),
  partial_resource: ({ step, name, amount }) =>
    say(
      `step ${quoted(step)} asks for ${amount} of ${quoted(name)}, which is handed out whole`,
      'write a whole number',
    ),
  invalid_glob: ({ glob, problem }) => say(`${quoted(glob)} is not a pattern of file names: ${problem}`),
  file_cycle: ({ step, other, glob }) =>
    say(
      `step ${quoted(step)} reads ${quoted(glob)}, which step ${quoted(other)} generates, but ${quoted(other)} comes after ${quoted(step)}`,
      `${quoted(step)} sees the files of an earlier run; turn their \`needs\` round, or take the file out of \`sources\``,
    ),
  include_not_found: ({ file }) =>
    say(`there is no file ${quoted(file)}`, 'the path is relative to the folder of the file that includes it'),
  include_cycle: ({ file }) => say(`${quoted(file)} includes this file, directly or through others`, 'take it out'),
  invalid_config_name: ({ name, what }) =>
    say(`${quoted(name)} cannot be the name of ${what === 'automation' ? 'an' : 'a'} ${what}`, NAME_RULES[what]),
  reserved_step_name: ({ name }) =>
    say(
      `${quoted(name)} cannot be the name of a step`,
      `it names handlers, as do ${listed(
        ['on_success', 'on_failure', 'on_cancel', 'finally'].filter((each) => each !== name).map(quoted),
        'and',
      )}; for what runs after the steps, write at the top of the flow:${example(`${name}:`, '  - run: echo done')}`,
    ),
};
