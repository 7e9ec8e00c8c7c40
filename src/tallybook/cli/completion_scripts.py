"""The completion scripts: each asks `tally` itself, and leaves files to the shell where `tally` knows no word."""

from __future__ import annotations

from typing import Final

_BASH: Final = """\
# Completion of tally for bash.
_tally_completion() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <("${COMP_WORDS[0]}" completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o nosort -F _tally_completion tally 2>/dev/null ||
    complete -o default -F _tally_completion tally
"""

_ZSH: Final = """\
#compdef tally
# Completion of tally for zsh.
_tally() {
    local -a found
    found=("${(@f)$("${words[1]}" completion zsh -- "${(@Q)words[2,$CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then
        _describe -V tally found
    else
        _files
    fi
}
if [[ "${funcstack[1]}" == "_tally" ]]; then
    _tally "$@"
else
    compdef _tally tally
fi
"""

_FISH: Final = """\
# Completion of tally for fish.
function __tally_completion
    set -l last (commandline -ct)
    set -l words (commandline -opc) "$last"
    set -l found ($words[1] completion fish -- $words[2..-1] 2>/dev/null)
    if test -n "$found"
        printf '%s\\n' $found
    else
        __fish_complete_path "$last"
    end
end
complete -c tally -f -k -a '(__tally_completion)'
"""

SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
