# Sourced by `make test` and `make chaos`: runs tests, prints one line per test file and the output of what failed, and counts.
# Needs: $logs, a folder for outputs. TESTS=pattern runs only what matches.
passed=0 failed=0
rm -rf "$logs"
mkdir -p "$logs"

verdict() { # NAME STATUS PASSED FAILED SECONDS [SKIPPED]
    passed=$((passed + $3))
    failed=$((failed + $4))
    if [ "$2" = 0 ] && [ "$4" = 0 ] && [ "$3" -gt 0 ]; then
        printf 'ok    %-60s %4d tests  %3d s\n' "$1" "$3" "$5"
    elif [ "$2" = 0 ] && [ "$4" = 0 ] && [ "${6:-0}" -gt 0 ]; then
        printf 'skip  %-60s %4d tests: %s\n' "$1" "$6" "$(sed -n 's/.*# SKIP //p' "$logs/${1//\//_}" | head -n 1)"
    else
        [ "$4" -gt 0 ] || failed=$((failed + 1)) # ended badly, or ran nothing
        printf 'FAIL  %-60s\n' "$1"
        tail -n 120 "$logs/${1//\//_}"
    fi
}

unit() { # BINARY NAME
    local log=$logs/${2//\//_} began=$SECONDS status good bad
    timeout 300 "$1" >"$log" 2>&1
    status=$?
    good=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep -c '^\[  FAILED  \] [^0-9]' "$log")
    [ "$bad" = 0 ] || bad=$(grep -oP '^ ?\K[0-9]+(?= FAILED TEST)' "$log" | tail -n 1)
    verdict "$2" $status "$good" "${bad:-1}" $((SECONDS - began))
}

node_test() { # FILE [SECONDS_MAX]
    local log=$logs/${1//\//_} began=$SECONDS status
    timeout "${2:-600}" node --test --test-reporter=tap "$1" >"$log" 2>&1
    status=$?
    verdict "$1" $status "$(sed -n 's/^# pass //p' "$log" | tail -n 1)" "$(sed -n 's/^# fail //p' "$log" | tail -n 1)" $((SECONDS - began)) \
        "$(sed -n 's/^# skipped //p' "$log" | tail -n 1)"
}

wanted() { [[ $1 == *${TESTS:-}* ]]; }

tally() {
    echo
    echo "$passed passed, $failed failed"
    [ $failed = 0 ] && [ $passed -gt 0 ]
}
