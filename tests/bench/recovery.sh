#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# recovery.sh - what a recovery of the cluster takes: the real one, on simulated hosts. Prints lines
#   recovery HOSTS UNITS join|leave|crash MS NOTICED_MS KIB CPU_US
# which tests/sim/cluster/recovery_cost.cpp explains.
set -euo pipefail

exec "${BASH_SOURCE[0]%/*}/../../build/release/tests/sim/cluster/swrecovery"
