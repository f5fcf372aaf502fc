#!/bin/sh
# compare.sh DIR - compares the firmware's cases (DIR/firmware.txt) with those of DIR/host at every
# level, and makes sure that a difference of one ulp in the data would have been seen.
set -eu
dir=$1
levels="portable avx2 avx512 fastest"

grep '^case ' "$dir/firmware.txt" >"$dir/firmware.cases"
count=$(wc -l <"$dir/firmware.cases")
for level in $levels; do
    status=0
    "$dir/host" "$level" >"$dir/host-$level.txt" || status=$?
    # 77: the host has said that this processor lacks the level. One without AVX-512 is common.
    test "$status" -ne 77 || { test "$level" = avx512 || test "${CI:-}" != true; } || exit 1
    test "$status" -ne 77 || continue
    test "$status" -eq 0
    grep '^case ' "$dir/host-$level.txt" >"$dir/host-$level.cases"
    if ! diff "$dir/firmware.cases" "$dir/host-$level.cases"; then
        echo "firmware: other bits than this machine has at level $level" >&2
        exit 1
    fi
    echo "firmware: $count cases have the same bits as on this machine at level $level"
done

"$dir/host" portable ulp | grep '^case ' >"$dir/ulp.cases"
if ! awk 'NR == FNR { hash[$2] = $NF; next }
          !($2 in hash) || hash[$2] == $NF { print "not noticed: " $2; bad = 1 }
          END { exit bad || FNR != NR / 2 }' "$dir/firmware.cases" "$dir/ulp.cases"; then
    echo "firmware: one ulp in the data does not change the hash" >&2
    exit 1
fi
echo "firmware: one ulp in the data changes every hash"
