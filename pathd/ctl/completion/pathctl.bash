# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for pathctl: the program itself knows what may come next.
_pathctl()
{
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(pathctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _pathctl pathctl
