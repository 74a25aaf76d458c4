/**
 * Scripts by which shells ask the program what may stand next. They hand over the words as they are, and evaluate
 * nothing of them; where the program has no answer the shell completes the names of files.
 */

/** The shells that there are scripts for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of them. */
export type Shell = (typeof SHELLS)[number];

/** The script of each. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# Completion of edgekeeper in bash. In ~/.bashrc: source <(edgekeeper completion bash)
_edgekeeper() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(edgekeeper complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _edgekeeper edgekeeper
`,
  zsh: `#compdef edgekeeper
# Completion of edgekeeper in zsh. In ~/.zshrc, behind compinit: source <(edgekeeper completion zsh)
_edgekeeper() {
  local line word
  local -a found
  while IFS= read -r line; do
    word=\${line%%$'\\t'*}
    found+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
  done < <(edgekeeper complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then
    _describe edgekeeper found
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _edgekeeper ]]; then
  _edgekeeper "$@"
else
  compdef _edgekeeper edgekeeper
fi
`,
  fish: `# Completion of edgekeeper in fish: edgekeeper completion fish > ~/.config/fish/completions/edgekeeper.fish
function __edgekeeper_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (edgekeeper complete -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c edgekeeper -f -a '(__edgekeeper_complete)'
`,
};
