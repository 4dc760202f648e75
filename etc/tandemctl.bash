# bash completion for tandemctl: commands and options, and the names that the node knows.

# The first column of a table, without its head; nothing when the node cannot be reached.
_tandemctl_names()
{
	"${COMP_WORDS[0]}" "${_tandemctl_node[@]}" "$1" 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_tandemctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=() i choices=
	local _tandemctl_node=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --server | --socket)
			if ((i + 1 < COMP_CWORD)); then
				_tandemctl_node+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			fi
			((i++))
			;;
		--trunk | --from | --to) ((i++)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done

	case $prev in
	--socket)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	--trunk)
		COMPREPLY=($(compgen -W "$(_tandemctl_names trunks)" -- "$cur"))
		return
		;;
	-s | --server | --from | --to)
		COMPREPLY=()
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		choices='-s --server --socket --json --help --version'
		[[ ${words[0]} == explain ]] && choices='--trunk --from --to --json'
	else
		case "${words[*]}" in
		'') choices='status regions region trunks anycast peers explain config metrics' ;;
		region) choices='show drain ready maint weight' ;;
		'region show' | 'region drain' | 'region ready' | 'region maint' | 'region weight')
			choices=$(_tandemctl_names regions)
			;;
		'region weight '*) ((${#words[@]} == 3)) && choices=default ;;
		anycast) choices='withdraw announce' ;;
		'anycast withdraw' | 'anycast announce') choices=$(_tandemctl_names anycast) ;;
		explain) choices='--trunk --from --to' ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$choices" -- "$cur"))
}

complete -F _tandemctl tandemctl
