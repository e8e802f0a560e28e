#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mutants.sh BUILD_DIR WORK_DIR
# Breaks one thing at a time, around the core (swsim --mutant) or in the core and the policies themselves (a
# patch), and expects the promise that it breaks to be seen broken within the stated number of seeds: the
# proof that the simulator can fail, and of what. Then the same around the cluster's recovery (swchurn --mutant) and in it. The last line is "N of M mutants caught".
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1
work=$2
# What is broken: a simulator, its main, and what it is linked from.
swsim=$build/tests/sim/swsim
main=$build/tests/sim/CMakeFiles/swsim.dir/main.cpp.o
libraries=("$build/tests/sim/libsim.a" "$build/tests/sim/libsim-core.a" "$build/libpath/libpath.a")
caught=0
all=0

mkdir -p "$work"

# judge NAME SEEDS PROMISE PROGRAM [ARGS] - the first SEEDS, or from A to B; a violation of another promise does not count
judge() {
	local name=$1 seeds=$2 promise=$3 found status=0
	shift 3
	[[ $seeds == *-* ]] || seeds=1-$seeds
	timeout 120 "$@" --until "$promise" --seeds "$seeds" >"$work/stdout" 2>"$work/stderr" || status=$?
	found=$(grep -m1 '^seed ' "$work/stdout") || true
	all=$((all + 1))
	if [ -n "$found" ]; then
		caught=$((caught + 1))
		echo "caught: $name (of seeds $seeds): $found"
	else
		[ $status -ne 124 ] || seeds+=", which 120 s were not enough for"
		echo "SURVIVED: $name: no $promise seen in seeds $seeds"
		cat "$work/stderr"
	fi
}

# edge NAME SEEDS PROMISE: what the simulator itself can break
edge() {
	judge "$1" "$2" "$3" "$swsim" --mutant "$1"
}

# patch NAME SEEDS PROMISE FILES SED_EXPRESSION... - each expression has to change something
patch() {
	local name=$1 seeds=$2 promise=$3 files=$4
	local file patched object objects=() expression changed
	shift 4
	for file in $files; do
		cp "$source_dir/$file" "$work/${file##*/}"
	done
	for expression in "$@"; do
		changed=no
		for file in $files; do
			patched=$work/${file##*/}
			sed "$expression" "$patched" >"$work/next"
			cmp -s "$work/next" "$patched" || changed=yes
			mv "$work/next" "$patched"
		done
		if [ "$changed" = no ]; then
			all=$((all + 1))
			echo "SURVIVED: $name: '$expression' changes nothing"
			return
		fi
	done
	for file in $files; do
		patched=$work/${file##*/}
		object=$work/$(basename "$file").o
		if [ "${file##*.}" = c ]; then
			"${CC:-gcc}" -O2 -w -include "$source_dir/tests/unit/core/sw-env.h" \
				-I "$source_dir/dm-target" -c "$patched" -o "$object"
		else
			"${CXX:-g++}" -std=c++20 -O2 -w -I "$source_dir" -c "$patched" -o "$object"
		fi
		objects+=("$object")
	done
	# The patched objects come first, so that their originals stay in the library.
	"${CXX:-g++}" "$main" "${objects[@]}" "${libraries[@]}" -lfmt -lgnutls -o "$work/broken"
	judge "$name" "$seeds" "$promise" "$work/broken"
}

edge drain-skipped 100 P4
edge fua-lost-on-retry 3000 P1
edge flush-acknowledged-early 500 P1
edge held-order-reversed 100 P4
edge held-bio-sent-twice 100 P4
edge held-bio-forgotten 100 P4
edge failed-write-acknowledged 100 P1
edge medium-error-taken-for-path-error 500 P5
edge identity-not-checked 500 P3
edge server-ignores-epoch 500 P2
edge revoke-answers-before-io-ended 1000 P2
edge revoke-trusts-errored-writes 3000 P2
edge key-not-registered 500 P7
# Nothing of a server is let in again: what it has from before would be.
edge server-key-back-while-it-exports 2000 P2
edge preempt-without-abort 3000 P2
edge operator-confirms-blindly 5000 P2
edge proof-of-older-mv-accepted 500 P9
edge witness-skipped 500 P1
edge incoherent-server-forgotten 6000 P1
edge users-key-not-carried 1000 P7
# Rare: a key preempted between a look at the disk and the copy of it.
edge preempted-key-copied 3701-3800 P7
# Pathd restarted between a key and the peer's answer.
edge peers-believed-after-restart 4101-4200 P7
# A key taken, and a server asked for an export before its next check.
edge exported-without-key 5401-5500 P7
edge server-claims-key 500 P7
edge preempted-client-served 6000 P7

core='dm-target/sw-core.c dm-target/sw-hold.c'
patch 'core: fence skipped' 500 P2 "$core" 's/if (core->doubt && core->config.fence == SW_FENCE_PROVE)/if (0)/'
patch 'core: drain skipped' 500 P4 "$core" 's/core->phase = SW_PHASE_DRAIN;/core->phase = SW_PHASE_PROVE;/'
patch 'core: flush skipped' 3000 P1 "$core" 's/if (core->cooperative) {/if (0) {/'
patch 'core: epoch does not grow' 100 P9 "$core" 's/core->epoch++;/;/'
patch 'core: switch after a reload not counted' 500 P9 "$core" 's/if (core->carried)/if (core->current_path != SW_NO_PATH)/'
patch 'core: stale ticket accepted' 500 P9 "$core" 's/if (epoch != core->epoch)/if (0)/'
patch 'core: ticket never expires' 3000 P3 "$core" \
	's/|| p->ticket_until <= boot_ns)/|| !p->ticket_until)/' 's/return p->ticket_until - boot_ns;/return 1000000;/'
patch 'core: ticket outlives its epoch' 500 P9 "$core" 's/if (p->ticket_epoch != core->epoch || /if (/'
patch 'core: stale commit accepted' 500 P9 "$core" 's/if (mv != core->mv || core->state == SW_STATE_ONLINE ||/if (core->state == SW_STATE_ONLINE ||/'
patch 'core: served path trusted again' 3000 P2 "$core" 's/core->paths\[path\].kind == SW_KIND_DIRECT)/1)/'
patch 'core: errored write not in doubt' 500 P2 "$core" 's/	if (write)$/	if (0)/'
patch 'core: doubt forgotten by a reload' 3000 P2 "$core" 's/core->notice_count = 0;/core->doubt = 0;/'
patch 'core: deadline ignored' 500 P6 "$core" 's/now->ns >= core->deadline/0/'
patch 'core: a hold that closes no path is not timed' 100 P6 "$core" \
	's/unsigned int actions = SW_DO_TICK;/unsigned int actions = core->state == SW_STATE_ONLINE ? SW_DO_TICK : 0;/'
patch 'core: a reload arms the deadline anew' 3000 P6 "$core" \
	's/core->notice_count = 0;/& core->deadline = sw_saturating_add(now->ns, config.mv_timeout_ns);/'
patch 'core: a release arms the deadline anew' 3000 P6 "$core" \
	's/core->resume = sw_path_ready(core, core->current_path);/& core->deadline = sw_saturating_add(now->ns, core->config.mv_timeout_ns);/'
patch 'core: a hold that goes on as before is not recorded' 500 P10 "$core" \
	's/return sw_open_path(core, core->current_path,$/return core->nr_records--, sw_open_path(core, core->current_path,/'
patch 'core: stall ignored' 500 P6 "$core" 's/oldest_ns < core->config.stall_ns/1/'
patch 'core: an error tells more than the person who failed the path' 500 P3 "$core" 's/if (!told_to_stay(&core->paths\[path\]))/if (1)/'
patch 'core: an absent path comes back although a person failed it' 1000 P3 "$core" 's/if (old->reason == SW_REASON_OPERATOR) {/if (0) {/'
patch 'core: errors go up while verifying' 500 P5 "$core" 's/if (core->state == SW_STATE_FAILED || tries/if (core->state != SW_STATE_ONLINE || tries/'

patch 'witness: overwritten record kept' 500 P5 dm-target/sw-witness.c 's/^\t\tdrop_overlap(&ring->records\[i\].*/\t\t;/'

policy=libpath/policy
patch 'policy: revoke believed before it drained' 3000 P2 $policy/fence.cpp 's/if (&step == &of.revoke && error_number == EINPROGRESS) {/& of.revoked = true;/'
patch 'policy: requests that an export lost are passed over' 500 P2 $policy/fence.cpp 's/of.revoked = answer.lost == 0;/of.revoked = true;/'
patch 'policy: what an earlier export lost is forgotten' 5000 P2 $policy/export_grant.cpp 's/if (first || online)/lost = false; &/'
patch 'policy: a boot since an earlier export is forgotten' 8301-8400 P2 $policy/export_grant.cpp 's/if (first || online)/doubt_boot = boot; &/' \
	's/ || boot != new_boot;/;/'
patch 'policy: another nexus of the server is taken for the one in doubt' 3000 P2 $policy/fence.cpp 's/same_server(paths, old, other) && !paths\[old\].moved/same_server(paths, old, other)/'
patch 'policy: a server that has crashed knows what it had' 5000 P2 $policy/export_grant.cpp 's/answer.rebooted = .*/answer.rebooted = false;/' \
	's/ || boot != new_boot;/;/'
patch 'policy: nobody ends the export in doubt after a word of people' 6000 P5 $policy/fence.cpp 's/if (!facts.target)$/if (false)/'
patch 'policy: reset believed of a server that may send again' 5000 P2 $policy/fence.cpp \
	's/: (direct || of.ended_all) && !keys_to_come))/: true))/' \
	's/(facts.paths\[old\].kind == PathKind::DIRECT || of.closed || of.node_fenced)/true/'
patch 'policy: keys believed without an abort' 5000 P2 $policy/fence.cpp \
	's/if (shut && aborted && asked)/if (shut)/' 's/if (!all_aborted(of, paths\[old\]) && !of.shut_reset) {/if (false) {/'
patch 'policy: only the key of the present nexus of a server has to go' 3000 P2 $policy/fence.cpp \
	's/return path.keys.empty() ? std::vector{path.key} : path.keys;/return {path.key};/' 's/return path.doubt_keys.empty()$/return true/'
patch 'policy: a new connection to an incoherent server is trusted' 3000 P1 $policy/coherence_probe.cpp 's/suspect_ = suspect;/suspect_ = false;/'
patch 'policy: a peer is not waited for that has not answered for a new key' 3000 P7 $policy/carried_key.cpp 's/if (state_.key == 0 || (state_.peers & bit(path)) != 0)/if (true)/'
patch 'policy: an answer for an earlier key is taken for one for the new key' 5000 P7 $policy/carried_key.cpp 's/if (key != state_.key)$/if (false)/'
patch 'policy: a key that users changed just before a hold is passed over' 3000 P5 $policy/carried_key.cpp 's/(replaced || sight.in_use ||/(sight.in_use ||/'
patch 'policy: a client whose key was preempted is not refused' 3000 P7 $policy/carried_key.cpp 's/if (!view.has(key))/if (false)/'
patch 'policy: an order that takes a key is not watched' 1000 P7 $policy/key_watch.cpp 's/action.kind == Kind::PreemptAbort/false/'
# Rare, both: an order that a dead pathd has sent, and a path that is left again at once.
patch 'policy: what an earlier pathd has ordered is forgotten' 19301-19400 P7 $policy/key_watch.cpp 's/if (fencing && earlier_)/if (false)/'
patch 'policy: a path whose key was taken gets a ticket' 8501-8600 P7 $policy/path_keeper.cpp 's/ && !path.may_lack_key//'
patch 'policy: another path that is proved is not gone on with' 1000 P5 $policy/mount_verification.cpp 's/if (settled(\*best, awaited))/if (*best == 0)/'
patch 'policy: a ticket lives for hours' 3000 P3 $policy/ticket.cpp 's/3 \* check_interval/3000 * check_interval/'
patch 'policy: another disk is no fault' 500 P3 $policy/path_monitor.cpp 's/if (const auto \*failed = std::get_if<ProbeFailed>(&event)) {/& if (refuses(failed->fault)) { good(at); return; }/'

swsim=$build/tests/sim/cluster/swchurn
main=$build/tests/sim/cluster/CMakeFiles/swchurn.dir/main.cpp.o
libraries=("$build/tests/sim/cluster/libchurn.a" "${libraries[@]}")

edge init-not-idempotent 100 B5
edge state-by-reference 100 B3
edge state-of-earlier-round 100 B3

recovery=libpath/cluster/recovery.cpp
patch 'recovery: activated before the barrier' 100 B2 $recovery 's/return peer.step >= done_step(stage_) &&/return true ||/'
patch 'recovery: a message missing at the barrier' 1000 B3 $recovery 's/peer.announced\[stage_\] == peer.received\[stage_\]/true/'
patch 'recovery: next service before all have activated' 100 B1 $recovery 's/return peer.step >= activated_step(stage_);/return true;/'
patch 'recovery: abort ignored in the barrier' 100 B5 $recovery 's/	if (begun_) {/	if (begun_ \&\& phase_ != RecoveryPhase::Barrier) {/'
patch 'recovery: ring not checked' 300 B8 $recovery 's/message.tag.ring != engine_.ring ||//' 's/message.tag != tag_/message.tag.epoch != tag_.epoch/'
patch 'recovery: epoch not checked' 300 B6 $recovery 's/message.tag != tag_/message.tag.ring != tag_.ring/'
patch 'recovery: lists of members not compared' 300 B4 $recovery 's/} else if (exchange.members != members_) {/} else if (false) {/'
patch 'recovery: a ghost is waited for' 100 B7 $recovery 's/const bool impatient = .*/const bool impatient = false;/'

echo "$caught of $all mutants caught"
[ "$caught" -eq "$all" ]
