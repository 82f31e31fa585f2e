/** The scripts that make a shell ask flowctl what could stand at the cursor. */

/** The shells that can be taught. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** A shell that can be taught. */
export type CompletingShell = (typeof SHELLS)[number];

/** bash 3.2 and later. `compopt` came with 4: without it folders are completed without a slash. */
const BASH = `# bash completion for flowctl; in ~/.bashrc: source <(flowctl completion bash)
_flowctl() {
  local line value current=\${COMP_WORDS[COMP_CWORD]}
  [ "$current" = "=" ] && current=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :folders)
        compopt -o filenames 2>/dev/null
        local kind=-f
        [ "$line" = :folders ] && kind=-d
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen $kind -- "$current")
        ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("$1" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _flowctl flowctl
`;

const ZSH = `#compdef flowctl
# zsh completion for flowctl; in ~/.zshrc, after compinit: source <(flowctl completion zsh)
_flowctl() {
  local line
  local -a values abouts orders
  while IFS= read -r line; do
    case $line in
      :files | :folders) orders+=($line) ;;
      *)
        values+=("\${line%%$'\\t'*}")
        abouts+=("\${line/$'\\t'/  -- }")
        ;;
    esac
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#values} )) && compadd -l -d abouts -a values
  (( \${#orders} )) || return 0
  compset -P '--*='
  if (( \${orders[(I):files]} )); then _files; else _files -/; fi
}
if [[ "\${funcstack[1]}" = _flowctl ]]; then _flowctl "$@"; else compdef _flowctl flowctl; fi
`;

const FISH = `# fish completion for flowctl; in ~/.config/fish/config.fish: flowctl completion fish | source
function __flowctl_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    for line in (command $words[1] __complete -- $words[2..-1] "$token" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$token"
            case ':folders'
                __fish_complete_directories "$token"
            case '*'
                echo $line
        end
    end
end
complete -c flowctl -f -a '(__flowctl_complete)'
`;

/** The script for a shell. */
export function completionScript(shell: CompletingShell): string {
  switch (shell) {
    case 'bash':
      return BASH;
    case 'zsh':
      return ZSH;
    case 'fish':
      return FISH;
  }
}
