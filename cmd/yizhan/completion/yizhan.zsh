#compdef yizhan
# zsh completion for yizhan: eval "$(yizhan completion zsh)", or as a file called
# _yizhan in a folder of $fpath.
_yizhan() {
	local line
	local -a described
	while IFS= read -r line; do
		case $line in
		:files) _files ;;
		:dirs) _files -/ ;;
		*$'\t'*) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
		*) described+=("${line//:/\\:}") ;;
		esac
	done < <(command "${words[1]}" complete-words "${(@)words[2,CURRENT]}" 2>/dev/null)
	(( ${#described} == 0 )) || _describe -t commands yizhan described
}
if [[ ${funcstack[1]} == _yizhan ]]; then
	_yizhan "$@"
else
	compdef _yizhan yizhan
fi
