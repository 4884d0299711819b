# rnncc.bash: completion of the rnncc command for bash. What there is to complete comes from `rnncc --help` and
# `rnncc COMMAND --help`, so that there is one list of options.

_rnncc()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words=$(rnncc --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words help --help --version" -- "$word")
		return
	fi
	case $before in
	--via) words='jit gcc clang cc interpret' ;;
	--target) words='generic x86-64 x86-64-v3 x86-64-v4 x86-64-v4-bf16 native' ;;
	--weights) [[ $command = inspect ]] || words='inline string incbin blob' ;;
	--dtype) words=f64 ;;
	--weights-dtype) words='bf16 f16 int8' ;;
	--products-dtype) words=bf16 ;;
	--lengths) words=none ;;
	esac
	if [[ -n $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	elif [[ $word = -* ]]; then
		words=$(rnncc "$command" --help 2>/dev/null | sed -nE 's/^  (-., |    )(--[a-z0-9-]+).*/\2/p')
		mapfile -t COMPREPLY < <(compgen -W "$words -O0 -O1 -O2 -O3" -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -F _rnncc rnncc
