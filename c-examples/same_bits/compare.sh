#!/bin/sh
# compare.sh DIR TARGET... - compares the cases of each target (DIR/TARGET.txt) with those of DIR/host at
# every level, and makes sure that a difference of one ulp in the data would have been seen.
set -eu
dir=$1
shift

row() {
    printf '%-57s | %5s | %-16s | %s\n' "$@"
}

# What a run printed last, over all of its cases.
hash_of() {
    sed -n 's/^cases .* hash //p' "$1"
}

# The lines of the second file about cases that the first one has, too.
common() {
    awk 'NR == FNR { known[$2] = 1; next } $2 in known' "$1" "$2"
}

echo
row target cases hash "same bits as on this machine"
levels=
for level in portable avx2 avx512 fastest; do
    status=0
    "$dir/host" "$level" >"$dir/host-$level.txt" || status=$?
    # 77: the host has said that this processor lacks the level. One without AVX-512 is common.
    test "$status" -ne 77 || { test "$level" = avx512 || test "${CI:-}" != true; } || exit 1
    test "$status" -ne 77 || continue
    test "$status" -eq 0
    grep '^case ' "$dir/host-$level.txt" >"$dir/host-$level.cases"
    levels="$levels $level"
    row "this machine, $level" "$(wc -l <"$dir/host-$level.cases")" \
        "$(hash_of "$dir/host-$level.txt")" -
done
"$dir/host" portable ulp | grep '^case ' >"$dir/ulp.all"

for target; do
    cases=$dir/$target.cases
    grep '^case ' "$dir/$target.txt" >"$cases"
    count=$(wc -l <"$cases")
    for level in $levels; do
        common "$cases" "$dir/host-$level.cases" >"$dir/expected.cases"
        if ! diff "$cases" "$dir/expected.cases"; then
            echo "same bits: $target has other bits than this machine at level $level" >&2
            exit 1
        fi
    done
    common "$cases" "$dir/ulp.all" >"$dir/ulp.cases"
    if ! awk 'NR == FNR { hash[$2] = $NF; next }
              !($2 in hash) || hash[$2] == $NF { print "not noticed: " $2; bad = 1 }
              END { exit bad || FNR != NR / 2 }' "$cases" "$dir/ulp.cases"; then
        echo "same bits: $target: one ulp in the data does not change the hash" >&2
        exit 1
    fi
    row "$(cat "$dir/$target.what")" "$count" "$(hash_of "$dir/$target.txt")" \
        "at$levels"
done
echo "One ulp in the data changes every hash."
