# bash completion for yizhan: eval "$(yizhan completion bash)", or as a file in
# /usr/share/bash-completion/completions.
_yizhan() {
	local words=() candidates=() line i
	# Readline splits --flag=value at the sign; here it is one word again.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		if ((i > 1)) && [[ ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]]; then
			words[${#words[@]} - 1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
	done
	local typed=${COMP_WORDS[COMP_CWORD]}
	[[ $typed == = ]] && typed=
	COMPREPLY=()
	while IFS= read -r line; do
		line=${line%%$'\t'*}
		case $line in
		:files)
			compopt -o filenames 2>/dev/null
			while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$typed")
			;;
		:dirs)
			compopt -o filenames 2>/dev/null
			while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$typed")
			;;
		--*=*)
			[[ $typed == --* ]] || line=${line#*=}
			COMPREPLY+=("$line")
			;;
		*) COMPREPLY+=("$line") ;;
		esac
	done < <(command "${COMP_WORDS[0]}" complete-words "${words[@]}" 2>/dev/null)
}
complete -F _yizhan yizhan
