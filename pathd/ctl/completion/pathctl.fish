# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for pathctl: the program itself knows what may come next.
function __pathctl_offers
    set -l words (commandline -opc) (commandline -ct)
    pathctl __complete $words[2..-1] 2>/dev/null
end
complete -c pathctl -f -a '(__pathctl_offers)'
