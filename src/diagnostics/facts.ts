/** Everything that can be wrong with what somebody wrote, as facts; `sentences` says it in words. */

type NoFacts = Readonly<Record<string, never>>;
type Limit = { readonly limit: number };
/** A name that is not known, and the known one that was probably meant. */
type Unknown = { readonly name: string; readonly suggestion: string | null; readonly known: readonly string[] };
type Explained = { readonly problem: string; readonly remedy: string | null };

/** What went wrong while YAML was read, where the parser can tell. */
export type YamlFault =
  | 'indentation'
  /** A line of a text that begins with `|` or `>`. */
  | 'text_indentation'
  | 'missing_colon'
  | 'unclosed'
  | 'bad_escape'
  | 'needs_quotes'
  | 'colon_in_text'
  /** `${{ }}` inside of brackets. */
  | 'bare_expression'
  | 'long_key'
  | 'block_in_flow'
  | 'unexpected';

/** A key of another tool, and what flowctl has for it. */
export type ForeignWord =
  /** A key of its own: the line to write. */
  | { readonly kind: 'known'; readonly tool: string; readonly write: string }
  /** Nothing, and why nothing is missed. */
  | { readonly kind: 'needless'; readonly tool: string; readonly because: string };

/** The facts of each diagnostic, by its code. */
export interface FactsByCode {
  // The file
  readonly unreadable_file: { readonly reason: string };
  readonly file_too_large: { readonly limitBytes: number };
  readonly not_utf8: NoFacts;
  readonly empty_flow: NoFacts;

  // YAML
  readonly yaml_syntax: {
    readonly fault: YamlFault;
    /** What the parser said; of `unclosed` and `needs_quotes`, the sign that it is about, where that is known. */
    readonly detail: string;
    /** The text that needs quotes, and its key, where they are known. */
    readonly written: { readonly key: string | null; readonly text: string } | null;
  };
  readonly tab_indentation: NoFacts;
  readonly too_deep: Limit;
  readonly too_many_nodes: Limit;
  readonly too_many_tokens: Limit;
  readonly too_many_aliases: Limit;
  readonly complex_key: NoFacts;
  readonly custom_tag: { readonly tag: string };
  readonly yaml_directive: { readonly directive: string };
  readonly several_documents: NoFacts;
  readonly merge_key: NoFacts;
  readonly unknown_alias: { readonly name: string };
  readonly duplicate_key: { readonly key: string };
  readonly unsafe_key: { readonly key: string };
  readonly not_finite: { readonly text: string };

  // The shape of keys and values
  readonly unknown_key: Unknown & { readonly owner: string; readonly foreign: ForeignWord | null };
  readonly reserved_key: { readonly key: string };
  readonly not_yet_supported: { readonly what: string; readonly instead: string | null };
  readonly missing_key: { readonly key: string; readonly owner: string };
  readonly wrong_type: {
    readonly what: string;
    readonly expected: string;
    readonly found: string;
    readonly remedy: string | null;
  };
  readonly not_allowed: Unknown & { readonly what: string };
  readonly out_of_range: { readonly what: string; readonly found: string; readonly bound: string };
  readonly empty_value: { readonly what: string };
  readonly too_long: { readonly what: string; readonly limit: number };

  // Names and texts with a form of their own
  readonly invalid_flow_name: { readonly name: string; readonly isFileName: boolean };
  readonly invalid_step_name: { readonly name: string; readonly suggestion: string | null };
  /** `name`: one that is free; `lines`: some of what stands there, to show. */
  readonly missing_step_name: { readonly key: string; readonly name: string; readonly lines: readonly string[] };
  readonly step_name_clash: { readonly name: string; readonly other: string };
  readonly nul_byte: { readonly what: string };
  readonly invalid_env_name: { readonly name: string };
  /** `known`: those that may be set. */
  readonly reserved_env_name: Unknown;
  readonly invalid_instant: { readonly text: string };
  readonly invalid_url: { readonly text: string };
  readonly invalid_duration: { readonly text: string; readonly reason: 'syntax' | 'too_long' | 'expression' };

  // Steps and their order
  readonly missing_action: { readonly step: string };
  readonly several_actions: { readonly step: string; readonly keys: readonly string[] };
  /** `remedy`: what to do, where that is more than leaving it out. */
  readonly misplaced_key: {
    readonly key: string;
    readonly step: string;
    readonly home: string;
    readonly remedy?: string | null;
  };
  /** Keys that exclude each other, of which one has to be there; `found` are none of them, or more than one. */
  readonly one_key_of: { readonly what: string; readonly keys: readonly string[]; readonly found: readonly string[] };
  readonly unknown_axis: Unknown;
  readonly axis_name_clash: { readonly name: string; readonly other: string };
  /** `elsewhere`: the group beside the step that has a member of that name, or the group of the step that stands beside it. */
  readonly unknown_need: Unknown & {
    readonly step: string;
    readonly elsewhere: { readonly kind: 'inside' | 'around'; readonly group: string } | null;
  };
  readonly self_need: { readonly step: string };
  readonly exit_code_clash: { readonly step: string; readonly exitCode: number; readonly isDefault: boolean };
  readonly duplicate_need: { readonly step: string; readonly need: string };
  readonly dependency_cycle: { readonly path: readonly string[] };

  // Expressions
  readonly expression_syntax: Explained;
  readonly unknown_function: Explained;
  readonly unknown_name: Explained;
  readonly expression_too_large: Explained;
  readonly wrong_arguments: Explained;
  readonly invalid_pattern: Explained;
  readonly status_outside_if: Explained;
  /** What to write instead, where that is sure. */
  readonly mixed_condition: { readonly rewritten: string | null };
  /** In `sh` or `bash` text, where a value could become code. */
  readonly expression_in_shell_place: Explained;
  /** In text of another language. */
  readonly expression_in_shell: {
    readonly shell: 'python' | 'node' | 'pwsh';
    /** What to write under `env`. */
    readonly variables: readonly { readonly name: string; readonly value: string }[];
  };
  readonly expression_not_allowed: { readonly what: string };
  /** `inside`: what to write for a step of that name which is a member of a group. */
  readonly unknown_step_reference: Unknown & { readonly inside: string | null };
  /** `waiter`: the step itself, or the group around it that stands beside the one referred to. */
  readonly step_not_upstream: {
    readonly step: string;
    readonly waiter: string;
    readonly reference: string;
    readonly isDownstream: boolean;
    /** The reference is to a group that the step is in. */
    readonly isAround: boolean;
  };
  readonly dynamic_step_reference: NoFacts;
  readonly unknown_property: Unknown & { readonly owner: string };
  readonly unknown_output: Unknown & { readonly owner: string; readonly subtraction: string | null };
  readonly shadowed_step: { readonly name: string; readonly group: string };
  readonly mapped_outputs: { readonly owner: string; readonly name: string };
  readonly unknown_param: Unknown & { readonly subtraction: string | null };
  readonly later_param: { readonly param: string; readonly reference: string };
  readonly name_not_available: { readonly name: string; readonly where: string };

  // What a flow and its steps ask for beside their work
  /** `name`: null where the expression names none. */
  readonly secret_not_allowed: { readonly name: string | null; readonly where: string };
  readonly secret_in_expression: { readonly name: string };
  readonly dynamic_secret: NoFacts;
  readonly unknown_secret: Unknown;
  readonly invalid_secret_name: { readonly name: string };
  readonly several_sources: { readonly secret: string; readonly keys: readonly string[] };
  /** `config`: the project's file; null where there is none. */
  readonly unknown_var: Unknown & { readonly config: string | null };
  readonly empty_handler: { readonly handler: string };
  readonly missing_channel: { readonly handler: string; readonly channels: readonly string[] };
  readonly conflicting_keys: { readonly step: string; readonly keys: readonly string[]; readonly why: string };
  readonly invalid_resource_name: { readonly name: string };
  readonly unknown_resource: Unknown & { readonly step: string; readonly config: string | null };
  readonly too_much_resource: {
    readonly step: string;
    readonly name: string;
    readonly amount: number;
    readonly available: string;
    readonly config: string | null;
  };
  readonly partial_resource: { readonly step: string; readonly name: string; readonly amount: number };
  readonly include_not_found: { readonly file: string };
  readonly include_cycle: { readonly file: string };
  readonly invalid_config_name: { readonly name: string; readonly what: 'var' | 'unit' | 'profile' | 'automation' };
  readonly invalid_glob: { readonly glob: string; readonly problem: string };
  readonly file_cycle: { readonly step: string; readonly other: string; readonly glob: string };
  readonly reserved_step_name: { readonly name: string };

  // Functions
  readonly invalid_call: { readonly text: string };
  readonly module_not_found: { readonly module: string };
  readonly module_syntax: { readonly module: string; readonly problem: string };
  readonly export_not_found: Unknown & { readonly module: string };
  readonly not_a_function: {
    readonly module: string;
    readonly name: string;
    readonly found: string;
    readonly wanted: 'function' | 'flow';
  };

  // Sub-flows
  readonly flow_not_found: { readonly flow: string };
  readonly invalid_sub_flow: { readonly count: number };
  /** The module of a flow cannot be loaded. */
  readonly flow_not_loaded: { readonly message: string };
  /** `available`: the exports that are flows; `found`: what the name stands for instead. */
  readonly no_such_flow: {
    readonly flow: string;
    readonly available: readonly string[];
    readonly found: string | null;
  };
  /** `problem` and `remedy` are sentences of the schedule's own language. */
  readonly invalid_schedule: { readonly key: string; readonly problem: string; readonly remedy: string | null };
  /** As `invalid_schedule`. */
  readonly invalid_trigger: { readonly key: string; readonly problem: string; readonly remedy: string | null };
  readonly invalid_automation: { readonly key: string; readonly problem: string; readonly remedy: string | null };
  readonly missing_schedule_param: { readonly params: readonly string[] };
  readonly unknown_flow_param: Unknown & { readonly flow: string };
  readonly missing_flow_param: { readonly flow: string; readonly params: readonly string[] };
  readonly flow_param_mismatch: { readonly flow: string; readonly param: string; readonly problem: string };

  // Schemas
  readonly invalid_param_schema: { readonly param: string; readonly problem: string };
  readonly invalid_outputs_schema: { readonly step: string; readonly problem: string };
  readonly default_mismatch: { readonly param: string; readonly problem: string };

  // Warnings, and what is left out
  readonly pipe_in_sh: { readonly step: string };
  readonly undeclared_output: FactsByCode['unknown_output'];
  readonly more_problems: { readonly count: number };
  readonly more_warnings: { readonly count: number };
}

/** The stable code of a diagnostic. */
export type DiagnosticCode = keyof FactsByCode;
