/** Makes a shell call `mco-deploy complete` while somebody types. */
export const scripts = {
  bash: String.raw`# Completion of mco-deploy for bash.
_mco_deploy() {
  local IFS=$'\n' line word=
  # By default, bash takes “=” and “:” for the ends of words: the words are those of the line.
  local -a words
  IFS=$' \t\n' read -r -a words <<<"${'$'}{COMP_LINE:0:COMP_POINT}"
  [[ ${'$'}{COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=('')
  word=${'$'}{words[-1]}
  local before=${'$'}{word%"${'$'}{word##*[=:]}"}
  COMPREPLY=()
  while read -r line; do
    if [[ $line == :files ]]; then
      compopt -o filenames
      COMPREPLY+=($(compgen -f -- "$word"))
    else
      line=${'$'}{line%%$'\t'*}
      [[ $line == *= ]] && compopt -o nospace
      COMPREPLY+=("${'$'}{line#"$before"}")
    fi
  done < <("${'$'}{words[0]}" complete "${'$'}{words[@]:1}" 2>/dev/null)
}
complete -F _mco_deploy mco-deploy
`,

  zsh: String.raw`#compdef mco-deploy
# Completion of mco-deploy for zsh.
_mco-deploy() {
  local line value
  local -a plain open
  for line in "${'$'}{(@f)$("${'$'}{words[1]}" complete "${'$'}{(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] || continue
    if [[ $line == :files ]]; then
      _files
      continue
    fi
    value=${'$'}{line%%$'\t'*}
    value=${'$'}{value//:/\\:}
    [[ $line == *$'\t'* ]] && value+=:${'$'}{line#*$'\t'}
    if [[ ${'$'}{line%%$'\t'*} == *= ]]; then open+=("$value"); else plain+=("$value"); fi
  done
  (( $#plain )) && _describe -t words mco-deploy plain
  (( $#open )) && _describe -t inputs input open -S ''
  return 0
}
if [ "$funcstack[1]" = _mco-deploy ]; then _mco-deploy "$@"; else compdef _mco-deploy mco-deploy; fi
`,

  fish: `# Completion of mco-deploy for fish.
function __mco_deploy_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] complete $words[2..-1] "$typed" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$typed"
        else
            echo $line
        end
    end
end
complete -c mco-deploy -f -a '(__mco_deploy_complete)'
`,
} as const;
