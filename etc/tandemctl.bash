# bash completion for tandemctl: commands and options, and the names that the node knows.

# The first column of a table, without its head; nothing when the node cannot be reached. compgen -W
# expands its words as the shell does, so only names that nothing can be expanded in are let through.
_tandemctl_names()
{
	"${words[0]}" "${node[@]}" "$1" 2>/dev/null | awk 'NR > 1 && $1 ~ "^[A-Za-z0-9._:/-]+$" { print $1 }'
}

# Sets `choices` for a word that is not an option's value, from the words of the command so far.
_tandemctl_choices()
{
	if [[ $cur == -* ]]; then
		choices='-s --server --socket --json --help --version'
		[[ $1 == replay ]] && choices='--policy --json'
		[[ $1 == explain ]] && choices='--trunk --from --to --header --at --sips --json'
		return
	fi
	case "$*" in
	'') choices='status regions region trunks anycast cluster drain undrain peers explain replay config metrics' ;;
	region) choices='show drain ready maint weight' ;;
	'region show' | 'region drain' | 'region ready' | 'region maint' | 'region weight')
		choices=$(_tandemctl_names regions)
		;;
	'region weight '*) (($# == 3)) && choices=default ;;
	cluster) choices='region set get' ;;
	'cluster region') choices='drain ready maint weight' ;;
	'cluster region '*) (($# == 3)) && choices=$(_tandemctl_names regions) ;;
	anycast) choices='withdraw announce force' ;;
	'anycast withdraw' | 'anycast announce' | 'anycast force') choices=$(_tandemctl_names anycast) ;;
	explain) choices='--trunk --from --to --header --at --sips' ;;
	esac
}

_tandemctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cword=$COMP_CWORD
	local words=("${COMP_WORDS[@]}") node=() command=() choices='' i

	# URLs and IPv6 prefixes have colons, at which bash breaks words.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur prev words cword
	fi
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-s | --server | --socket) node+=("${words[i]}" "${words[++i]}") ;;
		--trunk | --from | --to | --header | --at) ((++i)) ;;
		-*) ;;
		*) command+=("${words[i]}") ;;
		esac
	done

	COMPREPLY=()
	case $prev in
	-s | --server | --from | --to) return ;;
	--socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--trunk) choices=$(_tandemctl_names trunks) ;;
	*) _tandemctl_choices "${command[@]}" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _tandemctl tandemctl
